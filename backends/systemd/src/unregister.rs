//! Stopping and removing units that we made.

use anysvc_backend_api::{Batch, Done, Error, ErrorKind, Result, Target, check_name};

use crate::{
    keep,
    manager::{Manager, ORIGIN, Unit, Work, recovery},
    register::is_elsewhere,
    shelf::{self, Found, Shelf},
    verbs::{self, Services},
};

/// Stops them, removes their files and links, and has the manager forget them. What is absent is fine.
pub(crate) fn unregister(services: &Services<'_>, batch: &Batch<Target>) -> Vec<Result<Done>> {
    let removed = look(services, batch).and_then(|loaded| {
        let stopped = stop(services, batch, &loaded);
        remove(services, batch, stopped)
    });
    removed.unwrap_or_else(|error| batch.all(|| Err(error.clone())))
}

/// Whether the manager knows each of them. What we did not make is refused.
fn look(services: &Services<'_>, batch: &Batch<Target>) -> Result<Vec<Result<bool>>> {
    let named = batch.each(|target| check_name(&target.name).map(|()| format!("{}.service", target.name)));
    let names: Vec<&str> = named.iter().flatten().map(String::as_str).collect();
    let ask = |manager: &mut Manager| manager.units(&names, ORIGIN, batch.deadline);
    let (_, units) = recovery::asked(services.gate, Work::on(batch.items.len()), ask, batch.deadline)?;
    let mut units = units.into_iter();
    Ok(batch.then(named, |target, _| {
        let unit: Unit = units.next().ok_or_else(|| Error::not_registered(&target.name))?;
        match Shelf::find(services.place, &target.name)? {
            Found::Foreign(path) => Err(Error::not_ours(&target.name).with_path(path)),
            Found::Nothing if is_elsewhere(services.place, &unit) => {
                Err(Error::not_ours(&target.name).with_path(&unit.facts.file))
            }
            _ => Ok(!unit.listed.is_absent()),
        }
    }))
}

/// Stops those that the manager knows.
fn stop(services: &Services<'_>, batch: &Batch<Target>, loaded: &[Result<bool>]) -> Vec<Result<()>> {
    let known = batch.items.iter().zip(loaded).filter(|(_, loaded)| matches!(loaded, Ok(true)));
    let items: Vec<Target> = known.map(|(target, _)| target.clone()).collect();
    let mut stopped = Vec::new().into_iter();
    if !items.is_empty() {
        stopped = verbs::stop(services, &Batch { items, deadline: batch.deadline }).into_iter();
    }
    batch.then(loaded.to_vec(), |_, known| match known.then(|| stopped.next()).flatten() {
        Some(Err(error)) if error.kind != ErrorKind::NotRegistered => Err(error),
        _ => Ok(()),
    })
}

/// Removes the files of those that are down, under the lock. What somebody wrote into them is kept.
fn remove(
    services: &Services<'_>,
    batch: &Batch<Target>,
    stopped: Vec<Result<()>>,
) -> Result<Vec<Result<Done>>> {
    if stopped.iter().all(Result::is_err) {
        return Ok(Done::plainly(stopped));
    }
    let shelf = Shelf::open(services.place, false, batch.deadline)?;
    let mut relinked = false;
    let removed = batch.then(stopped, |target, ()| {
        // It may have been replaced since it was looked at.
        if let Found::Foreign(path) = Shelf::find(services.place, &target.name)? {
            return Err(Error::not_ours(&target.name).with_path(path));
        }
        let warnings = left_of(services, &shelf, &target.name)?;
        for folder in services.place.folders().filter(|folder| !shelf::is_foreign(folder, &target.name)) {
            relinked |= folder.set_enabled(&format!("{}.service", target.name), false)?;
        }
        Ok(Done { warnings })
    });
    if relinked {
        services.place.lasting().flush_links();
    }
    let gone = batch.items.iter().zip(&removed).filter(|(_, removed)| removed.is_ok());
    let gone: Vec<&str> = gone.map(|(target, _)| &*target.name).collect();
    shelf.remove(gone.iter().copied())?;
    let forgetful = keep::refresh(services.place, &shelf, &gone);
    let reload = |manager: &mut Manager| manager.reload(batch.deadline);
    let reloaded = recovery::asked(services.gate, Work::on(batch.items.len()), reload, batch.deadline);
    Ok(batch.then(removed, |_, mut done: Done| {
        done.warnings.extend(forgetful.clone());
        reloaded.as_ref().map(|_| done).map_err(Clone::clone)
    }))
}

/// What will be left of a service because somebody else wrote it.
fn left_of(services: &Services<'_>, shelf: &Shelf<'_>, name: &str) -> Result<Vec<String>> {
    let saved = shelf.save(name, None)?.into_iter();
    let saved = saved.map(|copy| format!("somebody had edited it, which is kept as {}", copy.display()));
    let added = services.place.added_to(&format!("{name}.service")).into_iter();
    let added = added.map(|added| format!("{} of somebody else is left", added.display()));
    Ok(saved.chain(added).collect())
}
