//! What the supervisor must know to come back, as files of its folder: `services/NAME` is how a service
//! was registered, `states/NAME` whether it is wanted up and how it was last, `session` where and when
//! the supervisor ran, and from which environment, until it leaves. Only the supervisor writes; anybody who may enter the folder reads. It must not
//! know processes.

mod file;
mod kept;

use std::collections::BTreeMap;

use anysvc_backend_api::{Error, Registration, Result, check_name};

pub use kept::{Kept, Session, boot};

use crate::place::Place;
use file::Folder;

/// The folder of engine records: which process belongs to which service.
pub const PROCESSES: &str = "processes";

const SERVICES: &str = "services";
const STATES: &str = "states";
const ASIDE: &str = "damaged";
const SESSION: &str = "session";

/// The records, open.
#[derive(Debug)]
pub struct Records {
    root: Folder,
    services: Option<Folder>,
    states: Option<Folder>,
}

/// What was found, and what could not be read.
#[derive(Debug, Default)]
pub struct Found {
    /// By name.
    pub services: BTreeMap<String, (Registration, Kept)>,
    /// Files that make no sense here, each with its error.
    pub damaged: Vec<(String, Error)>,
}

impl Records {
    /// Opens what is there, to read.
    ///
    /// # Errors
    /// When a folder can't be opened.
    pub fn open(place: &Place) -> Result<Records> {
        let root = Folder::of(place)?;
        let (services, states) = (root.enter(SERVICES)?, root.enter(STATES)?);
        Ok(Records { root, services, states })
    }

    /// Opens them to write, and makes what is not there.
    ///
    /// # Errors
    /// When a folder can't be made.
    pub fn create(place: &Place) -> Result<Records> {
        let root = Folder::of(place)?;
        let services = Some(root.make(SERVICES)?);
        let states = Some(root.make(STATES)?);
        for folder in [Some(&root), services.as_ref(), states.as_ref()].into_iter().flatten() {
            folder.sweep()?;
        }
        Ok(Records { root, services, states })
    }

    /// Everything that is registered.
    ///
    /// # Errors
    /// When the folder can't be read at all.
    pub fn all(&self) -> Result<Found> {
        let mut found = Found::default();
        let Some(services) = &self.services else { return Ok(found) };
        for name in services.names()? {
            match self.one(&name) {
                Ok(Some(entry)) => drop(found.services.insert(name, entry)),
                Ok(None) => (),
                Err(error) => found.damaged.push((name, error)),
            }
        }
        Ok(found)
    }

    /// One service; `None` when it is not registered.
    ///
    /// # Errors
    /// When its record is damaged or can't be read.
    pub fn one(&self, name: &str) -> Result<Option<(Registration, Kept)>> {
        let Some(services) = &self.services else { return Ok(None) };
        // What is no name of ours may be a path to somewhere else.
        if check_name(name).is_err() {
            return Ok(None);
        }
        let Some(registration) = services.read::<Registration>(name)? else { return Ok(None) };
        if registration.spec.name != name {
            return Err(services.damaged(name, "it is the record of another service"));
        }
        // A state that can't be read costs the history, not the service.
        let state = self.states.as_ref().map(|states| states.read(name)).transpose();
        let kept = state.unwrap_or_default().flatten().unwrap_or_default();
        Ok(Some((registration, kept)))
    }

    /// Registers a service, or replaces how it is registered.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put(&self, registration: &Registration) -> Result<()> {
        writable(&self.services)?.write(&registration.spec.name, registration.clone())
    }

    /// Keeps how a service is.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep(&self, name: &str, kept: &Kept) -> Result<()> {
        writable(&self.states)?.write_over(name, kept.clone())
    }

    /// Forgets a service.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn forget(&self, name: &str) -> Result<()> {
        writable(&self.services)?.remove(name)?;
        writable(&self.states)?.remove(name)
    }

    /// Puts a damaged record where nobody reads it and people find it.
    ///
    /// # Errors
    /// When it can't be moved.
    pub fn set_aside(&self, name: &str) -> Result<()> {
        writable(&self.services)?.hand_over(name, &self.root.make(ASIDE)?)
    }

    /// The session of the last supervisor, or of the running one.
    pub fn session(&self) -> Option<Session> {
        self.root.read(SESSION).ok().flatten()
    }

    /// Writes the session.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(&self, session: &Session) -> Result<()> {
        self.root.write(SESSION, session.clone())
    }
}

/// The content of the file that registering a service writes.
pub fn content(registration: &Registration) -> Vec<u8> {
    file::content(registration.clone())
}

fn writable(folder: &Option<Folder>) -> Result<&Folder> {
    folder.as_ref().ok_or_else(|| Error::unsupported("these records were opened to be read only"))
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
