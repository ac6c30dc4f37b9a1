//! One folder of records: files with a header and one value, replaced in one step. One writer (the one
//! that holds the supervisor's lock), so that the names of unfinished files need no care. It must not
//! know what the values mean.

use std::{
    io::{Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
};

use anysvc_backend_api::{Error, ErrorKind, Result, wire::WireStruct};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use crate::{codec, place::Place};

const HEADER: &[u8] = b"anysvc local record 1\n";
/// What every version's header begins with.
const ANY_HEADER: &[u8] = b"anysvc local record ";
/// Longer is no record of ours.
const LONGEST: u64 = 16 << 20;
/// A write that does not cross it is whole or did not happen.
const PAGE: usize = 4096;
/// What the name of an unfinished file begins with; no service's does.
const UNFINISHED: &str = ".new-";

#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    pub(super) fn of(place: &Place) -> Result<Folder> {
        let fd = place.folder().try_clone_to_owned();
        let path = place.path().to_owned();
        Ok(Folder { fd: fd.map_err(|error| Error::io("open", &path, &error))?, path })
    }

    pub(super) fn enter(&self, name: &str) -> Result<Option<Folder>> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Folder { fd, path })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("open", path, &error.into())),
        }
    }

    pub(super) fn make(&self, name: &str) -> Result<Folder> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => (),
            Err(error) => return Err(Error::io("create", self.path.join(name), &error.into())),
        }
        let made = self.enter(name)?;
        made.ok_or_else(|| Error::io("open", self.path.join(name), &Errno::NOENT.into()))
    }

    /// The names of the finished files in it.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        Ok(self.entries()?.into_iter().filter(|name| !name.starts_with('.')).collect())
    }

    /// Removes what a killed writer did not finish.
    pub(super) fn sweep(&self) -> Result<()> {
        let left = self.entries()?.into_iter().filter(|name| name.starts_with(UNFINISHED));
        left.into_iter().try_for_each(|name| self.remove(&name))
    }

    fn entries(&self) -> Result<Vec<String>> {
        let failed = |error: Errno| Error::io("list", &self.path, &error.into());
        let mut names = Vec::new();
        for entry in Dir::read_from(self.fd.as_fd()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown) {
                names.extend(entry.file_name().to_str().ok().map(str::to_owned));
            }
        }
        names.sort();
        Ok(names)
    }

    /// A record; `None` when there is no such file.
    pub(super) fn read<T: WireStruct>(&self, name: &str) -> Result<Option<T>> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => std::fs::File::from(fd),
            // A name that no file can have.
            Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL) => return Ok(None),
            Err(error) => return Err(Error::io("open", path, &error.into())),
        };
        let mut bytes = Vec::new();
        let read = file.take(LONGEST).read_to_end(&mut bytes);
        read.map_err(|error| Error::io("read", &path, &error))?;
        let Some(rest) = bytes.strip_prefix(HEADER) else {
            let newer = bytes.starts_with(ANY_HEADER);
            let why = if newer { "a newer anysvc wrote it" } else { "it is no record" };
            return Err(self.damaged(name, why));
        };
        let value = rest.split_first_chunk().and_then(|(length, rest)| {
            // What follows is of an older, longer value.
            rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)
        });
        let value = value.ok_or_else(|| self.damaged(name, "it ends too early"))?;
        codec::from_bytes(value, &path.display().to_string()).map(Some)
    }

    pub(super) fn damaged(&self, name: &str, why: &str) -> Error {
        let path = self.path.join(name);
        Error::new(ErrorKind::Io, format!("{} is damaged: {why}", path.display())).with_path(path)
    }

    /// Creates or replaces a record in one step. Nothing is flushed: after a power failure the machine starts
    /// anew, nothing of ours runs, and the host has in store what is to be registered. A file that came out
    /// of it damaged is told by its header and its length.
    pub(super) fn write<T: WireStruct>(&self, name: &str, value: T) -> Result<()> {
        self.write_new(name, &content(value))
    }

    /// The same for what is written often: a file that is there is written over, which costs the disk far
    /// less than a new one. A kill can't tear a write within a page; what is longer is replaced.
    pub(super) fn write_over<T: WireStruct>(&self, name: &str, value: T) -> Result<()> {
        let content = content(value);
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) if content.len() <= PAGE => match rustix::io::pwrite(&fd, &content, 0) {
                Ok(written) if written == content.len() => Ok(()),
                _ => self.write_new(name, &content),
            },
            _ => self.write_new(name, &content),
        }
    }

    fn write_new(&self, name: &str, content: &[u8]) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("write", self.path.join(name), &error);
        let unfinished = unfinished(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, &unfinished, flags, Mode::RUSR | Mode::WUSR);
        let mut file = std::fs::File::from(fd.map_err(|error| failed(error.into()))?);
        let written = file.write_all(content);
        let renamed = written.and_then(|()| Ok(rustix::fs::renameat(&self.fd, &unfinished, &self.fd, name)?));
        renamed.map_err(|error| {
            let _ = self.remove(&unfinished);
            failed(error)
        })
    }

    /// Removes a record; its absence is fine.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("remove", self.path.join(name), &error.into())),
        }
    }

    /// Moves a record to another folder.
    pub(super) fn hand_over(&self, name: &str, to: &Folder) -> Result<()> {
        let moved = rustix::fs::renameat(&self.fd, name, &to.fd, name);
        moved.map_err(|error| Error::io("move", self.path.join(name), &error.into()))
    }
}

/// What a file with this value holds.
pub(super) fn content<T: WireStruct>(value: T) -> Vec<u8> {
    let value = codec::to_bytes(value);
    let length = u32::try_from(value.len()).expect("no record is as long as 4 GiB");
    [HEADER, &length.to_le_bytes(), &value].concat()
}

/// The name while it is written. The longest names of services leave room for it: 240 of 255 bytes.
fn unfinished(name: &str) -> String {
    format!("{UNFINISHED}{name}")
}
