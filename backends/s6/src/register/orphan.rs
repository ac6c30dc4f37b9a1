//! Services whose directory somebody removed by hand: their supervisors stay until s6-svscan is told to prune, and
//! with the name published anew there would be two of the service. What tells of them is the logger, which
//! holds the lock of its folder. (Of one without a logger nothing does that costs as little.) It must not know
//! what is published.

use std::{fs, path::Path};

use anysvc_backend_api::{Batch, Error, Registration, Result};
use anysvc_backend_support::socket;
use rustix::{
    event::PollFlags,
    fs::{CWD, Mode, OFlags, openat},
    process::{Flock, FlockType, Pid, PidfdFlags, fcntl_getlk, pidfd_open},
};

use super::{Existing, Plan};
use crate::{
    removal,
    scandir::{RESCAN_AND_PRUNE, Scandir, Svscan},
};

/// What the kernel adds to the path of a folder that is gone.
const GONE: &str = " (deleted)";

/// Ends what runs under names that are to be published and that have no directory. Under the scandir's lock.
pub(super) fn end(
    scandir: &Scandir,
    batch: &Batch<Registration>,
    plans: Vec<Result<Plan>>,
) -> Vec<Result<Plan>> {
    batch.then(plans, |registration, plan| {
        let is_new = plan.existing == Existing::Absent && !registration.offline && plan.has_logger();
        let orphan = if is_new { logger(registration) } else { None };
        let Some(supervisor) = orphan else { return Ok(plan) };
        log::warn!("`{}` was removed by hand and still runs; it is ended first", registration.spec.name);
        let process = pidfd_open(supervisor, PidfdFlags::empty());
        Svscan::new(scandir.path()).tell(RESCAN_AND_PRUNE)?;
        // One that can't be opened has just ended.
        let Ok(process) = process else { return Ok(plan) };
        socket::ready(process, PollFlags::IN, batch.deadline)
            .map(|_| plan)
            .map_err(|_| still_there(&registration.spec.name))
    })
}

fn still_there(name: &str) -> Error {
    Error::timed_out(format!("`{name}` was removed by hand, still runs, and does not end"))
        .with_hint(removal::not_left().hint.unwrap_or_default())
}

/// The supervisor of a logger that writes where this service's is to, and whose directory is gone.
fn logger(registration: &Registration) -> Option<Pid> {
    let folder = registration.spec.log.directory.as_ref().unwrap_or(&registration.log_directory);
    let supervisor = parent(holder(folder)?)?;
    let at = fs::read_link(format!("/proc/{supervisor}/cwd")).ok()?;
    let expected = format!("/{}/log{GONE}", registration.spec.name);
    at.to_str().is_some_and(|path| path.ends_with(&expected)).then_some(supervisor)
}

/// Who holds the lock of a log folder.
fn holder(folder: &Path) -> Option<Pid> {
    let folder = openat(CWD, folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let lock = openat(folder, "lock", flags, Mode::empty()).ok()?;
    fcntl_getlk(lock, &Flock::from(FlockType::ReadLock)).ok()??.pid
}

fn parent(process: Pid) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Pid::from_raw(line.trim().parse().ok()?)
}
