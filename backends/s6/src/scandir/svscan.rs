//! Speaking to the s6-svscan of a scandir: whether it listens, as whom it runs, with which arguments,
//! and its control FIFO. It knows nothing of single services.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Bytes, Error, Result};
use rustix::{
    fs::{AtFlags, OFlags, statat},
    io::Errno,
    process::{Flock, FlockType, fcntl_getlk},
};

use super::{denied, unavailable};
use crate::{
    control::{Fifo, send},
    sys::{open_beneath, open_folder},
};

/// Where it is told things, below the scandir.
pub(super) const CONTROL: &str = ".s6-svscan/control";
/// Looks for new and changed service directories ("alarm").
pub(crate) const RESCAN: &[u8] = b"a";
/// The same, and ends the supervisors of those that are gone ("nuke"). One write: 2.12 and newer delay
/// the second until the first has succeeded.
pub(crate) const RESCAN_AND_PRUNE: &[u8] = b"an";

/// Looks for children that have ended, which it does in any case.
pub(crate) const REAP: &[u8] = b"z";

/// Whether somebody reads the control FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// An s6-svscan does.
    Listens,
    /// Nobody does, or there is no such FIFO.
    Nobody,
    /// Only those who may write to it can tell.
    Unknown,
}

/// The s6-svscan of one scandir.
#[derive(Debug)]
pub(crate) struct Svscan<'a> {
    scandir: &'a Path,
}

impl<'a> Svscan<'a> {
    /// The one that serves a folder.
    pub(crate) fn new(scandir: &'a Path) -> Svscan<'a> {
        Svscan { scandir }
    }

    /// Whether it is there.
    ///
    /// # Errors
    /// `io` when there is too little of something to look: then it may be there.
    pub(crate) fn listener(&self) -> Result<Listener> {
        match self.fifo() {
            Ok(_) => Ok(Listener::Listens),
            Err(Errno::ACCESS | Errno::PERM) => Ok(Listener::Unknown),
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => {
                Err(Error::io("open", self.control_path(), &error.into()))
            }
            Err(_) => Ok(Listener::Nobody),
        }
    }

    /// Sends it commands. It answers none of them: look at what they bring about.
    ///
    /// # Errors
    /// `manager-unavailable` if nobody listens, `permission-denied`.
    pub(crate) fn tell(&self, commands: &[u8]) -> Result<()> {
        let path = self.control_path();
        self.folder().and_then(|folder| send(folder.as_fd(), CONTROL, commands)).map_err(
            |error| match error {
                Errno::NXIO | Errno::PIPE | Errno::NOENT | Errno::NOTDIR => self.absent(),
                Errno::ACCESS | Errno::PERM => denied("write to", &path, error),
                other => Error::io("write to", &path, &other.into()),
            },
        )
    }

    /// Its control FIFO. ENXIO: nobody reads it.
    pub(crate) fn fifo(&self) -> Result<Fifo, Errno> {
        self.folder().and_then(|folder| Fifo::open(folder.as_fd(), CONTROL))
    }

    /// Whether it has read all that it was told. One that has not is slow; so is who can't tell.
    pub(crate) fn has_heard_all(&self) -> bool {
        self.fifo().and_then(|fifo| fifo.unread()) == Ok(0)
    }

    /// The error where it is not there.
    pub(crate) fn absent(&self) -> Error {
        unavailable(
            format!("no s6-svscan listens on {}", self.control_path().display()),
            "start an s6-svscan on that scandir, or choose another with the setting `scandir` of s6",
        )
    }

    /// The uid that it runs as: the owner of the lock file that it made.
    pub(crate) fn uid(&self) -> Option<u32> {
        let stat = statat(self.folder().ok()?, ".s6-svscan/lock", AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(stat.st_uid)
    }

    /// Which lock file it made, and when, as text. A container that starts anew has another, unless its /run
    /// outlives it.
    pub(crate) fn lock_made(&self) -> Option<String> {
        let stat = statat(self.folder().ok()?, ".s6-svscan/lock", AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(format!("lock {} {}.{:09}", stat.st_ino, stat.st_ctime, stat.st_ctime_nsec))
    }

    /// Its process: the one that holds its lock. `None` where that can't be seen.
    pub(crate) fn pid(&self) -> Option<u32> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let lock = open_beneath(self.folder().ok()?.as_fd(), ".s6-svscan/lock", flags).ok()?;
        let holder = fcntl_getlk(lock, &Flock::from(FlockType::ReadLock)).ok()??;
        u32::try_from(holder.pid?.as_raw_nonzero().get()).ok()
    }

    /// Its arguments. `None` where they can't be seen.
    pub(crate) fn arguments(&self) -> Option<Vec<Bytes>> {
        let pid = self.pid()?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = line.strip_suffix(b"\0").unwrap_or(&line);
        Some(line.split(|b| *b == 0).map(|a| Bytes(a.to_vec())).collect())
    }

    fn folder(&self) -> Result<OwnedFd, Errno> {
        open_folder(self.scandir)
    }

    fn control_path(&self) -> PathBuf {
        self.scandir.join(CONTROL)
    }
}
