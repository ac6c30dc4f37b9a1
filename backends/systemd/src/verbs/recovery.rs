//! A manager that was lost is found again: it was re-executed, or the bus was restarted. Both take a
//! moment, in which its sockets are not there or nobody listens.

use std::time::Duration;

use anysvc_backend_api::{Deadline, Result};
use anysvc_backend_support::inotify::Watcher;

use crate::manager::{Failure, Gate, Manager, Work, failure};

/// How long it may be away.
const PATIENCE: Duration = Duration::from_secs(30);
/// A bus that is there need not know the manager yet, and nothing tells when it does.
const PAUSE: Duration = Duration::from_millis(50);

/// Connects anew and asks the first question, until there is an answer; `None` when the deadline passed.
///
/// # Errors
/// When the manager stays away, or does not want to answer.
pub(super) fn reconnect<T>(
    gate: &Gate,
    mut ask: impl FnMut(&mut Manager) -> Result<T, Failure>,
    deadline: Deadline,
) -> Result<Option<(Manager, T)>> {
    let mut sockets = Watcher::new()?;
    for folder in gate.folders() {
        // One that is not there can't be watched; the pause is short.
        let _ = sockets.add(&folder);
    }
    let patience = Deadline::after(PATIENCE);
    loop {
        let opened = gate.open(Work::Much, deadline);
        let error = match opened.map(|mut manager| (ask(&mut manager), manager)) {
            Ok((Ok(answer), manager)) => return Ok(Some((manager, answer))),
            Ok((Err(Failure::Refused(refusal)), _)) if !failure::unanswered(&refusal) => {
                return Err(failure::refused(&refusal, "systemd", gate.scope()));
            }
            Ok((Err(failure), _)) => failure.about("systemd", gate.scope()),
            Err(error) => error,
        };
        if deadline.passed() {
            return Ok(None);
        }
        if patience.passed() {
            return Err(error);
        }
        sockets.wait(deadline.min(Deadline::after(PAUSE)))?;
    }
}
