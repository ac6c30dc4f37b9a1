//! The folders of units, under the lock of those who change them: reading, publishing and removing the files
//! of services. It does not know what is in a unit, but for whose it is.

use std::{
    ffi::{OsStr, OsString},
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
    fs::{AtFlags, CWD, Mode, OFlags, linkat, openat},
    io::Errno,
};

use crate::{
    mark::Mark,
    place::{Folder, Place, make_folder},
    unit,
};

/// What a copy of somebody's file is called: systemd takes no file of such a name for a unit.
const SAVED: &str = "anysvc-saved";

/// The folders, until it is dropped.
#[derive(Debug)]
pub(crate) struct Shelf<'a> {
    /// Those that are there.
    folders: Vec<Open<'a>>,
    _lock: Option<OwnedFd>,
}

/// A folder of units.
#[derive(Debug)]
struct Open<'a> {
    place: &'a Folder,
    folder: OwnedFd,
    path: PathBuf,
}

/// What is there under the name of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A unit that we made.
    Ours(Kept),
    /// Something that we did not make: this file.
    Foreign(PathBuf),
}

/// A unit that we made, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) unit: Vec<u8>,
    pub(crate) environment: Option<Vec<u8>>,
    /// When the unit was written.
    pub(crate) written: SystemTime,
    /// Whether it is gone at the next boot.
    pub(crate) transient: bool,
}

/// The files of one service that are to appear.
#[derive(Clone, Debug)]
pub(crate) struct New<'a> {
    pub(crate) name: &'a str,
    pub(crate) files: &'a unit::Files,
    /// In the folder that is gone at the next boot.
    pub(crate) transient: bool,
}

impl<'a> Shelf<'a> {
    /// Opens the folders, making those that are to get something, and takes the lock. Who finds it taken waits.
    ///
    /// # Errors
    /// `permission-denied`, `io`, `timed-out`.
    pub(crate) fn open(place: &'a Place, transient: bool, deadline: Deadline) -> Result<Shelf<'a>> {
        let units = place.lasting().units();
        let made = fs::create_dir_all(units).and_then(|()| fs::canonicalize(units));
        made.map_err(|error| denied(Error::io("make", units, &error)))?;
        if transient {
            let units = place.folder(true)?.units();
            make_folder(units).map_err(|error| denied(Error::io("make", units, &error)))?;
        }
        let lock = lock(place, deadline)?;
        let there = place.folders().filter(|folder| folder.units().exists());
        let folders: Vec<Open<'_>> = there.map(Open::of).collect::<Result<_>>()?;
        // What a killed command left, which under the lock is nobody's.
        folders.iter().for_each(|open| publish::sweep(&open.folder, &open.path));
        Ok(Shelf { folders, _lock: lock })
    }

    /// What is there under the name of a service; the lasting one hides the other. Takes no lock.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn find(place: &Place, name: &str) -> Result<Found> {
        for folder in place.folders() {
            match find(folder, name)? {
                Found::Nothing => {}
                found => return Ok(found),
            }
        }
        Ok(Found::Nothing)
    }

    /// Publishes the files of services; those of each in one go, the unit last. What one of ours has in the
    /// other folder goes.
    pub(crate) fn publish(&self, services: &[New<'_>]) -> Vec<Result<()>> {
        let mut answers: Vec<Result<()>> = vec![Ok(()); services.len()];
        for open in &self.folders {
            let chosen: Vec<usize> =
                (0..services.len()).filter(|&at| services[at].transient == open.place.transient).collect();
            if chosen.is_empty() {
                continue;
            }
            let new: Vec<&New<'_>> = chosen.iter().map(|&at| &services[at]).collect();
            for (at, answer) in chosen.into_iter().zip(open.publish(&new)) {
                answers[at] = answer.and_then(|()| self.remove_from_others(services[at].name, open.place));
            }
        }
        answers
    }

    /// Keeps a copy of each file of a service of ours that somebody edited, and of each that is to be overwritten
    /// in a folder and that somebody else wrote, beside it: the paths of the copies.
    ///
    /// # Errors
    /// When that can't be done. Nothing is lost then.
    pub(crate) fn save(&self, name: &str, overwritten: Option<&Folder>) -> Result<Vec<PathBuf>> {
        let mut saved = Vec::new();
        for open in &self.folders {
            if overwritten != Some(open.place) && is_foreign(open.place, name) {
                continue;
            }
            for file in theirs(open.place, name)? {
                saved.push(open.save(&file)?);
            }
        }
        Ok(saved)
    }

    /// Removes the files of services that are ours, wherever they are; what is not there is fine.
    ///
    /// # Errors
    /// `permission-denied`, `io`.
    pub(crate) fn remove<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<()> {
        let names: Vec<&str> = names.into_iter().collect();
        self.folders.iter().try_for_each(|open| open.remove(&names))
    }

    /// Removes what one of ours has in the other folder than this, which it is in.
    ///
    /// # Errors
    /// As [`Shelf::remove`].
    pub(crate) fn remove_from_others(&self, name: &str, here: &Folder) -> Result<()> {
        let mut others = self.folders.iter().filter(|open| open.place != here);
        others.try_for_each(|open| {
            let unit = format!("{name}.service");
            let has_more = || open.place.enabled(&unit) || environment(open.place, name).exists();
            let is_left = match find(open.place, name)? {
                Found::Ours(_) => true,
                Found::Foreign(_) => false,
                // Whoever removed the rest was killed meanwhile.
                Found::Nothing => has_more() && theirs(open.place, name)?.is_empty(),
            };
            if is_left {
                open.remove(&[name])?;
                open.place.set_enabled(&unit, false)?;
            }
            Ok(())
        })
    }
}

impl<'a> Open<'a> {
    fn of(place: &'a Folder) -> Result<Open<'a>> {
        let units = place.units();
        let path = fs::canonicalize(units).map_err(|error| Error::io("open", units, &error))?;
        Ok(Open { place, folder: publish::open_folder(&path)?, path })
    }

    fn publish(&self, services: &[&New<'_>]) -> Vec<Result<()>> {
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

    fn remove(&self, names: &[&str]) -> Result<()> {
        let ours = names.iter().filter(|name| !is_foreign(self.place, name));
        let files: Vec<_> = ours.flat_map(|name| [unit_file(name), environment_file(name)]).collect();
        publish::remove_all(&self.folder, &self.path, files.iter().map(|file| &**file)).map_err(denied)
    }

    /// A second name for a file, before its own is taken from it.
    fn save(&self, file: &OsStr) -> Result<PathBuf> {
        let mut copy = file.to_owned();
        copy.push(format!(".{SAVED}"));
        for number in 2.. {
            match linkat(&self.folder, file, &self.folder, &copy, AtFlags::empty()) {
                Ok(()) => break,
                Err(Errno::EXIST) => {
                    copy = file.to_owned();
                    copy.push(format!(".{SAVED}.{number}"));
                }
                Err(cause) => {
                    return Err(denied(Error::io("keep a copy of", self.path.join(file), &cause.into())));
                }
            }
        }
        Ok(self.path.join(copy))
    }
}

/// What is there in one folder.
fn find(folder: &Folder, name: &str) -> Result<Found> {
    let path = folder.units().join(unit_file(name));
    let failed = |error| Error::io("read", &path, &error);
    let found = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == IoKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(failed(error)),
        // A link, say: an alias, or what masks a unit.
        Ok(found) if !found.is_file() => return Ok(Found::Foreign(path)),
        Ok(found) => found,
    };
    let unit = fs::read(&path).map_err(failed)?;
    if Mark::of(&unit).is_none() {
        return Ok(Found::Foreign(path));
    }
    let since_epoch = Duration::new(
        found.mtime().try_into().unwrap_or_default(),
        found.mtime_nsec().try_into().unwrap_or_default(),
    );
    Ok(Found::Ours(Kept {
        unit,
        environment: fs::read(environment(folder, name)).ok(),
        written: SystemTime::UNIX_EPOCH + since_epoch,
        transient: folder.transient,
    }))
}

/// Whether somebody else has a unit of that name there.
pub(crate) fn is_foreign(folder: &Folder, name: &str) -> bool {
    matches!(find(folder, name), Ok(Found::Foreign(_)))
}

/// The files under the name of a service that are not as we wrote them.
///
/// # Errors
/// When one can't be read.
pub(crate) fn theirs(folder: &Folder, name: &str) -> Result<Vec<OsString>> {
    let mut theirs = Vec::new();
    for file in [unit_file(name), environment_file(name)] {
        let path = folder.units().join(&file);
        let failed = |error| Error::io("read", &path, &error);
        let edited = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == IoKind::NotFound => false,
            Err(error) => return Err(failed(error)),
            Ok(found) if !found.is_file() => true,
            Ok(_) => unit::is_edited(&fs::read(&path).map_err(failed)?),
        };
        theirs.extend(edited.then_some(file));
    }
    Ok(theirs)
}

/// Where the values of a service's variables are.
pub(crate) fn environment(folder: &Folder, name: &str) -> PathBuf {
    folder.units().join(environment_file(name))
}

fn unit_file(name: &str) -> OsString {
    format!("{name}.service").into()
}

/// systemd takes no file of such a name for a unit.
fn environment_file(name: &str) -> OsString {
    format!("{name}.service.env").into()
}

/// The lock of those who change units or their links, until it is dropped. Who finds it taken waits.
///
/// # Errors
/// `permission-denied`, `io`, `timed-out`.
pub(crate) fn lock(place: &Place, deadline: Deadline) -> Result<Option<OwnedFd>> {
    place.lock().map(|file| take(&file, deadline)).transpose()
}

fn take(file: &Path, deadline: Deadline) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let locked =
        openat(CWD, file, flags, Mode::RUSR | Mode::WUSR).and_then(|fd| lock::exclusive(fd, deadline));
    locked.map_err(|error| match error {
        Errno::TIMEDOUT => Error::timed_out("others kept the folder of units locked")
            .with_path(file)
            .with_hint("another anysvc is at work there; try again when it is done"),
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
