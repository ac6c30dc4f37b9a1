//! Getting supervisors for service directories that are there: asking s6-svscan to look, waiting for
//! the supervisors' locks, and the way out of limbo. It does not know what a service is.
//!
//! Limbo: an s6-svscan of 2.12 to 2.15 whose scan is aborted (by anything that it can't stat) has noted
//! the services that it saw first in that scan, and does not start them: it starts services when it meets
//! a new one, all that wait then. A service directory with another inode is new, so that one of those in
//! limbo, put back in a new folder, gets all of them out.

use std::time::Duration;

use anysvc_backend_api::{Deadline, Error, Result};

use crate::{
    build,
    removal::{self, Tombstone},
    scandir::{Lock, RESCAN, Scandir, Svscan},
    state::{Reader, Told},
    sys::exists,
    waiting,
};

/// After so long without any progress we ask again, then after twice as long, and so on: a supervisor is
/// there after 1 ms on an idle machine, but on a busy one it may just be slow.
const PATIENCE: Duration = Duration::from_millis(500);
/// So many times without progress are limbo, where s6-svscan has heard all that it was told.
const LIMBO: u32 = 3;

/// Takes the lock, and gets supervisors for services that have none.
///
/// # Errors
/// `manager-unavailable`, `permission-denied`, `timed-out`.
pub(crate) fn supervise(scandir: &Scandir, names: &[&str], deadline: Deadline) -> Result<()> {
    let _lock = Lock::take(scandir, deadline)?;
    let missing = supervise_locked(scandir, names, deadline)?;
    missing.first().map_or(Ok(()), |&index| Err(not_taken(scandir, names[index])))
}

/// The same under the lock. The services that have no supervisor at the deadline are given back, as
/// indices.
///
/// # Errors
/// `manager-unavailable`, `permission-denied`, `io`.
pub(crate) fn supervise_locked(scandir: &Scandir, names: &[&str], deadline: Deadline) -> Result<Vec<usize>> {
    let mut reader = Reader::new(scandir);
    // A supervisor's first act is to write the status anew.
    let before: Vec<Told> = names.iter().map(|name| reader.told(name)).collect();
    ask(scandir, names, deadline, |reader, at| {
        reader.told(names[at]) != before[at] && is_supervised(reader, names[at])
    })
}

/// The same for services that were published just now, as nobody has been in their folders yet. For each
/// whether it has a logger.
///
/// # Errors
/// As `supervise_locked`.
pub(crate) fn supervise_new(
    scandir: &Scandir,
    names: &[&str],
    loggers: &[bool],
    deadline: Deadline,
) -> Result<Vec<usize>> {
    // The lock comes before the FIFO and the first status, so that all is there with that.
    ask(scandir, names, deadline, |reader, at| {
        reader.has(names[at], "supervise/status")
            && (!loggers[at] || reader.has(names[at], "log/supervise/status"))
    })
}

/// Asks s6-svscan to look until each supervisor is there, or the deadline passes.
fn ask(
    scandir: &Scandir,
    names: &[&str],
    deadline: Deadline,
    mut is_there: impl FnMut(&mut Reader<'_>, usize) -> bool,
) -> Result<Vec<usize>> {
    let svscan = Svscan::new(scandir.path());
    svscan.tell(RESCAN)?;
    let mut open: Vec<usize> = (0..names.len()).collect();
    let mut idle = 0;
    loop {
        let attempt = deadline.min(Deadline::after(PATIENCE * (1 << idle.min(LIMBO))));
        let still = waiting::in_turn(scandir, names, &open, attempt, &mut is_there)?;
        if still.is_empty() || deadline.passed() {
            return Ok(still);
        }
        idle = if still.len() < open.len() { 0_u32 } else { idle + 1 };
        open = still;
        match idle {
            0 => {}
            n if n >= LIMBO && svscan.has_heard_all() => leave_limbo(scandir, names[open[0]], deadline)?,
            _ => svscan.tell(RESCAN)?,
        }
    }
}

/// Whether a service has its supervisor, and its logger one too.
fn is_supervised(reader: &mut Reader<'_>, name: &str) -> bool {
    let held = |reader: &mut Reader<'_>, name: &str| reader.supervised(name) == Some(true);
    let log = format!("{name}/log");
    held(reader, name) && (!exists(reader.scandir().fd(), &log).unwrap_or(false) || held(reader, &log))
}

/// Gives a service directory another inode: the files move, the folder is new. A supervisor that was only
/// slow is ended before: else it would find the folder that its successor works in.
fn leave_limbo(scandir: &Scandir, name: &str, deadline: Deadline) -> Result<()> {
    log::warn!("s6-svscan does not start a supervisor for {name}; publishing it again");
    let old = Tombstone::bury(scandir, name)?;
    let left = removal::prune(scandir, &[old.name()], deadline);
    if !left.as_ref().is_ok_and(Vec::is_empty) {
        old.restore(scandir, name)?;
        return left.map(|_| ());
    }
    build::renew(scandir, &old, name)?;
    old.erase(scandir)?;
    Svscan::new(scandir.path()).tell(RESCAN)
}

/// The error for a service that s6-svscan did not take.
pub(crate) fn not_taken(scandir: &Scandir, name: &str) -> Error {
    let error = Error::timed_out(format!("s6-svscan started no supervisor for `{name}` in time"));
    let dangling = scandir.dangling();
    error.with_path(scandir.path().join(name)).with_hint(if dangling.is_empty() {
        "look at what s6-svscan wrote to its standard error".to_owned()
    } else {
        format!(
            "remove what leads nowhere from {}, at which s6-svscan gives up: {}",
            scandir.path().display(),
            dangling.join(", ").escape_debug()
        )
    })
}
