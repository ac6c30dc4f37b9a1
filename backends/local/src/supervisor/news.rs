//! What becomes of services, in the supervisor's log: a line when one runs, ends, is tried again or given
//! up. Pure but for the logging; it must not know requests.

use anysvc_backend_api::{State, Status};

/// What was told last of a service.
#[derive(Debug, Default)]
pub struct News(Option<(State, Option<u32>)>);

impl News {
    /// Tells how a service is now, if that is new.
    pub fn tell(&mut self, status: &Status) {
        let now = (status.state, status.pid);
        // Where it is on its way to is told when it is there.
        if matches!(status.state, State::Starting | State::Stopping) || self.0 == Some(now) {
            return;
        }
        self.0 = Some(now);
        let name = &status.name;
        let reason = status.reason.as_deref().unwrap_or("no reason is known");
        match (status.state, status.pid) {
            (State::Running, Some(pid)) => {
                let again = status.restarts.filter(|restarts| *restarts > 0);
                let again = again.map(|restarts| format!(", restart {restarts}")).unwrap_or_default();
                log::info!("`{name}` runs: process {pid}{again}");
            }
            (State::Backoff, _) => log::warn!("`{name}` ended: {reason}; it is started again"),
            (State::Failed, _) => log::error!("`{name}` failed: {reason}"),
            (state, _) => log::info!("`{name}` is {state}: {reason}"),
        }
    }
}
