//! Acting on one service directory: its control FIFO and the files that tell it things. It waits for nothing.

use std::{ffi::OsStr, os::fd::OwnedFd, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result};
use rustix::{
    fs::{AtFlags, Mode, OFlags, openat, unlinkat},
    io::Errno,
};

use crate::{
    control::{self, Fifo},
    scandir::{Scandir, denied},
    scripts::marker,
    sys::open_beneath,
};

/// Sends commands to the supervisor of a service.
///
/// # Errors
/// `command-failed` if no supervisor listens; `permission-denied`.
pub(crate) fn tell(scandir: &Scandir, name: &str, commands: &[u8]) -> Result<()> {
    let below = control_of(name);
    control::send(scandir.fd(), &below, commands).map_err(|error| match error {
        Errno::NOENT if is_gone(scandir, name) => Error::not_registered(name),
        Errno::NXIO | Errno::PIPE | Errno::NOENT | Errno::NOTDIR => unsupervised(name),
        Errno::ACCESS | Errno::PERM => denied("write to", &scandir.path().join(&below), error),
        other => scandir.io("write to", &below, other),
    })
}

/// The control FIFO of its supervisor, if one listens there to us.
pub(crate) fn listening(scandir: &Scandir, name: &str) -> Option<Fifo> {
    Fifo::open(scandir.fd(), &control_of(name)).ok()
}

fn control_of(name: &str) -> String {
    format!("{name}/supervise/control")
}

/// What is said where no supervisor listens.
pub(crate) fn unsupervised(name: &str) -> Error {
    Error::new(ErrorKind::CommandFailed, format!("no s6-supervise listens for `{}`", name.escape_debug()))
        .with_hint("look at what s6-svscan wrote to its standard error")
}

/// What is said where the status can't be seen.
pub(crate) fn unseen(name: &str) -> Error {
    Error::new(
        ErrorKind::PermissionDenied,
        format!("only its owner may see the status of `{}`", name.escape_debug()),
    )
    .with_hint("act as its owner or as root; root lets a group in with `s6-svperms -G GROUP`")
}

/// Makes the supervisor that comes next leave the service down, or start it. The one that is there does
/// not look at the file again, and needs to be told.
///
/// # Errors
/// `permission-denied`, `io`.
pub(crate) fn set_down(scandir: &Scandir, name: &str, down: bool) -> Result<()> {
    set(scandir, name, Path::new("down"), down)
}

/// Makes the next end of a service of ours no last one, whatever its restart policy.
///
/// # Errors
/// `permission-denied`, `io`.
pub(crate) fn set_again(scandir: &Scandir, name: &str, again: bool) -> Result<()> {
    set(scandir, name, Path::new(marker::AGAIN), again)
}

/// Tells the next `register --replace` that a service of ours is down for that alone.
///
/// # Errors
/// `permission-denied`, `io`.
pub(crate) fn set_replaced(scandir: &Scandir, name: &str, replaced: bool) -> Result<()> {
    set(scandir, name, Path::new(marker::REPLACED), replaced)
}

/// Creates or removes an empty file.
fn set(scandir: &Scandir, name: &str, file: &Path, there: bool) -> Result<()> {
    let (above, last) = (file.parent().unwrap_or(Path::new("")), file.file_name().unwrap_or_default());
    let above = Path::new(name).join(above);
    let (verb, act): (_, fn(&OwnedFd, &OsStr) -> _) =
        if there { ("create", create) } else { ("remove", remove) };
    let done = folder(scandir, &above.to_string_lossy()).and_then(|folder| act(&folder, last));
    let path = || scandir.path().join(name).join(file);
    match done {
        Ok(()) => Ok(()),
        Err(Errno::NOENT) if is_gone(scandir, name) => Err(Error::not_registered(name)),
        Err(Errno::NOENT) if !there => Ok(()),
        Err(error @ (Errno::ACCESS | Errno::PERM)) => Err(denied(verb, &path(), error)),
        Err(other) => Err(Error::io(verb, path(), &other.into())),
    }
}

/// Others may unregister it at any moment.
fn is_gone(scandir: &Scandir, name: &str) -> bool {
    scandir.has(name) == Ok(false)
}

fn create(folder: &OwnedFd, file: &OsStr) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(folder, file, flags, Mode::from_raw_mode(0o644)) {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove(folder: &OwnedFd, file: &OsStr) -> Result<(), Errno> {
    match unlinkat(folder, file, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

fn folder(scandir: &Scandir, name: &str) -> Result<OwnedFd, Errno> {
    open_beneath(scandir.fd(), name, OFlags::PATH | OFlags::DIRECTORY)
}
