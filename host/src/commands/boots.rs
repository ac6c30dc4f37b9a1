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
pub fn note(store: &Locked<'_>, mut boots: Boots, backend: &Opened, boot: Option<&str>) -> Result<()> {
    match boot {
        Some(boot) if boots.is_new(&backend.id, backend.scope, boot) => {
            boots.note(&backend.id, backend.scope, boot);
            store.write_note(BOOT_FILE, &boots.to_string())
        }
        _ => Ok(()),
    }
}

/// Notes it for a manager of which nothing is noted yet: what is registered now was not there at an
/// earlier start.
pub fn note_first(store: &Locked<'_>, backend: &Opened, deadline: Deadline) {
    let noted = read(store).and_then(|boots| match boots.of(&backend.id, backend.scope) {
        Some(_) => Ok(()),
        None => note(store, boots, backend, backend.remote.probe(deadline)?.boot.as_deref()),
    });
    // The next reconcile will take its time for a boot, which harms nobody who registers.
    if let Err(error) = noted {
        log::warn!("the start of the manager could not be noted: {error}");
    }
}
