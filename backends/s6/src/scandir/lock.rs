//! The one lock under which service directories appear and disappear: flock(2) on the scandir's own
//! descriptor, so that any uid that works there can take it and a killed holder leaves nothing behind.

use std::{os::fd::OwnedFd, sync::mpsc::channel};

use anysvc_backend_api::{Deadline, Error, Result};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::Scandir;

/// The lock, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing it is what unlocks")] OwnedFd);

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// `timed-out` if others hold it past the deadline.
    pub(crate) fn take(scandir: &Scandir, deadline: Deadline) -> Result<Lock> {
        let failed = |error: Errno| Error::io("lock the scandir", scandir.path(), &error.into());
        // A descriptor of its own: the lock belongs to the open file, and threads share ours.
        let fd = crate::sys::open_folder(scandir.path()).map_err(failed)?;
        match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock(fd)),
            Err(Errno::WOULDBLOCK) => {}
            Err(error) => return Err(failed(error)),
        }
        wait(fd, deadline).unwrap_or(Err(Errno::TIMEDOUT)).map_err(|error| match error {
            Errno::TIMEDOUT => {
                Error::timed_out(format!("others kept the scandir {} locked", scandir.path().display()))
                    .with_path(scandir.path())
            }
            other => failed(other),
        })
    }
}

/// flock(2) knows no time-out, so that a thread waits in it: in turn with all others, which trying again
/// and again would not be. One that is no longer waited for gives the lock back as soon as it has it.
fn wait(fd: OwnedFd, deadline: Deadline) -> Option<Result<Lock, Errno>> {
    let (answer, answered) = channel();
    std::thread::Builder::new()
        .name("anysvc-s6-lock".to_owned())
        .stack_size(64 << 10)
        .spawn(move || {
            let locked = loop {
                match flock(&fd, FlockOperation::LockExclusive) {
                    Err(Errno::INTR) => {}
                    other => break other.map(|()| Lock(fd)),
                }
            };
            drop(answer.send(locked));
        })
        .ok()?;
    match deadline.remaining() {
        Some(left) => answered.recv_timeout(left).ok(),
        None => answered.recv().ok(),
    }
}
