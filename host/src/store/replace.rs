//! Replacing files of a store: written whole under names that nobody can foresee, flushed once, renamed,
//! and the folder flushed. Only for who holds the lock. This module must not know what is in the files.

use std::{
    fs::File,
    io::{self, Write as _},
};

use anysvc_backend_api::{Error, Result};
use rustix::fs::{self, AtFlags, Dir, Mode, OFlags};

use super::{
    folder::{Folders, judge, open_dir},
    shelf::Shelf,
};

/// So many files are flushed one by one. More are flushed with their file system: that took a tenth of the
/// time for a thousand (ext4), but waits for what others wrote as well.
const FEW: usize = 8;

/// A file that is to be there, all or nothing.
pub(super) struct Replacement<'a> {
    pub(super) name: &'a str,
    pub(super) text: String,
}

impl Folders {
    /// The folder where files are written before they are published.
    pub(super) fn staging(&self) -> Result<File> {
        let path = self.path.join("staging");
        match fs::mkdirat(&self.state, "staging", Mode::RWXU) {
            Err(e) if e != rustix::io::Errno::EXIST => return Err(Error::io("create", path, &e.into())),
            _ => {}
        }
        let staging = open_dir(&self.state, "staging").map_err(|e| Error::io("open", &path, &e))?;
        judge(&path, &staging, self.uid)?;
        Ok(staging)
    }

    /// Removes what a killed run left. Only for who holds the lock: then nobody else writes there.
    pub(super) fn clear_staging(&self) -> Result<()> {
        let path = self.path.join("staging");
        let fail = |e: rustix::io::Errno| Error::io("clear", &path, &e.into());
        let staging = self.staging()?;
        for item in Dir::read_from(&staging).map_err(fail)? {
            let item = item.map_err(fail)?;
            if item.file_name() != c"." && item.file_name() != c".." {
                // What is no file was not left by us, and is in nobody's way.
                let _ = fs::unlinkat(&staging, item.file_name(), AtFlags::empty());
            }
        }
        Ok(())
    }

    /// Writes files whole, flushes them, gives them their names and flushes those. One result each; when
    /// writing or flushing fails, nothing was changed and all have that error.
    pub(super) fn replace(&self, shelf: &Shelf, files: &[Replacement<'_>]) -> Vec<Result<()>> {
        if files.is_empty() {
            return Vec::new();
        }
        let staged = self.staging().and_then(|staging| {
            let prefix = random();
            self.write_all(&staging, prefix, files).inspect_err(|_| {
                (0..files.len()).for_each(|i| {
                    let _ = fs::unlinkat(&staging, temporary(prefix, i), AtFlags::empty());
                });
            })?;
            Ok((staging, prefix))
        });
        let (staging, prefix) = match staged {
            Ok(staged) => staged,
            Err(error) => return files.iter().map(|_| Err(error.clone())).collect(),
        };
        let publish = |(i, file): (usize, &Replacement<'_>)| {
            let target = format!("{}.toml", file.name);
            fs::renameat(&staging, temporary(prefix, i), &shelf.folder, &target).map_err(|e| {
                let _ = fs::unlinkat(&staging, temporary(prefix, i), AtFlags::empty());
                Error::io("write", shelf.path.join(&target), &e.into())
            })
        };
        shelf.flush_names(files.iter().enumerate().map(publish).collect())
    }

    fn write_all(&self, staging: &File, prefix: u64, files: &[Replacement<'_>]) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for (i, replacement) in files.iter().enumerate() {
            let name = temporary(prefix, i);
            let fail = |e: io::Error| Error::io("write", self.path.join("staging").join(&name), &e);
            let opened = fs::openat(staging, &name, flags, Mode::RUSR | Mode::WUSR);
            let mut file = File::from(opened.map_err(|e| fail(e.into()))?);
            file.write_all(replacement.text.as_bytes()).map_err(fail)?;
            if files.len() <= FEW {
                file.sync_data().map_err(fail)?;
            }
        }
        if files.len() > FEW {
            flush_all(staging).map_err(|e| Error::io("flush", self.path.join("staging"), &e))?;
        }
        Ok(())
    }
}

pub(super) fn temporary(prefix: u64, index: usize) -> String {
    format!("{prefix:016x}-{index}")
}

/// A number that nobody can foresee: the seed of the standard library's hash tables.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn flush_all(staging: &File) -> io::Result<()> {
    Ok(fs::syncfs(staging)?)
}

/// Without a flush of one file system: each file in the folder.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn flush_all(staging: &File) -> io::Result<()> {
    for item in Dir::read_from(staging)? {
        let item = item?;
        if !item.file_name().to_bytes().starts_with(b".") {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            File::from(fs::openat(staging, item.file_name(), flags, Mode::empty())?).sync_data()?;
        }
    }
    Ok(())
}
