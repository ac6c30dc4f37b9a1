//! All services of a scope: ours, and on demand the others.

use std::{collections::BTreeSet, fs, io::ErrorKind, path::Path};

use anysvc_backend_api::{Batch, Deadline, Error, ListQuery, Result, Status, Target};

use super::{Services, status::status_by};
use crate::{
    manager::{Failure, Manager, Work, recovery, service_of},
    mark::Mark,
};

/// Reads them, in order of their names. Of the others those that the manager has loaded.
///
/// # Errors
/// When the folder of units or the manager can't be read.
pub(crate) fn list(services: &Services<'_>, query: &ListQuery, deadline: Deadline) -> Result<Vec<Status>> {
    let mut names = BTreeSet::new();
    for folder in services.place.folders() {
        ours(folder.units(), &mut names)?;
    }
    if names.is_empty() && !query.foreign {
        return Ok(Vec::new());
    }
    let ask = |manager: &mut Manager| read(services, manager, names.clone(), query.foreign, deadline);
    let (_, read) = recovery::asked(services.gate, Work::Much, ask, deadline)?;
    // What has gone since is not there.
    Ok(read.into_iter().flatten().collect())
}

fn read(
    services: &Services<'_>,
    manager: &mut Manager,
    mut names: BTreeSet<String>,
    foreign: bool,
    deadline: Deadline,
) -> Result<Vec<Result<Status>>, Failure> {
    if foreign {
        others(manager, &mut names, deadline)?;
    }
    let batch = Batch { items: names.into_iter().map(Target::new).collect(), deadline };
    status_by(manager, services.place, &batch)
}

/// The names of the units in a folder that we made.
fn ours(folder: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("list the units in", folder, &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(unit) = name.to_str().filter(|unit| unit.ends_with(".service")) else { continue };
        // A link leads to what somebody else made.
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && Mark::read(&entry.path()).ok().flatten().is_some() {
            names.insert(service_of(unit).to_owned());
        }
    }
    Ok(())
}

/// The services that are loaded; ours have their own names already.
fn others(manager: &mut Manager, names: &mut BTreeSet<String>, deadline: Deadline) -> Result<(), Failure> {
    for unit in manager.all_units(deadline)? {
        let known = !unit.id.ends_with(".service") || names.contains(service_of(&unit.id));
        if !known && !unit.is_absent() {
            names.insert(unit.id);
        }
    }
    Ok(())
}
