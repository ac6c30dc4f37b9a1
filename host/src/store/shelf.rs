//! A folder of files that are kept, `NAME.toml` each: opened without following links, and judged through
//! the descriptor. This module must not know what is in the files.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Error, Result};
use rustix::fs::{self, AtFlags, Dir, Mode, OFlags};

use super::folder::{denied, judge, open_dir, present};

/// A header fits into the first read.
const HEADER: usize = 4096;
/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// The folder.
pub(super) struct Shelf {
    pub(super) path: PathBuf,
    pub(super) folder: File,
    uid: u32,
}

/// A file of the store that only its owner can have written.
pub(super) struct StoreFile {
    file: File,
    size: u64,
}

impl Shelf {
    /// Opens what is there.
    pub(super) fn open(above: &Path, state: &File, name: &str, uid: u32) -> Result<Option<Shelf>> {
        let path = above.join(name);
        let Some(folder) = present(open_dir(state, name), &path)? else { return Ok(None) };
        judge(&path, &folder, uid)?;
        Ok(Some(Shelf { path, folder, uid }))
    }

    /// The names of the files, without those that begin with a dot.
    pub(super) fn list(&self) -> Result<Vec<String>> {
        let fail = |e: rustix::io::Errno| Error::io("list", &self.path, &e.into());
        let mut names = Vec::new();
        for item in Dir::read_from(&self.folder).map_err(fail)? {
            let item = item.map_err(fail)?;
            let name = item.file_name().to_string_lossy();
            if !name.starts_with('.') {
                names.push(name.into_owned());
            }
        }
        Ok(names)
    }

    /// Opens the file of a name, which must have been checked.
    pub(super) fn open_file(&self, name: &str) -> Result<Option<StoreFile>> {
        let file_name = [name, ".toml"].concat();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let path = || self.path.join(&file_name);
        let file = match fs::openat(&self.folder, &file_name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => {
                return Err(denied(
                    &path(),
                    "it is a symbolic link",
                    "put the file itself there, or remove it",
                ));
            }
            Err(e) => return Err(Error::io("open", path(), &e.into()).with_service(name)),
        };
        self.judge_file(file, path).map(Some).map_err(|e| e.with_service(name))
    }

    /// One look at a file, because a listing does it a thousand times.
    fn judge_file(&self, file: File, path: impl Fn() -> PathBuf) -> Result<StoreFile> {
        let stat = fs::fstat(&file).map_err(|e| Error::io("look at", path(), &e.into()))?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if fs::FileType::from_raw_mode(stat.st_mode) != fs::FileType::RegularFile {
            return Err(denied(&path(), "it is not a regular file", "remove it"));
        }
        if stat.st_uid != self.uid || stat.st_mode & 0o022 != 0 {
            judge(&path(), &file, self.uid)?;
        }
        if size > LARGEST {
            return Err(denied(&path(), &format!("it has {size} bytes"), "remove it"));
        }
        Ok(StoreFile { file, size })
    }

    /// Removes files; whether each was there.
    pub(super) fn remove(&self, names: &[&str]) -> Vec<Result<bool>> {
        let remove = |name: &&str| {
            let file = format!("{name}.toml");
            match fs::unlinkat(&self.folder, &file, AtFlags::empty()) {
                Ok(()) => Ok(true),
                Err(rustix::io::Errno::NOENT) => Ok(false),
                Err(e) => Err(Error::io("remove", self.path.join(file), &e.into())),
            }
        };
        self.flush_names(names.iter().map(remove).collect())
    }

    /// Flushes the folder, if anything in it was changed.
    pub(super) fn flush_names<T>(&self, results: Vec<Result<T>>) -> Vec<Result<T>> {
        if !results.iter().any(Result::is_ok) {
            return results;
        }
        match self.folder.sync_all() {
            Ok(()) => results,
            Err(e) => {
                let error = Error::io("flush", &self.path, &e);
                results.into_iter().map(|result| result.and(Err(error.clone()))).collect()
            }
        }
    }
}

impl StoreFile {
    /// The first part of the file, or all of it where the header is longer than that.
    pub(super) fn beginning<'a>(&mut self, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        // One buffer is read into again and again, and never cleared.
        if buffer.len() < HEADER {
            buffer.resize(HEADER, 0);
        }
        let mut filled = 0;
        while filled < HEADER && filled < usize::try_from(self.size).unwrap_or(usize::MAX) {
            match self.file.read(&mut buffer[filled..HEADER])? {
                0 => break,
                n => filled += n,
            }
        }
        if filled == HEADER && super::header::length(&buffer[..filled]) == filled {
            buffer.truncate(filled);
            filled += Read::by_ref(&mut self.file).take(LARGEST).read_to_end(buffer)?;
        }
        Ok(&buffer[..filled])
    }

    /// All of the file.
    pub(super) fn all(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        Read::by_ref(&mut self.file).take(LARGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
