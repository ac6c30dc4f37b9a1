//! Locks on files of the folder: advisory, whole-file, gone with the process that holds them. It must
//! not know what they protect.

use std::{
    os::fd::OwnedFd,
    sync::mpsc::{self, RecvTimeoutError},
};

use anysvc_backend_api::{Deadline, Error, Result};
use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};

use crate::place::Place;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is held by the descriptor being open")] OwnedFd);

/// Takes a lock if nobody has it.
///
/// # Errors
/// When the file can't be opened or locked at all.
pub fn try_take(place: &Place, name: &str) -> Result<Option<Lock>> {
    let file = place.file(name, OFlags::empty())?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock(file))),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(Error::io("lock", place.path_of(name), &error.into())),
    }
}

/// Takes a lock, and waits for it until the deadline.
///
/// # Errors
/// As [`try_take`]; `timed-out`.
pub fn take(place: &Place, name: &str, deadline: Deadline) -> Result<Lock> {
    if let Some(lock) = try_take(place, name)? {
        return Ok(lock);
    }
    let file = place.file(name, OFlags::empty())?;
    // flock(2) knows no deadline: a thread waits for it. One that is too late gives the lock back, as
    // nobody takes what it sends.
    let (send, receive) = mpsc::sync_channel(0);
    let waiter = move || {
        let locked = loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => (),
                other => break other,
            }
        };
        let _ = send.send(locked.map(|()| Lock(file)));
    };
    std::thread::spawn(waiter);
    let got = match deadline.remaining() {
        Some(left) => receive.recv_timeout(left),
        None => receive.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    match got {
        Ok(Ok(lock)) => Ok(lock),
        Ok(Err(error)) => Err(Error::io("lock", place.path_of(name), &error.into())),
        Err(_) => Err(Error::timed_out(format!(
            "another process held the lock {} for too long",
            place.path_of(name).display()
        ))),
    }
}
