//! An exclusive lock on an open file, within a deadline. A killed holder leaves nothing behind. It knows
//! nothing of what is locked.

use std::{os::fd::OwnedFd, sync::mpsc::channel};

use anysvc_backend_api::Deadline;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Takes it; it is held until the descriptor is closed.
///
/// # Errors
/// `TIMEDOUT` where others hold it past the deadline.
pub fn exclusive(fd: OwnedFd, deadline: Deadline) -> Result<OwnedFd, Errno> {
    match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(fd),
        Err(Errno::WOULDBLOCK) => wait(fd, deadline).unwrap_or(Err(Errno::TIMEDOUT)),
        Err(error) => Err(error),
    }
}

/// flock(2) knows no time-out, so that a thread waits in it: in turn with all others, which trying again
/// and again would not be. One that is no longer waited for gives the lock back as soon as it has it.
fn wait(fd: OwnedFd, deadline: Deadline) -> Option<Result<OwnedFd, Errno>> {
    let (answer, answered) = channel();
    std::thread::Builder::new()
        .name("anysvc-lock".to_owned())
        .stack_size(64 << 10)
        .spawn(move || {
            let locked = loop {
                match flock(&fd, FlockOperation::LockExclusive) {
                    Err(Errno::INTR) => {}
                    other => break other.map(|()| fd),
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
