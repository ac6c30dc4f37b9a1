//! A manager that was lost is found again: it was re-executed, or the bus was restarted. Both take a
//! moment, in which its sockets are not there or nobody listens.

use std::time::Duration;

use anysvc_backend_api::{Deadline, Result};
use anysvc_backend_support::inotify::Watcher;

use super::{Failure, Gate, Manager, Work};
use crate::bus::Fault;

/// How long it may be away while something of ours is under way.
pub(crate) const UNDER_WAY: Duration = Duration::from_secs(30);
/// How long where nothing was begun: it may never have been there, as behind a bus of a machine without systemd.
const AT_FIRST: Duration = Duration::from_secs(10);
/// How long where nobody listens at its socket: it may be left over from one that is gone.
const A_MOMENT: Duration = Duration::from_secs(2);
/// A bus that is there need not know the manager yet, and nothing tells when it does.
const PAUSE: Duration = Duration::from_millis(50);

/// Connects and asks the first question; once more, and by another way, where the manager is lost meanwhile.
///
/// # Errors
/// When it is not there, stays away, or does not want to answer; when the deadline passes.
pub(crate) fn asked<T>(
    gate: &Gate,
    work: Work,
    ask: impl FnMut(&mut Manager) -> Result<T, Failure>,
    deadline: Deadline,
) -> Result<(Manager, T)> {
    let mut manager = open(gate, work, deadline)?;
    let answer = asked_by(gate, &mut manager, ask, deadline)?;
    Ok((manager, answer))
}

/// Connects; also to a manager that is being re-executed, of which there is only the socket for a moment.
///
/// # Errors
/// As [`Gate::open`].
pub(crate) fn open(gate: &Gate, work: Work, deadline: Deadline) -> Result<Manager> {
    match gate.open(work, deadline) {
        Err(closed) if closed.left || gate.has_own_socket() => {
            let patience = if closed.left { AT_FIRST } else { A_MOMENT };
            let opened = reconnect(gate, |_| Ok(()), patience, deadline)?;
            opened.map(|(manager, ())| manager).ok_or(closed.why)
        }
        opened => opened.map_err(|closed| closed.why),
    }
}

/// Asks what can be asked twice by a connection that is there, and by another one where that is lost.
///
/// # Errors
/// As [`asked`].
pub(crate) fn asked_by<T>(
    gate: &Gate,
    manager: &mut Manager,
    mut ask: impl FnMut(&mut Manager) -> Result<T, Failure>,
    deadline: Deadline,
) -> Result<T> {
    match ask(manager) {
        Ok(answer) => Ok(answer),
        Err(failure) if failure.is_loss() => {
            // That it does not answer says more than that the time is over.
            let again = reconnect(gate, ask, AT_FIRST, deadline)?;
            let (connected, answer) = again.ok_or_else(|| failure.error(gate.scope()))?;
            *manager = connected;
            Ok(answer)
        }
        Err(failure) => Err(failure.error(gate.scope())),
    }
}

/// Connects anew and asks the first question, until there is an answer; `None` when the deadline passed.
///
/// # Errors
/// When the manager stays away for longer than is waited for it, or does not want to answer.
pub(crate) fn reconnect<T>(
    gate: &Gate,
    mut ask: impl FnMut(&mut Manager) -> Result<T, Failure>,
    patience: Duration,
    deadline: Deadline,
) -> Result<Option<(Manager, T)>> {
    let mut sockets = Watcher::new()?;
    for folder in gate.folders() {
        // One that is not there can't be watched; the pause is short.
        let _ = sockets.add(&folder);
    }
    // Who is there and leaves again is one that will be back.
    let (mut patience, longer) = (Deadline::after(patience), Deadline::after(patience.max(AT_FIRST)));
    loop {
        let opened = gate.open(Work::Much, deadline);
        let error = match opened.map(|mut manager| (ask(&mut manager), manager)) {
            Ok((Ok(answer), manager)) => return Ok(Some((manager, answer))),
            Ok((Err(failure), _)) if failure.is_loss() => failure.error(gate.scope()),
            Ok((Err(Failure::Broken(Fault::Late)), _)) => return Ok(None),
            Ok((Err(failure), _)) => return Err(failure.error(gate.scope())),
            Err(closed) => {
                if closed.left {
                    patience = longer;
                }
                closed.why
            }
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
