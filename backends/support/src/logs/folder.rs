//! One folder of logs: which files it holds, oldest first, and opening them safely.

use std::{
    cell::Cell,
    fs::File,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Error, Result};
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, stat, statat},
    io::Errno,
};

use super::Owner;

/// What tells one file from all others, as long as it is open or has a name.
pub(super) type Identity = (u64, u64);

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    fd: OwnedFd,
    owner: Owner,
    /// Whether it was said that something is left out.
    warned: Cell<bool>,
}

impl Folder {
    /// Opens it; `None` if it is not there.
    ///
    /// # Errors
    /// When it is something else or can't be opened.
    pub(super) fn open(path: &Path, owner: Owner) -> Result<Option<Folder>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(CWD, path, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Folder { path: path.to_owned(), fd, owner, warned: Cell::new(false) })),
            Err(Errno::NOENT) => Ok(None),
            Err(cause) => Err(Error::io("open", path, &cause.into())
                .with_hint("logs can be read by the account that the service runs as, and by root")),
        }
    }

    /// Its path, for errors.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its path still leads to it.
    pub(super) fn is_in_place(&self) -> bool {
        match (stat(&self.path), fstat(&self.fd)) {
            (Ok(there), Ok(here)) => (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino),
            _ => false,
        }
    }

    /// The names of the rotated files, oldest first.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn rotated(&self) -> Result<Vec<String>> {
        let failed = |cause: Errno| Error::io("read", &self.path, &cause.into());
        let mut names = Vec::new();
        // A descriptor of its own, whose position is the beginning.
        let fd = openat(&self.fd, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        for entry in Dir::new(fd.map_err(failed)?).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str()
                && is_rotated(name)
            {
                names.push(name.to_owned());
            }
        }
        // A TAI64N label in hexadecimal sorts by time.
        names.sort_unstable();
        Ok(names)
    }

    /// The file that a name stands for now.
    pub(super) fn identity(&self, name: &str) -> Option<Identity> {
        let stat = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some((stat.st_dev, stat.st_ino))
    }

    /// Opens a file. `None` if it is not there, or none that counts.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(super) fn file(&self, name: &str) -> Result<Option<Opened>> {
        let failed = |cause: Errno| Error::io("open", self.path.join(name), &cause.into());
        // A FIFO would block without NONBLOCK.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Ok(self.skip(name, "it is no regular file")),
            Err(cause) => return Err(failed(cause)),
        };
        let stat = fstat(&fd).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(self.skip(name, "it is no regular file"));
        }
        if !self.owner.counts(stat.st_uid) {
            return Ok(self.skip(name, "it belongs to another account than the service's"));
        }
        let file = File::from(fd);
        Ok(Some(Opened { identity: (stat.st_dev, stat.st_ino), file }))
    }

    fn skip(&self, name: &str, why: &str) -> Option<Opened> {
        if !self.warned.replace(true) {
            log::warn!("{} is left out: {why}", self.path.join(name).display());
        }
        None
    }
}

/// An open log file.
#[derive(Debug)]
pub(super) struct Opened {
    /// Which it is.
    pub(super) identity: Identity,
    /// The file, at its beginning.
    pub(super) file: File,
}

impl Opened {
    /// Its size now.
    pub(super) fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |data| data.size())
    }
}

/// `@`, 24 hexadecimal digits, and `.s` (whole) or `.u` (its s6-log was killed): as s6-log judges.
fn is_rotated(name: &str) -> bool {
    let digits = name.strip_prefix('@').and_then(|rest| rest.strip_suffix(".s").or(rest.strip_suffix(".u")));
    digits.is_some_and(|digits| digits.len() == 24 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
