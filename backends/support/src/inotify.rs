//! Waiting until something in some folders changes, or somebody cancels, without polling. Knows nothing
//! of what the folders hold.

use std::path::Path;

use anysvc_backend_api::{Deadline, Result};

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something may have changed.
    Changed,
    /// The canceller was used, now or before.
    Cancelled,
    /// The deadline passed.
    TimedOut,
}

/// Some folders under watch.
#[derive(Debug)]
pub struct Watcher(());

impl Watcher {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the system's limit of watchers is reached.
    pub fn new() -> Result<Watcher> {
        Err(anysvc_backend_api::Error::unsupported("to be written"))
    }

    /// Watches a folder for entries that are created, written, renamed or removed.
    ///
    /// # Errors
    /// When it can't be watched.
    pub fn add(&mut self, folder: &Path) -> Result<()> {
        let _ = folder;
        Err(anysvc_backend_api::Error::unsupported("to be written"))
    }

    /// Waits for a change since the last wait (or since a folder was added).
    ///
    /// # Errors
    /// When the descriptors can't be read.
    pub fn wait(&mut self, deadline: Deadline) -> Result<Woken> {
        let _ = deadline;
        Err(anysvc_backend_api::Error::unsupported("to be written"))
    }

    /// A function that ends a wait under way, and every later one, from any thread.
    pub fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| ())
    }
}
