//! Where the log of a service is, and whose files count there.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    os::{fd::OwnedFd, unix::ffi::OsStringExt},
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Error, Result};
use anysvc_backend_support::logs::{Owner, Place, Source};
use rustix::{
    fs::{CWD, Mode, OFlags, fstat, openat},
    io::Errno,
    process::geteuid,
};

use crate::scripts::marker;

/// The log of one service.
#[derive(Clone, Debug)]
pub struct LogPlace {
    /// The service, as records name it.
    pub service: String,
    /// Its service directory (`SCANDIR/NAME`): where the folder is, is recorded there.
    pub service_directory: PathBuf,
}

impl Source for LogPlace {
    fn service(&self) -> &str {
        &self.service
    }

    fn place(&self) -> Result<Place> {
        find(self)
    }
}

/// Finds the place of a log.
///
/// # Errors
/// `not-registered`; `unsupported` for a service that keeps no log files of ours; `permission-denied`, `io`.
fn find(source: &LogPlace) -> Result<Place> {
    let path = &source.service_directory;
    let failed = |cause: Errno| Error::io("open", path, &cause.into()).with_service(&source.service);
    let directory = match open_folder(path) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Err(Error::not_registered(&source.service)),
        // A link, as s6-rc makes them.
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return Err(unsupported(source, "its log is not one that anysvc made"));
        }
        Err(cause) => return Err(failed(cause)),
    };
    let log = match openat(&directory, "log", FOLDER, Mode::empty()) {
        Ok(log) if read(&directory, marker::MARK).is_ok() => log,
        Ok(_) => return Err(unsupported(source, "its log is not one that anysvc made")),
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {
            return Err(unsupported(source, "it keeps no log files"));
        }
        Err(cause) => return Err(failed(cause)),
    };
    let below = |marker: &'static str| Path::new(marker).strip_prefix("log").unwrap_or(Path::new(marker));
    let owner = match (geteuid().is_root(), fstat(&directory).map_err(failed)?.st_uid) {
        (false, _) => Owner::Any,
        (true, 0) if read(&log, below(marker::LOG_USER)).is_ok() => {
            let text = read(&log, below(marker::LOG_UID)).unwrap_or_default();
            match str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok()) {
                Some(uid) => Owner::Uid(uid),
                None => return Ok(Place::Later(path.join("log/data"))),
            }
        }
        // The scripts run as the owner of the service directory otherwise.
        (true, uid) => Owner::Uid(uid),
    };
    match read(&log, below(marker::LOG_FOLDER)) {
        Ok(mut folder) if folder.last() == Some(&b'\n') && folder.first() == Some(&b'/') => {
            folder.pop();
            Ok(Place::Known(OsString::from_vec(folder).into(), owner))
        }
        // It has just been opened for writing.
        Ok(_) => Ok(Place::Later(path.join("log/data"))),
        Err(Errno::NOENT) => {
            let data = path.join("log/data");
            Ok(Place::Later(if data.is_dir() { data } else { path.join("log") }))
        }
        Err(cause) => Err(failed(cause)),
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_folder(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, FOLDER, Mode::empty())
}

/// A small file one folder below, following no link.
fn read(directory: &OwnedFd, path: impl AsRef<Path>) -> Result<Vec<u8>, Errno> {
    let path = path.as_ref();
    let (folder, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    let folder = openat(directory, folder, FOLDER, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(folder, name, flags, Mode::empty())?);
    let mut content = Vec::new();
    file.take(8192).read_to_end(&mut content).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    Ok(content)
}

fn unsupported(source: &LogPlace, why: &str) -> Error {
    Error::unsupported(format!("there is no log of `{}` to read: {why}", source.service.escape_debug()))
        .with_service(&source.service)
        .with_hint("look where s6-svscan writes, or where the one who made the service had it write")
}

#[cfg(test)]
mod tests;
