//! The lock of a store: flock(2) with a deadline. This module must not know what is locked.

use std::{fs::File, path::Path, sync::mpsc, thread};

use anysvc_backend_api::{Deadline, Error, Result};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Takes the lock of a file, which is held until what is returned is dropped.
///
/// Where somebody else holds it, a thread waits in the kernel, which keeps the order of those who wait; at
/// the deadline it is left to itself, and lets go of the lock as soon as it has it.
pub(super) fn acquire(file: &File, store: &Path, deadline: Deadline) -> Result<File> {
    let fail = |e: std::io::Error| Error::io("lock", store, &e);
    let file = file.try_clone().map_err(fail)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => return Ok(file),
        Err(Errno::WOULDBLOCK | Errno::INTR) => {}
        Err(e) => return Err(fail(e.into())),
    }
    let (sender, receiver) = mpsc::channel();
    let wait = move || {
        let locked = loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        // With nobody left to take it, the file is closed, and the lock is gone with it.
        let _ = sender.send(locked.map(|()| file));
    };
    thread::Builder::new().name("store-lock".to_owned()).spawn(wait).map_err(fail)?;
    let received = match deadline.remaining() {
        None => receiver.recv().ok(),
        Some(left) => receiver.recv_timeout(left).ok(),
    };
    match received {
        Some(Ok(file)) => Ok(file),
        Some(Err(e)) => Err(fail(e.into())),
        None => Err(Error::timed_out(format!(
            "another anysvc is changing the store in {}, and did not finish in time",
            store.display()
        ))
        .with_path(store)
        .with_hint("try again, with a longer --timeout if it is busy")),
    }
}
