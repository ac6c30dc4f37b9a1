//! Getting supervisors for service directories that are there: asking s6-svscan to look, waiting for
//! the supervisors' locks, and the way out of limbo. It does not know what a service is.
//!
//! Limbo: an s6-svscan of 2.12 to 2.15 whose scan is aborted (by anything that it can't stat) has noted
//! the services that it saw first in that scan, and never starts them: only what is new to it is
//! started. A service directory with another inode is new.

use std::time::Duration;

use anysvc_backend_api::{Deadline, Error, Result};

use crate::{
    build,
    removal::{self, Tombstone},
    scandir::{Lock, RESCAN, RESCAN_AND_PRUNE, Scandir, Svscan},
    state::{Reader, Told},
    sys::exists,
    waiting,
};

/// After so long without any progress we ask again, after twice as long again we take it for limbo, and
/// so on: a supervisor is there after 1 ms on an idle machine, but on a busy one it may just be slow.
const PATIENCE: Duration = Duration::from_millis(500);

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
    let svscan = Svscan::new(scandir.path());
    let mut reader = Reader::new(scandir);
    let before = names.iter().map(|name| told(&mut reader, name)).collect::<Result<Vec<_>>>()?;
    svscan.tell(RESCAN)?;
    let mut open: Vec<usize> = (0..names.len()).collect();
    let mut idle = 0;
    loop {
        let left: Vec<&str> = open.iter().map(|&index| names[index]).collect();
        let attempt = deadline.min(Deadline::after(PATIENCE * (1 << idle.min(8))));
        let is_there = |reader: &mut Reader<'_>, at: usize| {
            // The lock comes before the FIFO and the first status, so that all is there with that.
            let reports = told(reader, left[at]).is_ok_and(|told| told != before[open[at]]);
            reports && is_supervised(reader, left[at])
        };
        let still = waiting::until(scandir, &left, true, attempt, is_there)?;
        if still.is_empty() || deadline.passed() {
            return Ok(still.into_iter().map(|at| open[at]).collect());
        }
        idle = if still.len() < open.len() { 0_u32 } else { idle + 1 };
        open = still.into_iter().map(|at| open[at]).collect();
        match idle {
            0 => {}
            n if n % 2 == 1 => svscan.tell(RESCAN)?,
            _ => leave_limbo(scandir, open.iter().map(|&index| names[index]), deadline)?,
        }
    }
}

/// What a service's status file tells; a supervisor's first act is to write it anew.
fn told(reader: &mut Reader<'_>, name: &str) -> Result<Option<Told>> {
    Ok(reader.slot(name)?.map(|slot| slot.told))
}

/// Whether a service has its supervisor, and its logger one too.
fn is_supervised(reader: &mut Reader<'_>, name: &str) -> bool {
    let held = |reader: &mut Reader<'_>, name: &str| reader.supervised(name) == Some(true);
    let log = format!("{name}/log");
    held(reader, name) && (!exists(reader.scandir().fd(), &log).unwrap_or(false) || held(reader, &log))
}

/// Gives each service directory another inode: the files move, the folder is new.
fn leave_limbo<'a>(
    scandir: &Scandir,
    names: impl Iterator<Item = &'a str>,
    deadline: Deadline,
) -> Result<()> {
    let mut old = Vec::new();
    for name in names {
        log::warn!("s6-svscan does not start a supervisor for {name}; publishing it again");
        let tombstone = Tombstone::bury(scandir, name)?;
        build::renew(scandir, &tombstone, name)?;
        old.push(tombstone);
    }
    Svscan::new(scandir.path()).tell(RESCAN_AND_PRUNE)?;
    // Mostly nothing is left there; a supervisor that did start in the old folder has to leave it.
    removal::end(scandir, old, deadline.min(Deadline::after(PATIENCE)));
    Ok(())
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
