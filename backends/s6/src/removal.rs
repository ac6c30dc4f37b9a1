//! Taking service directories out of a scandir, under its lock: renamed out of s6-svscan's sight, then
//! pruned, then deleted when the supervisors are gone. Also the left-overs of those who were killed over
//! it. It stops nothing: what still runs is ended by its supervisor.

use std::{ffi::CString, time::Duration};

use anysvc_backend_api::{Deadline, Error, Result};
use rustix::{
    fs::{AtFlags, renameat, statat},
    io::Errno,
    process::geteuid,
};

use crate::{
    control::{DOWN, EXIT, KILL},
    listen::Awaited,
    scandir::{Lock, RESCAN_AND_PRUNE, Scandir, Svscan, denied},
    slot,
    state::Reader,
    sys::{random_name, remove_tree},
    waiting,
};

/// How our folders begin that are no service directories (yet, or any more). Under the lock every one
/// of them is a left-over.
pub(crate) const PREFIX: &str = ".anysvc-";
/// Pruning takes under 1 ms. Supervisors that are not s6-svscan's own children (it was killed and
/// started again) do not hear of it, and are told themselves after so long.
const PRUNED_IN: Duration = Duration::from_millis(250);
/// The same for left-overs, which had their time; and all the time that others lose over them.
const LEFT_OVER_IN: Duration = Duration::from_millis(50);
const SWEPT_IN: Duration = Duration::from_millis(250);

/// What was a service directory.
#[derive(Debug)]
pub(crate) struct Tombstone {
    name: String,
}

impl Tombstone {
    /// Takes a service directory out of s6-svscan's sight.
    ///
    /// # Errors
    /// `not-registered`, `permission-denied`, `io`.
    pub(crate) fn bury(scandir: &Scandir, name: &str) -> Result<Tombstone> {
        let failed = |error| match error {
            Errno::NOENT => Error::not_registered(name),
            Errno::ACCESS | Errno::PERM => denied("rename", &scandir.path().join(name), error),
            other => scandir.io("rename", name, other),
        };
        let hidden = random_name(PREFIX).map_err(failed)?;
        renameat(scandir.fd(), name, scandir.fd(), &hidden).map_err(failed)?;
        Ok(Tombstone { name: hidden })
    }

    /// Puts it back.
    ///
    /// # Errors
    /// `io`.
    pub(crate) fn restore(self, scandir: &Scandir, name: &str) -> Result<()> {
        renameat(scandir.fd(), &self.name, scandir.fd(), name).map_err(|e| scandir.io("restore", name, e))
    }

    /// Deletes it: nobody supervises it any more.
    ///
    /// # Errors
    /// `permission-denied`, `io`.
    pub(crate) fn erase(self, scandir: &Scandir) -> Result<()> {
        erase(scandir, &self.name)
    }

    /// What it is called now.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Ends the supervisors of what was buried and deletes it. What is left at the deadline stays, for the
/// next one to sweep: whether each is gone is the answer.
pub(crate) fn end(scandir: &Scandir, tombstones: Vec<Tombstone>, deadline: Deadline) -> Vec<Result<()>> {
    end_in(scandir, tombstones, PRUNED_IN, deadline)
}

fn end_in(
    scandir: &Scandir,
    tombstones: Vec<Tombstone>,
    patience: Duration,
    deadline: Deadline,
) -> Vec<Result<()>> {
    let names: Vec<&str> = tombstones.iter().map(Tombstone::name).collect();
    let left = match prune_in(scandir, &names, patience, deadline) {
        Ok(left) => left,
        Err(error) => return names.iter().map(|_| Err(error.clone())).collect(),
    };
    let finish = |(index, name): (usize, &&str)| match left.contains(&index) {
        false => erase(scandir, name),
        true => Err(not_left()),
    };
    names.iter().enumerate().map(finish).collect()
}

/// What is said where a supervisor takes longer than the deadline.
pub(crate) fn not_left() -> Error {
    Error::timed_out("its supervisor has not left yet")
        .with_hint("the next `register` or `unregister` removes what is left of it")
}

/// Ends the supervisors, and gives back the indices of those that are still there at the deadline.
///
/// # Errors
/// When they can't be told, or watched.
pub(crate) fn prune(scandir: &Scandir, names: &[&str], deadline: Deadline) -> Result<Vec<usize>> {
    prune_in(scandir, names, PRUNED_IN, deadline)
}

fn prune_in(scandir: &Scandir, names: &[&str], patience: Duration, deadline: Deadline) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(scandir);
    let some_alone = names.iter().any(|name| is_alone(&mut reader, name));
    let told = Svscan::new(scandir.path()).tell(RESCAN_AND_PRUNE);
    if some_alone && told.is_ok() {
        // A supervisor that s6-svscan has begun and that is not in its folder yet goes there by name, and
        // would find what comes to the place next. It is ended now, as all are that have nothing there.
        waiting::until_scanned(scandir, deadline);
    }
    let mut left: Vec<usize> = (0..names.len()).collect();
    // For how many rounds each logger has been alone. Those of the first begin alone: what is pruned
    // here was stopped before.
    let mut alone = vec![1_u32; names.len()];
    loop {
        let open: Vec<&str> = left.iter().map(|&index| names[index]).collect();
        let round = deadline.min(Deadline::after(patience));
        let gone = |reader: &mut Reader<'_>, at: usize| is_unsupervised(reader, open[at]);
        let still = waiting::until(scandir, &open, Awaited::NoSupervisor, round, gone)?;
        left = still.into_iter().map(|at| left[at]).collect();
        if left.is_empty() {
            // Without an s6-svscan there may be nobody to prune.
            return Ok(left);
        }
        for &index in &left {
            alone[index] = hurry(&mut reader, names[index], alone[index]);
        }
        if deadline.passed() {
            return told.map(|()| left);
        }
    }
}

/// Tells supervisors that are still there to leave. A logger that outlives its service waits for the end
/// of its input, which may never come: a process that left the service's session may hold the pipe.
fn hurry(reader: &mut Reader<'_>, name: &str, alone: u32) -> u32 {
    let (scandir, logger) = (reader.scandir(), format!("{name}/log"));
    // Without a supervisor there is nobody to tell.
    let tell = |name: &str, commands: &[u8]| drop(slot::tell(scandir, name, commands));
    if reader.supervised(name) != Some(false) {
        tell(name, &[EXIT]);
        tell(&logger, &[EXIT]);
        return 0;
    }
    match alone {
        0 => {}
        1 => tell(&logger, &[DOWN, EXIT]),
        // s6-log ends at the end of a line.
        _ => tell(&logger, &[KILL, DOWN, EXIT]),
    }
    alone.saturating_add(1)
}

fn is_unsupervised(reader: &mut Reader<'_>, name: &str) -> bool {
    is_free(reader, name) && is_free(reader, &format!("{name}/log"))
}

/// Whether it lacks its supervisor, or its logger one.
fn is_alone(reader: &mut Reader<'_>, name: &str) -> bool {
    is_free(reader, name) || (reader.has(name, "log") && is_free(reader, &format!("{name}/log")))
}

fn is_free(reader: &mut Reader<'_>, name: &str) -> bool {
    reader.supervised(name) == Some(false)
}

fn erase(scandir: &Scandir, name: &str) -> Result<()> {
    let failed = |error| match error {
        Errno::ACCESS | Errno::PERM => denied("remove", &scandir.path().join(name), error),
        other => scandir.io("remove", name, other),
    };
    let name = CString::new(name).map_err(|_| failed(Errno::INVAL))?;
    remove_tree(scandir.fd(), &name).map_err(failed)
}

/// Removes what those left behind who were killed over a registration or a removal. Only our own: root
/// meddles with nobody's files, and nobody can remove root's. Failures are nobody's business but the
/// log's, and they take little of anybody's time: left-overs are in nobody's way.
pub(crate) fn sweep(scandir: &Scandir, lock: &Lock, deadline: Deadline) {
    let Some(_others) = lock.of_the_others(scandir) else { return };
    let deadline = deadline.min(Deadline::after(SWEPT_IN));
    let mut found = Vec::new();
    let read = scandir.each_entry(|name, _| {
        let ours = name.to_str().is_ok_and(|name| name.starts_with(PREFIX))
            && statat(scandir.fd(), name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| stat.st_uid == geteuid().as_raw());
        if ours {
            found.push(Tombstone { name: name.to_string_lossy().into_owned() });
        }
    });
    for result in read.map(|()| end_in(scandir, found, LEFT_OVER_IN, deadline)).unwrap_or_default() {
        if let Err(error) = result {
            log::warn!("cannot remove a left-over: {error}");
        }
    }
}
