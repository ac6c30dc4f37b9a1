//! Small files of the state folder beside the services: notes that are replaced as a whole, and a log that
//! is appended to and rotated. Most is not flushed: after a power failure the machine starts anew, and what is
//! noted here is of no use then. What has to outlast that is, for who asks. This module must not know what
//! is in them.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
};

use anysvc_backend_api::{Error, Result};
use rustix::{
    fs::{self, AtFlags, Mode, OFlags},
    io::Errno,
};

use super::{
    folder::{Folders, denied, judge},
    replace::{random, temporary},
};

/// Longer is no note of ours: some four thousand of the longest names.
const LONGEST: u64 = 1 << 20;
/// What opening any file here has in common: no link is followed, and nothing is waited for.
const OPEN: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

impl Folders {
    /// The text of a note; `None` where there is none.
    pub(super) fn note(&self, name: &str) -> Result<Option<String>> {
        let path = || self.path.join(name);
        let file = match fs::openat(&self.state, name, OPEN | OFlags::RDONLY, Mode::empty()) {
            Ok(file) => self.fit(File::from(file), name)?,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(Error::io("open", path(), &error.into())),
        };
        let mut text = Vec::new();
        let read = file.take(LONGEST).read_to_end(&mut text);
        read.map_err(|error| Error::io("read", path(), &error))?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Replaces a note; a lasting one is on disk when this returns.
    pub(super) fn write_note(&self, name: &str, text: &str, lasting: bool) -> Result<()> {
        let failed = |error: io::Error| Error::io("write", self.path.join(name), &error);
        let staging = self.staging()?;
        let hidden = temporary(random(), 0);
        let flags = OPEN | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let opened = fs::openat(&staging, &hidden, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(opened.map_err(|error| failed(error.into()))?);
        let written = file.write_all(text.as_bytes());
        let flushed = written.and_then(|()| if lasting { file.sync_data() } else { Ok(()) });
        let renamed = flushed.and_then(|()| Ok(fs::renameat(&staging, &hidden, &self.state, name)?));
        renamed.map_err(|error| {
            let _ = fs::unlinkat(&staging, &hidden, AtFlags::empty());
            failed(error)
        })?;
        if lasting { self.state.sync_all().map_err(failed) } else { Ok(()) }
    }

    /// Removes a note; its absence is fine.
    pub(super) fn remove_note(&self, name: &str) -> Result<()> {
        match fs::unlinkat(&self.state, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("remove", self.path.join(name), &error.into())),
        }
    }

    /// Appends lines to a log. Where it would become longer than `limit`, it becomes `NAME.1` first.
    pub(super) fn append(&self, name: &str, lines: &str, limit: u64) -> Result<()> {
        let failed = |error: io::Error| Error::io("write", self.path.join(name), &error);
        let mut log = self.open_log(name)?;
        let mut size = log.metadata().map_err(failed)?.len();
        let mut pending = String::new();
        for line in lines.split_inclusive('\n') {
            let length = (pending.len() + line.len()) as u64;
            if size + length > limit && size + length > line.len() as u64 {
                log.write_all(pending.as_bytes()).map_err(failed)?;
                pending.clear();
                let moved = fs::renameat(&self.state, name, &self.state, format!("{name}.1"));
                moved.map_err(|error| failed(error.into()))?;
                log = self.open_log(name)?;
                size = 0;
            }
            pending.push_str(line);
        }
        log.write_all(pending.as_bytes()).map_err(failed)
    }

    fn open_log(&self, name: &str) -> Result<File> {
        let path = || self.path.join(name);
        let flags = OPEN | OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
        let opened = fs::openat(&self.state, name, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(opened.map_err(|error| Error::io("open", path(), &error.into()))?);
        self.fit(file, name)
    }

    /// Only a file that nobody else could have put there.
    fn fit(&self, file: File, name: &str) -> Result<File> {
        let path = self.path.join(name);
        let found = file.metadata().map_err(|error| Error::io("look at", &path, &error))?;
        if !found.is_file() {
            return Err(denied(&path, "it is not a regular file", "remove it"));
        }
        judge(&path, &file, self.uid)?;
        Ok(file)
    }
}
