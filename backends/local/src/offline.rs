//! What can be said without a supervisor: nothing runs, and the records know how it came to that. It
//! changes nothing.

use std::collections::BTreeMap;

use anysvc_backend_api::{Error, ErrorKind, Goal, Rest, Result, State, Status, WaitRequest};

use crate::{
    place::Place,
    records::{Kept, Records, boot},
    supervisor::NEW_BOOT,
};

/// All services, as nobody supervises them.
#[derive(Debug, Default)]
pub struct Offline {
    services: BTreeMap<String, Kept>,
    damaged: BTreeMap<String, Error>,
    same_boot: bool,
    left: bool,
}

impl Offline {
    /// Reads the records.
    ///
    /// # Errors
    /// When they can't be read at all.
    pub fn read(place: &Place) -> Result<Offline> {
        let records = Records::open(place)?;
        let session = records.session().unwrap_or_default();
        let found = records.all()?;
        let services = found.services.into_iter().map(|(name, (_, kept))| (name, kept)).collect();
        let damaged = found.damaged.into_iter().collect();
        Ok(Offline { services, damaged, same_boot: session.boot == boot(), left: session.left })
    }

    /// Whether a supervisor of this boot did not leave by itself, and something of it may run.
    pub fn was_killed(&self) -> bool {
        let alive = |kept: &Kept| kept.status.as_ref().is_some_and(|status| status.pid.is_some());
        self.same_boot && !self.left && self.services.values().any(|kept| kept.is_due() || alive(kept))
    }

    /// A service as it is.
    ///
    /// # Errors
    /// `not-registered`; `io` when its record is damaged.
    pub fn status(&self, name: &str) -> Result<Status> {
        if let Some(error) = self.damaged.get(name) {
            return Err(error.clone());
        }
        let kept = self.services.get(name).ok_or_else(|| Error::not_registered(name))?;
        let reason = if self.same_boot { "its supervisor was ended" } else { NEW_BOOT };
        Ok(kept.at_rest(name, reason))
    }

    /// What a supervisor that just came back says of a service, with that nobody kept it up until then:
    /// whoever brought it back is to know.
    pub fn brought_back(&self, status: Status) -> Status {
        let left = self.status(&status.name).is_ok_and(|before| before.rest == Some(Rest::Unattended));
        if left { Status { rest: Some(Rest::Unattended), ..status } } else { status }
    }

    /// All services that can be read.
    pub fn all(&self) -> Vec<Status> {
        self.services.keys().filter_map(|name| self.status(name).ok()).collect()
    }

    /// The answer to a wait, if it is settled already.
    pub fn settled(&self, request: &WaitRequest) -> Option<Result<Status>> {
        match self.status(&request.name) {
            Ok(status) if request.met_by(&status) || request.hopeless(&status) => Some(Ok(status)),
            Ok(_) => None,
            Err(error) if error.kind == ErrorKind::NotRegistered && request.goal == Goal::Gone => {
                Some(Ok(Status::new(&request.name, State::Stopped)))
            }
            Err(error) => Some(Err(error)),
        }
    }
}
