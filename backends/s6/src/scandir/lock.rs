//! The one lock under which service directories appear and disappear: flock(2) on the FIFO by which
//! s6-svscan is told to look again. Who may write to it may change the scandir anyway; who may only read
//! the scandir can't hold it. A killed holder leaves nothing behind.

use std::os::fd::{AsFd, OwnedFd};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Result};
use anysvc_backend_support::lock;
use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};

use super::{CONTROL, Scandir, Svscan, denied};
use crate::sys::{open_beneath, open_folder};

/// The lock, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    #[expect(dead_code, reason = "closing it is what unlocks")]
    fd: OwnedFd,
    svscan: bool,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// `manager-unavailable` if no s6-svscan listens; `permission-denied`; `timed-out` if others hold it
    /// past the deadline.
    pub(crate) fn take(scandir: &Scandir, deadline: Deadline) -> Result<Lock> {
        // A descriptor of its own: the lock belongs to the open file, and threads share ours.
        let flags = OFlags::WRONLY | OFlags::NONBLOCK;
        let fifo =
            open_folder(scandir.path()).and_then(|folder| open_beneath(folder.as_fd(), CONTROL, flags));
        let path = scandir.path().join(CONTROL);
        let fd = fifo.map_err(|error| match error {
            Errno::NXIO | Errno::NOENT | Errno::NOTDIR => Svscan::new(scandir.path()).absent(),
            Errno::ACCESS | Errno::PERM => denied("write to", &path, error),
            other => Error::io("open", &path, &other.into()),
        })?;
        acquire(scandir, fd, deadline).map(|fd| Lock { fd, svscan: true })
    }

    /// The same for those who only remove what is theirs, or who publish for an s6-svscan that is still to
    /// be started. They may also where none listens: there it is the lock of the scandir itself.
    ///
    /// # Errors
    /// `permission-denied`, `timed-out`.
    pub(crate) fn take_anyway(scandir: &Scandir, deadline: Deadline) -> Result<Lock> {
        match Lock::take(scandir, deadline) {
            Err(error) if error.kind == ErrorKind::ManagerUnavailable => {
                let folder = open_folder(scandir.path());
                let fd = folder.map_err(|error| Error::io("open", scandir.path(), &error.into()))?;
                acquire(scandir, fd, deadline).map(|fd| Lock { fd, svscan: false })
            }
            taken => taken,
        }
    }

    /// What else is to be held by who removes left-overs: the lock of those who work without an s6-svscan,
    /// one of which may have begun to listen just now. `None` if they are at work.
    pub(crate) fn of_the_others(&self, scandir: &Scandir) -> Option<OwnedFd> {
        let folder = open_folder(scandir.path()).ok().filter(|_| self.svscan)?;
        flock(&folder, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(folder)
    }
}

fn acquire(scandir: &Scandir, fd: OwnedFd, deadline: Deadline) -> Result<OwnedFd> {
    let failed = |error: Errno| Error::io("lock the scandir", scandir.path(), &error.into());
    lock::exclusive(fd, deadline).map_err(|error| match error {
        Errno::TIMEDOUT => {
            Error::timed_out(format!("others kept the scandir {} locked", scandir.path().display()))
                .with_path(scandir.path())
        }
        other => failed(other),
    })
}
