//! What registering each service would do. Everything that can be refused is refused here, before anything
//! is changed.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anysvc_backend_api::{Batch, Boot, Error, ErrorKind, Registration, Result, Scope, ServiceSpec, User};
use anysvc_backend_support::ceiling::Ceiling;

use super::{search, verify::verify};
use crate::{
    manager::{Manager, ORIGIN, Unit, recovery},
    mark::Mark,
    place::Place,
    shelf::{self, Found, Kept, Shelf},
    unit::{self, Files, Surroundings},
    verbs::Services,
};

/// What is there under the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// Nothing.
    Absent,
    /// One of ours that does not differ.
    Same,
    /// One that is to be replaced.
    Differs,
}

/// What is to be done for one service.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Its files.
    pub(super) files: Files,
    /// What is there.
    pub(super) existing: Existing,
    /// The manager has not read the file that is there.
    pub(super) stale: bool,
    /// It runs.
    pub(super) active: bool,
    /// It runs, as something else than it is to be.
    pub(super) runs_otherwise: bool,
    /// What happens at boot so far.
    pub(super) boot: Option<Boot>,
}

/// Plans all of them.
///
/// # Errors
/// Where the manager does not answer.
pub(super) fn plan(
    services: &Services<'_>,
    owner: &User,
    manager: &mut Manager,
    folders: &[PathBuf],
    batch: &Batch<Registration>,
) -> Result<Vec<Result<Plan>>> {
    let names: Vec<String> = batch.items.iter().map(|item| format!("{}.service", item.spec.name)).collect();
    let files = batch.each(|registration| render(services, owner, registration));
    let files = verify(services.place, batch, files);
    // What is no name of a unit would have the manager refuse the whole question.
    let asked: Vec<&str> =
        names.iter().zip(&files).filter(|(_, files)| files.is_ok()).map(|(name, _)| &**name).collect();
    let ask = |manager: &mut Manager| manager.units(&asked, ORIGIN, batch.deadline);
    let mut units = recovery::asked_by(services.gate, manager, ask, batch.deadline)?.into_iter();
    let ceiling = ceiling(services, manager, batch)?;
    let mut seen = HashSet::new();
    Ok(batch.then(files, |registration, files| {
        let Some(unit) = units.next() else {
            return Err(Error::new(ErrorKind::CommandFailed, "systemd said nothing of it"));
        };
        if !seen.insert(registration.spec.name.clone()) {
            return Err(Error::already_registered(&registration.spec.name));
        }
        ceiling.check(&registration.spec.limits)?;
        let found = Shelf::find(services.place, &registration.spec.name)?;
        if let Some(file) = what_hides(services.place, folders, &found, &unit, registration)? {
            return Err(hidden(registration, &file));
        }
        judge(services.place, found, &unit, registration, files)
    }))
}

/// What limits the manager can set, if any are asked for.
fn ceiling(services: &Services<'_>, manager: &mut Manager, batch: &Batch<Registration>) -> Result<Ceiling> {
    if batch.items.iter().all(|registration| registration.spec.limits.is_empty()) {
        return Ok(Ceiling::default());
    }
    let ask = |manager: &mut Manager| manager.pid(batch.deadline);
    let pid = recovery::asked_by(services.gate, manager, ask, batch.deadline)?;
    let cut = "it would be cut to that unsaid";
    Ok(pid.map_or_else(Ceiling::default, |pid| match services.gate.scope() {
        Scope::System => Ceiling::of(pid, "systemd here", cut),
        Scope::User => Ceiling::of(pid, "this user's systemd", cut)
            .with_way("root can raise it for user@.service, by `systemctl edit`"),
    }))
}

/// Planned restarts would be counted as failures without it.
fn has_systemctl(spec: &ServiceSpec) -> Result<()> {
    match unit::needs_systemctl(spec) {
        Some(paths) if !paths.iter().any(|path| Path::new(path).exists()) => {
            let message =
                "restart.give-up: without /usr/bin/systemctl planned restarts would be counted, too";
            Err(Error::unsupported(message)
                .with_hint("leave it out, or say `restart.always-on = []` if there are none"))
        }
        _ => Ok(()),
    }
}

/// The files of a service.
///
/// # Errors
/// Whatever makes it impossible, by the name of the field.
pub(super) fn render(services: &Services<'_>, owner: &User, registration: &Registration) -> Result<Files> {
    has_systemctl(&registration.spec)?;
    let folder = services.place.folder(registration.spec.is_transient())?;
    let path = shelf::environment(folder, &registration.spec.name);
    let environment = path.to_str().filter(|text| unit::is_plain_path(text)).ok_or_else(|| {
        Error::unsupported(format!("env: systemd can't read values from {}", path.display()))
            .with_hint("a home of plain letters is what it can read from")
    });
    let environment = match environment {
        Ok(path) => path,
        Err(_) if registration.spec.env.is_empty() => "",
        Err(error) => return Err(error),
    };
    unit::render(&registration.spec, Surroundings { scope: services.gate.scope(), owner, environment })
}

fn judge(
    place: &Place,
    found: Found,
    unit: &Unit,
    registration: &Registration,
    files: Files,
) -> Result<Plan> {
    let (name, replace, adopt) = (&registration.spec.name, registration.replace, registration.adopt);
    let folder = place.folder(registration.spec.is_transient())?;
    let active = !matches!(unit.listed.active.as_str(), "inactive" | "failed");
    let boot = if let Found::Ours(kept) = &found { Mark::of(&kept.unit).map(|mark| mark.boot) } else { None };
    // Who moved it may have been killed before the manager was told.
    let was_elsewhere = place.of_file(&unit.facts.file).is_some_and(|read| read != folder);
    let stale = unit.facts.stale == Some(true) || was_elsewhere;
    let plan = |existing, runs_otherwise| Plan {
        files: files.clone(),
        existing,
        stale,
        active,
        runs_otherwise,
        boot,
    };
    match found {
        Found::Foreign(path) if !adopt => Err(Error::not_ours(name).with_path(path)),
        Found::Foreign(_) => Ok(plan(Existing::Differs, active)),
        Found::Nothing if is_elsewhere(place, unit) && !adopt => {
            Err(Error::not_ours(name).with_path(&unit.facts.file))
        }
        Found::Nothing if is_elsewhere(place, unit) => Ok(plan(Existing::Differs, active)),
        Found::Nothing => unedited(place, name, adopt).map(|()| plan(Existing::Absent, active)),
        Found::Ours(_) if !replace && !adopt => Err(Error::already_registered(name)),
        Found::Ours(kept) if is_same(&kept, &files, folder.transient) => {
            Ok(plan(Existing::Same, active && began_before(unit.facts.began, kept.written)))
        }
        Found::Ours(_) => unedited(place, name, adopt).map(|()| plan(Existing::Differs, active)),
    }
}

/// Refuses to overwrite what somebody wrote or edited, unless it is to be adopted.
fn unedited(place: &Place, name: &str, adopt: bool) -> Result<()> {
    for folder in place.folders().filter(|_| !adopt) {
        if let Some(file) = shelf::theirs(folder, name)?.first() {
            return Err(edited(name, &folder.units().join(file)));
        }
    }
    Ok(())
}

/// Whether the manager has a unit of that name from somewhere else. (What it has read from our folder is
/// a left-over there, as the file is gone.)
pub(crate) fn is_elsewhere(place: &Place, unit: &Unit) -> bool {
    !unit.listed.is_absent() && !unit.facts.file.is_empty() && place.of_file(&unit.facts.file).is_none()
}

fn is_same(kept: &Kept, files: &Files, transient: bool) -> bool {
    kept.transient == transient
        && kept.unit == files.unit.as_bytes()
        && kept.environment.as_deref() == files.environment.as_ref().map(String::as_bytes)
}

/// Whether what runs began before its file was written: who replaced it was killed before the restart.
fn began_before(began: Option<SystemTime>, written: SystemTime) -> bool {
    began.is_some_and(|began| began < written)
}

fn edited(name: &str, path: &Path) -> Error {
    let message = format!("{} of `{name}` is not as anysvc wrote it: somebody edited it", path.display());
    Error::new(ErrorKind::NotOurs, message).with_path(path).with_hint(
        "`anysvc register --replace --adopt` overwrites it and keeps a copy; `native.systemd` can say what was \
         edited",
    )
}

/// The file of somebody else, who lets it be replaced, that systemd would go on reading instead of ours.
fn what_hides(
    place: &Place,
    folders: &[PathBuf],
    found: &Found,
    unit: &Unit,
    registration: &Registration,
) -> Result<Option<PathBuf>> {
    let ours = place.folder(registration.spec.is_transient())?.units();
    let file = match found {
        Found::Foreign(path) => Some(path.clone()),
        _ => is_elsewhere(place, unit).then(|| PathBuf::from(&unit.facts.file)),
    };
    Ok(file.filter(|file| registration.adopt && search::hides(folders, file, ours)))
}

fn hidden(registration: &Registration, path: &Path) -> Error {
    let name = &registration.spec.name;
    let message = format!("{} would hide `{name}`: systemd reads it first", path.display());
    let or = if registration.spec.is_transient() { ", or leave out `transient`" } else { "" };
    Error::new(ErrorKind::NotOurs, message)
        .with_path(path)
        .with_hint(format!("stop what it is for, and move it away{or}"))
}
