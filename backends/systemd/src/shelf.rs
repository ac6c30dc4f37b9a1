//! The folder of units, under the lock of those who change it: reading, publishing and removing the files
//! of services. It does not know what is in a unit, but for whose it is.

use std::{
    ffi::OsString,
    fs,
    io::ErrorKind as IoKind,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Result};
use anysvc_backend_support::{
    lock,
    publish::{self, NewFile},
};
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

use crate::{mark::Mark, place::Place, unit};

/// The folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: OwnedFd,
    path: PathBuf,
    _lock: Option<OwnedFd>,
}

/// What is there under the name of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A unit that we made.
    Ours(Kept),
    /// Something that we did not make.
    Foreign,
}

/// A unit that we made, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) unit: Vec<u8>,
    pub(crate) environment: Option<Vec<u8>>,
    /// When the unit was written.
    pub(crate) written: SystemTime,
}

/// The files of one service that are to appear.
#[derive(Clone, Debug)]
pub(crate) struct New<'a> {
    pub(crate) name: &'a str,
    pub(crate) files: &'a unit::Files,
}

impl Shelf {
    /// Opens the folder, making it if need be, and takes the lock. Who finds it taken waits.
    ///
    /// # Errors
    /// `permission-denied`, `io`, `timed-out`.
    pub(crate) fn open(place: &Place, deadline: Deadline) -> Result<Shelf> {
        let path = place.units();
        let made = fs::create_dir_all(path).and_then(|()| fs::canonicalize(path));
        let path = made.map_err(|error| denied(Error::io("make", path, &error)))?;
        let lock = place.lock().map(|file| take(&file, deadline)).transpose()?;
        let shelf = Shelf { folder: publish::open_folder(&path)?, path, _lock: lock };
        // What a killed command left, which under the lock is nobody's.
        publish::sweep(&shelf.folder, &shelf.path);
        Ok(shelf)
    }

    /// What is there under the name of a service. Takes no lock.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn find(place: &Place, name: &str) -> Result<Found> {
        let path = place.units().join(unit_file(name));
        let failed = |error| Error::io("read", &path, &error);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == IoKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(failed(error)),
            // A link, say: an alias, or what masks a unit.
            Ok(found) if !found.is_file() => Ok(Found::Foreign),
            Ok(found) => {
                let unit = fs::read(&path).map_err(failed)?;
                if Mark::of(&unit).is_none() {
                    return Ok(Found::Foreign);
                }
                let since_epoch = Duration::new(
                    found.mtime().try_into().unwrap_or_default(),
                    found.mtime_nsec().try_into().unwrap_or_default(),
                );
                Ok(Found::Ours(Kept {
                    unit,
                    environment: fs::read(Shelf::environment(place, name)).ok(),
                    written: SystemTime::UNIX_EPOCH + since_epoch,
                }))
            }
        }
    }

    /// Where the values of a service's variables are.
    pub(crate) fn environment(place: &Place, name: &str) -> PathBuf {
        place.units().join(environment_file(name))
    }

    /// Publishes the files of services; those of each in one go, the unit last.
    pub(crate) fn publish(&self, services: &[New<'_>]) -> Vec<Result<()>> {
        let names: Vec<_> =
            services.iter().map(|new| (environment_file(new.name), unit_file(new.name))).collect();
        let groups: Vec<Vec<NewFile<'_>>> = services
            .iter()
            .zip(&names)
            .map(|(new, (environment, unit))| {
                let values = new.files.environment.as_ref();
                let values =
                    values.map(|text| NewFile { name: environment, mode: 0o600, content: text.as_bytes() });
                let unit = NewFile { name: unit, mode: 0o644, content: new.files.unit.as_bytes() };
                values.into_iter().chain([unit]).collect()
            })
            .collect();
        let published = publish::replace_all(self.folder.as_fd(), &self.path, &groups);
        let done = published.into_iter().zip(services).zip(&names);
        done.map(|((published, new), (environment, _))| {
            published.map_err(denied)?;
            match new.files.environment {
                // The values of an earlier version.
                None => publish::remove(&self.folder, &self.path, environment),
                Some(_) => Ok(()),
            }
        })
        .collect()
    }

    /// Removes the files of services; what is not there is fine. Whose they are has been seen before.
    ///
    /// # Errors
    /// `permission-denied`, `io`.
    pub(crate) fn remove<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let files: Vec<_> =
            names.into_iter().flat_map(|name| [unit_file(name), environment_file(name)]).collect();
        publish::remove_all(&self.folder, &self.path, files.iter().map(|file| &**file)).map_err(denied)
    }
}

fn unit_file(name: &str) -> OsString {
    format!("{name}.service").into()
}

/// systemd takes no file of such a name for a unit.
fn environment_file(name: &str) -> OsString {
    format!("{name}.service.env").into()
}

fn take(file: &Path, deadline: Deadline) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let locked =
        openat(CWD, file, flags, Mode::RUSR | Mode::WUSR).and_then(|fd| lock::exclusive(fd, deadline));
    locked.map_err(|error| match error {
        Errno::TIMEDOUT => Error::timed_out("others kept the folder of units locked").with_path(file),
        other => denied(Error::io("lock", file, &other.into())),
    })
}

/// What to do about it, where it is the machine's folder.
fn denied(error: Error) -> Error {
    let machine_s =
        error.path.as_ref().is_some_and(|path| path.starts_with("/etc") || path.starts_with("/run/systemd"));
    match error.kind {
        ErrorKind::PermissionDenied if machine_s => error.with_hint("become root, or use `--scope user`"),
        _ => error,
    }
}
