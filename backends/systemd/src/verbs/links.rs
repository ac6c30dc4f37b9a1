//! What `start` and `stop` say of the next boot: the link of one of ours whose boot is to be like its last order.
//! Links are changed under the lock of the folders of units, as whoever removes or replaces a service just then
//! has the last word.

use std::{os::fd::OwnedFd, time::Duration};

use anysvc_backend_api::{Boot, Deadline, Result};

use super::{Services, at_least, folder_of, mark_of};
use crate::{manager::Unit, shelf};

/// Who has the lock is soon done.
const SOON: Duration = Duration::from_secs(1);

/// The links of a scope, as long as they are changed.
pub(super) struct Links<'a> {
    services: &'a Services<'a>,
    deadline: Deadline,
    /// Taken where something is to be changed.
    lock: Option<OwnedFd>,
    changed: bool,
}

impl<'a> Links<'a> {
    pub(super) fn new(services: &'a Services<'a>, deadline: Deadline) -> Links<'a> {
        Links { services, deadline: at_least(SOON, deadline), lock: None, changed: false }
    }

    /// It starts at boot from now on, or does not.
    ///
    /// # Errors
    /// When the link can't be changed, or others keep the lock.
    pub(super) fn set(&mut self, unit: &Unit, enabled: bool) -> Result<()> {
        let restored = || mark_of(self.services.place, unit).is_some_and(|mark| mark.boot == Boot::Restore);
        let Some(folder) = folder_of(self.services.place, unit) else { return Ok(()) };
        if folder.enabled(&unit.listed.id) == enabled {
            return Ok(());
        }
        if self.lock.is_none() {
            if !restored() {
                return Ok(());
            }
            self.lock = shelf::lock(self.services.place, self.deadline)?;
        }
        // While there was no lock, it may have become another, or gone.
        if restored() {
            self.changed |= folder.set_enabled(&unit.listed.id, enabled)?;
        }
        Ok(())
    }

    /// Has the changes outlast a crash of the machine, and lets others in.
    pub(super) fn done(self) {
        if self.changed {
            self.services.place.lasting().flush_links();
        }
    }
}
