//! Opening files below a folder that somebody else may be able to write: links are followed only where
//! root or the caller made them. It knows nothing of what is opened.

use std::{
    ffi::OsStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    os::unix::ffi::OsStrExt,
    path::{Component, Path},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlinkat},
    io::Errno,
    process::geteuid,
};

/// Opens a folder to work below, following links: the path is the operator's own.
pub(crate) fn open_folder(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a relative path below `dir`. A link in the last component is ELOOP; one before it is followed
/// if root or the caller owns it (s6-rc's slots and relocated `supervise` folders are such links).
pub(crate) fn open_beneath(dir: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match openat2(dir, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // Linux before 5.6, and sandboxes that do not know the call.
        Err(Errno::LOOP | Errno::NOSYS | Errno::PERM) => walk(dir, path.as_ref(), flags, Links::Trusted),
        other => other,
    }
}

/// Whether there is something at a path that leads through no link at all.
pub(crate) fn exists_in_place(dir: BorrowedFd<'_>, path: &str) -> bool {
    open_in_place(dir, path, OFlags::PATH).is_ok()
}

/// Opens a relative path below `dir` that leads through no link at all.
pub(crate) fn open_in_place(dir: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match openat2(dir, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Err(Errno::NOSYS | Errno::PERM) => walk(dir, path.as_ref(), flags, Links::None),
        other => other,
    }
}

/// Which links are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    None,
    Trusted,
}

/// The same component by component.
fn walk(dir: BorrowedFd<'_>, path: &Path, flags: OFlags, links: Links) -> Result<OwnedFd, Errno> {
    let last = path.file_name().ok_or(Errno::NOENT)?;
    let mut here: Option<OwnedFd> = None;
    for component in path.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(name) = component else { return Err(Errno::INVAL) };
        let base = here.as_ref().map_or(dir, AsFd::as_fd);
        here = Some(enter(base, name, links)?);
    }
    openat(here.as_ref().map_or(dir, AsFd::as_fd), last, flags, Mode::empty())
}

/// Opens one folder as a place to go on from.
fn enter(base: BorrowedFd<'_>, name: &OsStr, links: Links) -> Result<OwnedFd, Errno> {
    let place = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = openat(base, name, place, Mode::empty())?;
    let stat = fstat(&fd)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(fd),
        FileType::Symlink if stat.st_uid != 0 && stat.st_uid != geteuid().as_raw() => Err(Errno::ACCESS),
        FileType::Symlink if links == Links::None => Err(Errno::LOOP),
        FileType::Symlink => {
            // The text of this very link, read through its descriptor: who swaps the name meanwhile
            // gains nothing.
            let target = readlinkat(&fd, "", Vec::new())?;
            let target = Path::new(OsStr::from_bytes(target.as_bytes()));
            openat(base, target, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        }
        _ => Err(Errno::NOTDIR),
    }
}
