//! The folders and files of a store, as the system has them: opened below one descriptor without
//! following links, and judged through the descriptor. This module must not know what is in the files.

use std::{
    fs::File,
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anysvc_backend_api::{Error, ErrorKind, Result};
use rustix::fs::{self, Dir, Mode, OFlags};

use super::shelf::Shelf;
use crate::trust::{self, Inode, Owners};

/// The open folders of a store.
pub(super) struct Folders {
    pub(super) path: PathBuf,
    pub(super) uid: u32,
    pub(super) state: File,
    pub(super) services: Shelf,
    /// Not there where an earlier version made the store.
    templates: OnceLock<Shelf>,
}

pub(super) fn denied(path: &Path, why: &str, hint: &str) -> Error {
    let message = format!("{} is not used as a store: {why}", path.display());
    Error::new(ErrorKind::PermissionDenied, message).with_path(path).with_hint(hint)
}

/// Refuses what another account could have written.
pub(super) fn judge(path: &Path, file: &File, uid: u32) -> Result<u64> {
    let stat = file.metadata().map_err(|e| Error::io("look at", path, &e))?;
    if stat.uid() != uid {
        let why = format!("uid {} owns it, and not uid {uid}", stat.uid());
        return Err(denied(path, &why, "give it to its account with chown, or name another --state-dir"));
    }
    if stat.mode() & 0o022 != 0 {
        let why = format!("others may write it (mode {:04o})", stat.mode() & 0o7777);
        return Err(denied(path, &why, &format!("chmod go-w {}", path.display())));
    }
    Ok(stat.len())
}

/// The folder that a path leads to, for root: nobody else may be able to exchange anything on the way,
/// links included, whatever it leads to just now. It ends where nothing is there yet: that is root's to
/// create. Others than root may go through whatever they can.
fn resolve(path: &Path, uid: u32) -> Result<PathBuf> {
    if uid != 0 {
        return Ok(path.to_owned());
    }
    trust::walk(path, |next, found, last| {
        // What it ends in is judged when it is open, as everybody's is.
        if (found.is_symlink() || !last) && trust::judge(Inode::of(found), Owners::Root).is_some() {
            let (mode, uid) = (found.mode() & 0o7777, found.uid());
            let why = format!("{} above it has mode {mode:04o} and is owned by uid {uid}", next.display());
            return Err(denied(path, &why, "root's store has to be where root alone can write"));
        }
        Ok(())
    })
}

/// Opens the folder of a store; root's goes through no link any more.
fn open_state(path: &Path, uid: u32) -> io::Result<File> {
    let flags = if uid == 0 { OFlags::DIRECTORY | OFlags::NOFOLLOW } else { OFlags::DIRECTORY };
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Opens a folder, not a link to one.
pub(super) fn open_dir(at: &File, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(at, name, flags, Mode::empty())?.into())
}

/// `None` for what is not there.
pub(super) fn present<T>(result: io::Result<T>, path: &Path) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(hinted(Error::io("open", path, &e))),
    }
}

/// Says what to do where a store is out of the caller's reach.
fn hinted(error: Error) -> Error {
    match error.kind {
        ErrorKind::PermissionDenied => error.with_hint(
            "act as who may write there (root, for the system's services), see to one's own with `--scope user`, \
             or name another folder with --state-dir",
        ),
        _ => error,
    }
}

/// Creates the folders of a store, and those above it.
pub(super) fn create(path: &Path, uid: u32) -> Result<()> {
    let path = &resolve(path, uid)?;
    let shared = if uid == 0 { 0o711 } else { 0o700 };
    let failed = |path: &Path, e: &io::Error| hinted(Error::io("create", path, e));
    if let Some(above) = path.parent() {
        let mode = if uid == 0 { 0o755 } else { 0o700 };
        let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(above);
        made.map_err(|e| failed(above, &e))?;
    }
    match std::fs::DirBuilder::new().mode(shared).create(path) {
        Ok(()) => flush_name(path)?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(path, &e)),
    }
    let state = open_state(path, uid).map_err(|e| hinted(Error::io("open", path, &e)))?;
    judge(path, &state, uid)?;
    // A folder that holds other things already is not the store's alone, and keeps its mode.
    if is_empty(&state).map_err(|e| Error::io("list", path, &e))? {
        chmod(&state, path, shared)?;
    }
    for (name, mode) in [("staging", 0o700), ("logs", shared), ("templates", 0o700), ("services", 0o700)] {
        let inner = path.join(name);
        match fs::mkdirat(&state, name, Mode::from_raw_mode(mode)) {
            Err(e) if e != rustix::io::Errno::EXIST => return Err(Error::io("create", inner, &e.into())),
            _ => {}
        }
        let made = open_dir(&state, name).map_err(|e| Error::io("open", &inner, &e))?;
        judge(&inner, &made, uid)?;
        chmod(&made, &inner, mode)?;
    }
    state.sync_all().map_err(|e| Error::io("flush", path, &e))
}

/// Flushes the folder above a new one, so that its name is kept.
fn flush_name(path: &Path) -> Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(above).and_then(|above| above.sync_all()).map_err(|e| Error::io("flush", above, &e))
}

/// Whether nothing is in a folder.
fn is_empty(folder: &File) -> io::Result<bool> {
    for item in Dir::read_from(folder)? {
        if !matches!(item?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sets the mode, whatever the umask made of it.
fn chmod(file: &File, path: &Path, mode: u32) -> Result<()> {
    fs::fchmod(file, Mode::from_raw_mode(mode)).map_err(|e| Error::io("set the mode of", path, &e.into()))
}

impl Folders {
    /// Opens what is there; `None` where there is no store.
    pub(super) fn open(path: &Path, uid: u32) -> Result<Option<Folders>> {
        let Some(state) = present(open_state(&resolve(path, uid)?, uid), path)? else { return Ok(None) };
        judge(path, &state, uid)?;
        let Some(services) = Shelf::open(path, &state, "services", uid)? else { return Ok(None) };
        Ok(Some(Folders { path: path.to_owned(), uid, state, services, templates: OnceLock::new() }))
    }

    /// The folder of the templates, if it is there.
    pub(super) fn templates(&self) -> Result<Option<&Shelf>> {
        if self.templates.get().is_none() {
            match Shelf::open(&self.path, &self.state, "templates", self.uid)? {
                Some(shelf) => self.templates.get_or_init(|| shelf),
                None => return Ok(None),
            };
        }
        Ok(self.templates.get())
    }

    /// The same; it is made where it is not there.
    pub(super) fn templates_for_writing(&self) -> Result<&Shelf> {
        let path = self.path.join("templates");
        let failed = |e: rustix::io::Errno| Error::io("create", &path, &e.into());
        if self.templates()?.is_none() {
            fs::mkdirat(&self.state, "templates", Mode::RWXU).map_err(failed)?;
            self.state.sync_all().map_err(|e| Error::io("flush", &self.path, &e))?;
        }
        self.templates()?.ok_or_else(|| failed(rustix::io::Errno::NOENT))
    }

    /// The file that whoever changes the store locks. It is never removed.
    pub(super) fn lock_file(&self) -> Result<File> {
        let path = self.path.join("lock");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = fs::openat(&self.state, "lock", flags, Mode::from_raw_mode(0o600));
        let file = File::from(opened.map_err(|e| Error::io("open", &path, &e.into()))?);
        judge(&path, &file, self.uid)?;
        Ok(file)
    }
}
