//! What registering each service would do. Everything that can be refused is refused here, before
//! anything is changed.

use std::collections::HashSet;

use anysvc_backend_api::{Batch, Error, ErrorKind, Registration, Result, check_name};
use rustix::{
    fs::{AtFlags, FileType, StatVfsMountFlags, fstatvfs, statat},
    io::Errno,
};

use super::{Site, compare::is_same};
use crate::{
    scandir::Scandir,
    scripts::{self, Owner, ServiceDirectory, Tools},
    state::{Maker, Reader},
};

/// What is there under the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Nothing.
    Absent,
    /// One of ours that does not differ.
    Same,
    /// One that is to be replaced.
    Differs {
        /// It is wanted up, or was before it was stopped for a replacement.
        up: bool,
    },
}

/// What is to be done for one service.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Its files.
    pub(super) directory: ServiceDirectory,
    /// What is there.
    pub(super) existing: Existing,
    /// Whether it is to run in the end: as asked, and one that runs keeps running.
    pub(super) up: bool,
}

impl Plan {
    /// Whether there is anything to publish.
    pub(super) fn changes(&self) -> bool {
        self.existing != Existing::Same
    }

    /// Whether it has a logger, which is a supervised process too.
    pub(super) fn has_logger(&self) -> bool {
        self.directory.files.iter().any(|file| file.path.starts_with("log"))
    }
}

/// Plans all of them.
pub(super) fn plan(site: &Site<'_>, batch: &Batch<Registration>) -> Vec<Result<Plan>> {
    let runnable = can_execute(site.scandir);
    let mut reader = Reader::new(site.scandir);
    let mut seen = HashSet::new();
    batch.each(|registration| {
        let directory = render_directory(registration, site.owner, site.tools)?;
        runnable.clone()?;
        site.ceiling.check(&registration.spec.limits)?;
        let name = registration.spec.name.as_str();
        if !seen.insert(name.to_owned()) {
            return Err(Error::already_registered(name));
        }
        let existing = existing(&mut reader, registration, &directory)?;
        let runs = matches!(existing, Existing::Differs { up: true });
        Ok(Plan { directory, existing, up: registration.start || runs })
    })
}

/// The files of a service.
///
/// # Errors
/// Whatever makes it impossible, by the name of the field.
pub(crate) fn render_directory(
    registration: &Registration,
    owner: &Owner,
    tools: &Tools,
) -> Result<ServiceDirectory> {
    check_name(&registration.spec.name)?;
    scripts::service_directory(registration, owner, tools)
}

fn existing(
    reader: &mut Reader<'_>,
    registration: &Registration,
    files: &ServiceDirectory,
) -> Result<Existing> {
    let name = registration.spec.name.as_str();
    let scandir = reader.scandir();
    let stat = match statat(scandir.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Existing::Absent),
        Err(error) => return Err(scandir.io("look at", name, error)),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        // A slot of s6-rc's, say. To adopt it would be to break what made it.
        return Err(not_ours(scandir, name)
            .with_hint("it is no folder of its own: choose another name, or remove it with what made it"));
    }
    let slot = reader.slot(name)?;
    // Without a supervisor, which is what a register that was killed leaves, its files say what is wanted.
    let alone = slot.as_ref().is_some_and(|slot| slot.supervised == Some(false));
    let wanted = match slot.as_ref().and_then(|slot| slot.live()) {
        Some(raw) => raw.want_up,
        None => alone && !reader.has(name, "down"),
    };
    let cut_short = reader.cut_short(name);
    let (up, whole) = (wanted || cut_short, !alone && !cut_short);
    match (reader.maker(name)?, registration.replace, registration.adopt) {
        (Maker::Nobody, _, _) => Ok(Existing::Absent),
        (Maker::Us, true, _) if whole && is_same(scandir, name, files)? => Ok(Existing::Same),
        (Maker::Us, true, _) | (Maker::Others, _, true) => Ok(Existing::Differs { up }),
        (Maker::Us, false, _) => Err(Error::already_registered(name)),
        (Maker::Others, _, false) => Err(not_ours(scandir, name)),
    }
}

/// A `run` on a file system that is mounted "noexec" never starts.
fn can_execute(scandir: &Scandir) -> Result<()> {
    match fstatvfs(scandir.fd()) {
        Ok(stat) if stat.f_flag.contains(StatVfsMountFlags::NOEXEC) => Err(Error::new(
            ErrorKind::CommandFailed,
            format!("nothing can be executed in {}: it is mounted `noexec`", scandir.path().display()),
        )
        .with_hint("mount it without `noexec`, or use a scandir elsewhere")),
        _ => Ok(()),
    }
}

fn not_ours(scandir: &Scandir, name: &str) -> Error {
    Error::not_ours(name).with_path(scandir.path().join(name))
}
