//! A container's root folder, and files below it: opened part by part without following links, which would
//! lead out of it, and only through folders that nobody else may write. It must not know what is written.

use std::{
    ffi::OsString,
    fs::File,
    io::{Read as _, Write as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

use anysvc_backend_api::{Error, ErrorKind, Result};
use rustix::{
    fs::{self, AtFlags, Dir, Mode, OFlags},
    io::Errno,
};

use crate::trust::{self, Inode, Owners};

/// Nothing that we write is longer.
const LONGEST: u64 = 1 << 20;

/// Where its accounts are listed.
pub const ACCOUNTS: &str = "/etc/passwd";

/// The mode of a file until it is complete.
pub(super) const BEGUN: u32 = 0o600;

/// The root folder of a container.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    folder: File,
    owners: Owners,
}

/// A file as it is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) mode: u32,
    pub(super) content: Vec<u8>,
}

impl Root {
    /// Opens it, for the account that is to write there.
    ///
    /// # Errors
    /// When it is no folder.
    pub fn open(path: &Path, uid: u32) -> Result<Root> {
        let folder = fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let folder = folder.map_err(|e| Error::io("open", path, &e.into()))?.into();
        let owners = if uid == 0 { Owners::Root } else { Owners::RootAnd(uid) };
        Ok(Root { path: path.to_owned(), folder, owners })
    }

    /// A path of the container, as it is from here.
    pub fn shown(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether its list of accounts has one of that name; `None` where it has no list.
    ///
    /// # Errors
    /// When the list can't be read, or may be written by others.
    pub fn lists_account(&self, name: &str) -> Result<Option<bool>> {
        let found = self.read(Path::new(ACCOUNTS))?;
        let is_it =
            |line: &[u8]| line.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b":"));
        Ok(found.map(|list| list.content.split(|&byte| byte == b'\n').any(is_it)))
    }

    /// The file at a path; `None` if there is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Found>> {
        let Some((folder, name)) = self.way(path, false)? else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file: File = match fs::openat(&folder, &name, flags, Mode::empty()) {
            Ok(file) => file.into(),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(self.link(path)),
            Err(error) => return Err(self.io("open", path, error)),
        };
        let stat = file.metadata().map_err(|e| Error::io("look at", self.shown(path), &e))?;
        if !stat.is_file() || stat.len() > LONGEST {
            let message = format!("{} is no file of ours", self.shown(path).display());
            return Err(Error::new(ErrorKind::NotOurs, message).with_hint("move it away, and try again"));
        }
        let mut content = Vec::new();
        let read = file.take(LONGEST).read_to_end(&mut content);
        read.map_err(|e| Error::io("read", self.shown(path), &e))?;
        Ok(Some(Found { mode: stat.mode() & 0o7777, content }))
    }

    /// Puts a file there in one step, and makes the folders above it.
    pub(super) fn write(&self, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
        let failed = |error: Errno| self.io("write", path, error);
        let way = self.way(path, true)?;
        let (folder, name) = way.ok_or_else(|| failed(Errno::NOENT))?;
        let staged = staged(&name);
        match fs::unlinkat(&folder, &staged[..], AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(error)),
        }
        // One without content is there at once, and may be where any name means something. (Its mode comes
        // after it: `Note::knows` has a word for that.)
        let first = if content.is_empty() { &name } else { &staged };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let flags = if content.is_empty() { flags | OFlags::TRUNC } else { flags | OFlags::EXCL };
        let file = fs::openat(&folder, &first[..], flags, Mode::from_raw_mode(BEGUN)).map_err(failed)?;
        let mut file = File::from(file);
        let written = file.write_all(content).and_then(|()| {
            fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            file.sync_all()
        });
        written.map_err(|e| Error::io("write", self.shown(path), &e))?;
        if !content.is_empty() {
            fs::renameat(&folder, &staged[..], &folder, &name[..]).map_err(failed)?;
        }
        folder.sync_all().map_err(|e| Error::io("flush", self.shown(path), &e))
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, path: &Path) -> Result<()> {
        self.unlink(path, AtFlags::empty())
    }

    /// Removes what was begun for a file by who was killed over it.
    pub(super) fn remove_staged(&self, path: &Path) -> Result<()> {
        self.remove(&staged_path(path))
    }

    /// Removes a folder, if it is there; one that holds something stays.
    pub(super) fn remove_folder(&self, path: &Path) -> Result<()> {
        self.unlink(path, AtFlags::REMOVEDIR)
    }

    fn unlink(&self, path: &Path, flags: AtFlags) -> Result<()> {
        let Some((folder, name)) = self.way(path, false)? else { return Ok(()) };
        match fs::unlinkat(&folder, &name[..], flags) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(error) => Err(self.io("remove", path, error)),
        }
    }

    /// What is in a folder; nothing where it is not there.
    pub(super) fn names(&self, path: &Path) -> Result<Vec<OsString>> {
        let failed = |error| self.io("list", path, error);
        let Some((folder, _)) = self.way(&path.join("-"), false)? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_bytes().to_owned();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// The folders above these files that are not there, in the order in which they are made.
    pub(super) fn missing<'a>(&self, files: impl Iterator<Item = &'a Path>) -> Result<Vec<PathBuf>> {
        let mut missing: Vec<PathBuf> = Vec::new();
        for file in files {
            let above: Vec<&Path> = file.ancestors().skip(1).collect();
            for folder in above.into_iter().rev().filter(|folder| folder.parent().is_some()) {
                if !missing.iter().any(|known| known == folder)
                    && self.way(&folder.join("-"), false)?.is_none()
                {
                    missing.push(folder.to_owned());
                }
            }
        }
        Ok(missing)
    }

    /// The folder that a path leads to, and the name in it. `None` where the way ends before, unless it is
    /// to be made.
    fn way(&self, path: &Path, make: bool) -> Result<Option<(File, Vec<u8>)>> {
        let mut at = self.folder.try_clone().map_err(|e| Error::io("open", &self.path, &e))?;
        let mut done = PathBuf::from("/");
        self.judge(&at, &done)?;
        let mut parts: Vec<_> = path
            .components()
            .filter_map(|part| if let Component::Normal(part) = part { Some(part.to_owned()) } else { None })
            .collect();
        let name = parts.pop().unwrap_or_default();
        for part in parts {
            done.push(&part);
            if make {
                match fs::mkdirat(&at, &part, Mode::from_raw_mode(0o755)) {
                    // The umask may have taken something away.
                    Ok(()) => fs::chmodat(&at, &part, Mode::from_raw_mode(0o755), AtFlags::empty())
                        .map_err(|error| self.io("set the mode of", &done, error))?,
                    Err(Errno::EXIST) => {}
                    Err(error) => return Err(self.io("create", &done, error)),
                }
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            at = match fs::openat(&at, &part, flags, Mode::empty()) {
                Ok(folder) => folder.into(),
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::NOTDIR | Errno::LOOP) => return Err(self.link(&done)),
                Err(error) => return Err(self.io("open", &done, error)),
            };
            self.judge(&at, &done)?;
        }
        Ok(Some((at, name.into_vec())))
    }

    /// What the container runs as root must not lie where somebody else can put other things.
    fn judge(&self, folder: &File, path: &Path) -> Result<()> {
        let shown = self.shown(path);
        let stat = folder.metadata().map_err(|e| Error::io("look at", &shown, &e))?;
        if trust::judge(Inode::of(&stat), self.owners).is_none() {
            return Ok(());
        }
        let (uid, mode) = (stat.uid(), stat.mode() & 0o7777);
        let message = format!("others may write {} (owner {uid}, mode {mode:04o})", shown.display());
        Err(Error::new(ErrorKind::PermissionDenied, message)
            .with_path(&shown)
            .with_hint("what runs when a container starts has to be out of their reach: chown and chmod it"))
    }

    fn link(&self, path: &Path) -> Error {
        let shown = self.shown(path);
        let message = format!("{} is a link or no folder, and may lead anywhere", shown.display());
        Error::new(ErrorKind::NotOurs, message).with_path(shown).with_hint("put a folder or file there")
    }

    fn io(&self, what: &str, path: &Path, error: Errno) -> Error {
        let error = Error::io(what, self.shown(path), &error.into());
        match error.kind {
            ErrorKind::PermissionDenied => {
                error.with_hint("act as who may write there: root, or with `sudo`, for a container's files")
            }
            _ => error,
        }
    }
}

/// Where a file is made before it is put in its place.
pub(super) fn staged_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    path.with_file_name(OsString::from_vec(staged(name.as_bytes())))
}

/// Not a name that whoever reads the folder takes for one of its files.
fn staged(name: &[u8]) -> Vec<u8> {
    [b".", name, b".anysvc-new"].concat()
}
