//! Which start of each manager the store was last made to match under. It must not know what a boot means
//! for a service.

use anysvc_backend_api::{Deadline, Result};

use crate::{
    reconcile::{BOOT_FILE, Boots},
    session::Opened,
    store::{Locked, Store},
};

/// What was noted.
///
/// # Errors
/// When it can't be read.
pub fn read(store: &Store) -> Result<Boots> {
    Ok(store.note(BOOT_FILE)?.as_deref().map(Boots::parse).unwrap_or_default())
}

/// Notes the start of a manager, if that is news.
///
/// # Errors
/// When it can't be written.
pub fn note(store: &Locked<'_>, mut boots: Boots, backend: &Opened, start: &Start) -> Result<()> {
    let before = boots.clone();
    match start {
        Start::Known(identity) => boots.note(&backend.id, backend.scope, identity),
        Start::Ahead(machine) => boots.note_ahead(&backend.id, backend.scope, machine),
        Start::Unknown => {}
    }
    if boots == before { Ok(()) } else { store.write_note(BOOT_FILE, &boots.to_string()) }
}

/// Which start of a manager it is.
#[derive(Clone, Debug)]
pub enum Start {
    /// This one.
    Known(String),
    /// It is still to come, in this boot of the machine or container.
    Ahead(String),
    /// The backend can't tell.
    Unknown,
}

impl From<Option<String>> for Start {
    fn from(boot: Option<String>) -> Start {
        boot.map_or(Start::Unknown, Start::Known)
    }
}

/// Notes it for a manager of which nothing is noted yet: what is registered now was not there at an
/// earlier start.
pub fn note_first(store: &Locked<'_>, backend: &Opened, deadline: Deadline) {
    let noted = read(store).and_then(|boots| match boots.of(&backend.id, backend.scope) {
        Some(_) => Ok(()),
        None => note(store, boots, backend, &backend.remote.probe(deadline)?.boot.into()),
    });
    // The next reconcile will take its time for a boot, which harms nobody who registers.
    if let Err(error) = noted {
        log::warn!("the start of the manager could not be noted: {error}");
    }
}
