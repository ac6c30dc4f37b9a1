//! The scandir that serves the caller: its descriptor, its service directories by name, and errors that
//! speak of it. It knows nothing of what a service directory holds.

mod limit;
mod lock;
mod select;
mod svscan;

use std::{
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use anysvc_backend_api::{Error, ErrorKind, Result};
use rustix::{
    fs::{AtFlags, Dir, FileType, statat},
    io::Errno,
};

pub(crate) use limit::Room;
pub(crate) use lock::Lock;
pub(crate) use select::{COMM, Choice, choose};
use svscan::CONTROL;
pub(crate) use svscan::{Listener, REAP, RESCAN, RESCAN_AND_PRUNE, Svscan};

/// Device and inode.
pub(crate) type Identity = (u64, u64);

/// An open scandir.
#[derive(Debug)]
pub(crate) struct Scandir {
    path: PathBuf,
    fd: OwnedFd,
    /// Where else the s6 commands may be, should one be needed.
    search: Arc<[PathBuf]>,
}

impl Scandir {
    /// Opens it; `None` where there is none.
    pub(crate) fn open(path: &Path, search: Arc<[PathBuf]>) -> Result<Option<Scandir>> {
        match crate::sys::open_folder(path) {
            Ok(fd) => Ok(Some(Scandir { path: path.to_owned(), fd, search })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("open the scandir", path, &error.into())),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where else the s6 commands may be.
    pub(crate) fn search(&self) -> &[PathBuf] {
        &self.search
    }

    /// Its descriptor.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// An error about something below it.
    pub(crate) fn io(&self, what: &str, below: &str, error: Errno) -> Error {
        let path = if below.is_empty() { self.path.clone() } else { self.path.join(below) };
        Error::io(what, path, &error.into())
    }

    /// Whether there is a service directory of this name. A link to one counts: s6-rc's are links.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        Ok(self.identity(name)?.is_some())
    }

    /// What s6-svscan knows a service directory by. `None` if there is none.
    pub(crate) fn identity(&self, name: &str) -> Result<Option<Identity>> {
        if !is_slot_name(name.as_bytes()) {
            return Ok(None);
        }
        let found = self.look_at(name)?;
        Ok(found.filter(|(_, kind)| *kind == FileType::Directory).map(|(identity, _)| identity))
    }

    /// Which file is at a path below it.
    pub(crate) fn identity_of(&self, below: &str) -> Result<Option<Identity>> {
        Ok(self.look_at(below)?.map(|(identity, _)| identity))
    }

    fn look_at(&self, below: &str) -> Result<Option<(Identity, FileType)>> {
        match statat(&self.fd, below, AtFlags::empty()) {
            Ok(stat) => Ok(Some(((stat.st_dev, stat.st_ino), FileType::from_raw_mode(stat.st_mode)))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP) => Ok(None),
            Err(error) => Err(self.io("look at", below, error)),
        }
    }

    /// Calls `act` with the name of each entry that s6-svscan would look at.
    pub(crate) fn each_slot(&self, mut act: impl FnMut(&CStr, FileType)) -> Result<()> {
        self.each_entry(|name, kind| {
            if is_slot_name(name.to_bytes()) {
                act(name, kind);
            }
        })
    }

    /// Calls `act` with the name of each entry but `.` and `..`.
    pub(crate) fn each_entry(&self, mut act: impl FnMut(&CStr, FileType)) -> Result<()> {
        let failed = |error| Error::io("read the scandir", &self.path, &Errno::into(error));
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                act(entry.file_name(), entry.file_type());
            }
        }
        Ok(())
    }

    /// Whether an entry is a folder, through a link if it is one.
    pub(crate) fn is_folder(&self, name: &CStr, kind: FileType) -> bool {
        match kind {
            FileType::Directory => true,
            FileType::Symlink | FileType::Unknown => statat(&self.fd, name, AtFlags::empty())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
            _ => false,
        }
    }

    /// Links that lead nowhere. s6-svscan 2.12 and newer end every scan at the first of them.
    pub(crate) fn dangling(&self) -> Vec<String> {
        let mut found = Vec::new();
        let _ = self.each_slot(|name, kind| {
            if kind == FileType::Symlink && statat(&self.fd, name, AtFlags::empty()).is_err() {
                found.push(name.to_string_lossy().into_owned());
            }
        });
        found
    }
}

/// Whether s6-svscan would look at an entry of this name: one without a leading dot. Also keeps out what
/// is no name of an entry at all.
pub(crate) fn is_slot_name(name: &[u8]) -> bool {
    !name.is_empty() && name[0] != b'.' && !name.contains(&b'/') && !name.contains(&0)
}

/// What to say where a right is missing.
pub(crate) fn denied(what: &str, path: &Path, error: Errno) -> Error {
    Error::io(what, path, &error.into()).with_hint(format!(
        "act as the user whose scandir {} is, or as root; or let root run an s6-svscan of your own",
        path.parent().unwrap_or(path).display()
    ))
}

/// What is said where no s6-svscan answers.
pub(crate) fn unavailable(message: String, hint: &str) -> Error {
    Error::new(ErrorKind::ManagerUnavailable, message).with_hint(hint)
}
