//! Registering services: planned without touching anything, then published together with one reload, then
//! started. What fails is taken back.

mod compare;
mod plan;
mod render;
mod search;
mod verify;

use std::path::PathBuf;

use anysvc_backend_api::{Batch, Boot, Done, Error, ErrorKind, Registration, Result, Target, User};

use crate::{
    keep,
    manager::{Manager, Work, recovery},
    place::Folder,
    shelf::{New, Shelf},
    unregister,
    verbs::{self, Mode, Services},
};

pub(crate) use compare::compare;
pub(crate) use plan::is_elsewhere;
use plan::{Existing, Plan};
pub(crate) use render::render;

/// What was published for one service.
#[derive(Clone, Debug)]
struct Published {
    plan: Plan,
    done: Done,
}

/// Registers them; one answer each.
pub(crate) fn register(
    services: &Services<'_>,
    owner: &User,
    batch: &Batch<Registration>,
) -> Vec<Result<Done>> {
    let published = publish(services, owner, batch);
    let published = published.unwrap_or_else(|error| batch.all(|| Err(error.clone())));
    let started = start(services, batch, &published);
    let is_fresh = |published: &Published| published.plan.existing == Existing::Absent;
    let fresh = published.iter().map(|published| published.as_ref().is_ok_and(is_fresh));
    let failed: Vec<Target> = batch
        .items
        .iter()
        .zip(fresh)
        .zip(&started)
        .filter(|((_, fresh), started)| {
            *fresh && started.as_ref().is_err_and(|e| e.kind != ErrorKind::TimedOut)
        })
        .map(|((registration, _), _)| Target::new(&registration.spec.name))
        .collect();
    withdraw(services, failed, batch);
    let done = published.into_iter().map(|published| published.map(|published| published.done));
    started.into_iter().zip(done).map(|(started, done)| started.and(done)).collect()
}

/// From what is there to what is to be there, under the lock.
fn publish(
    services: &Services<'_>,
    owner: &User,
    batch: &Batch<Registration>,
) -> Result<Vec<Result<Published>>> {
    let mut manager = recovery::open(services.gate, Work::on(batch.items.len()), batch.deadline)?;
    let transient = batch.items.iter().any(|registration| registration.spec.is_transient());
    let shelf = Shelf::open(services.place, transient, batch.deadline)?;
    let folders = search::is_read(services, &mut manager, transient, batch.deadline)?;
    let plans = plan::plan(services, owner, &mut manager, &folders, batch)?;
    let plans = batch.then(plans, |registration, plan| {
        save(&shelf, services.place.folder(registration.spec.is_transient())?, registration, plan)
    });
    let new = batch.items.iter().zip(&plans).filter_map(|(registration, published)| {
        let plan = &published.as_ref().ok()?.plan;
        let (name, transient) = (&*registration.spec.name, registration.spec.is_transient());
        (plan.existing != Existing::Same).then_some(New { name, files: &plan.files, transient })
    });
    let new: Vec<New<'_>> = new.collect();
    let any = !new.is_empty() || plans.iter().flatten().any(|published| published.plan.stale);
    let mut written = shelf.publish(&new).into_iter();
    let mut relinked = false;
    let published = batch.then(plans, |registration, published| {
        let plan = &published.plan;
        let written = match plan.existing {
            // Who moved it may have been killed before it was gone there.
            Existing::Same => services
                .place
                .folder(registration.spec.is_transient())
                .and_then(|folder| shelf.remove_from_others(&registration.spec.name, folder)),
            _ => written.next().unwrap_or(Ok(())),
        };
        let done = written.and_then(|()| set_at_boot(services, registration, plan));
        let changed = done.inspect_err(|_| take_back(services, &shelf, registration, plan))?;
        relinked |= changed;
        Ok(published)
    });
    if relinked {
        services.place.lasting().flush_links();
    }
    if !any {
        return Ok(published);
    }
    let done = batch.items.iter().zip(&published).filter(|(_, published)| published.is_ok());
    let names: Vec<&str> = done.map(|(registration, _)| &*registration.spec.name).collect();
    let forgetful = keep::refresh(services.place, &shelf, &names);
    let reload = |manager: &mut Manager| manager.reload(batch.deadline);
    let reloaded = recovery::asked_by(services.gate, &mut manager, reload, batch.deadline);
    Ok(batch.then(published, |registration, mut published| {
        published.done.warnings.extend(forgetful.clone());
        let reloaded = reloaded.clone();
        let undo = |_: &Error| take_back(services, &shelf, registration, &published.plan);
        reloaded.inspect_err(undo).map(|()| published)
    }))
}

/// What somebody else wrote is kept before it is overwritten: only who adopts it comes here.
fn save(shelf: &Shelf<'_>, folder: &Folder, registration: &Registration, plan: Plan) -> Result<Published> {
    let mut done = Done::default();
    if registration.adopt && plan.existing != Existing::Same {
        let kept = |path: PathBuf| format!("what was there before is kept as {}", path.display());
        done.warnings = shelf.save(&registration.spec.name, Some(folder))?.into_iter().map(kept).collect();
    }
    Ok(Published { plan, done })
}

/// A new one whose registration failed leaves no files behind.
fn take_back(services: &Services<'_>, shelf: &Shelf<'_>, registration: &Registration, plan: &Plan) {
    if plan.existing != Existing::Absent {
        return;
    }
    let name = &*registration.spec.name;
    let unlinked = services
        .place
        .folder(registration.spec.is_transient())
        .and_then(|folder| folder.set_enabled(&format!("{name}.service"), false));
    if let Err(error) = unlinked.and_then(|_| shelf.remove([name])) {
        log::warn!("cannot take back a registration: {error}");
    }
}

/// Has it start at boot from now on, or not; whether that is another than before.
fn set_at_boot(services: &Services<'_>, registration: &Registration, plan: &Plan) -> Result<bool> {
    let at_boot = match registration.spec.boot() {
        Boot::Restore if plan.boot == Some(Boot::Restore) && !registration.start => return Ok(false),
        Boot::Restore => registration.start || plan.active,
        boot => boot == Boot::Up,
    };
    let folder = services.place.folder(registration.spec.is_transient())?;
    folder.set_enabled(&format!("{}.service", registration.spec.name), at_boot)
}

/// Those that are to run, and those that run and are not what they were.
fn start(
    services: &Services<'_>,
    batch: &Batch<Registration>,
    published: &[Result<Published>],
) -> Vec<Result<()>> {
    let mut all: Vec<Result<()>> =
        published.iter().map(|published| published.as_ref().map(drop).map_err(Clone::clone)).collect();
    for mode in [Mode::Start, Mode::Restart] {
        let wanted = |registration: &Registration, plan: &Plan| match plan.runs_otherwise {
            true => mode == Mode::Restart,
            false => mode == Mode::Start && registration.start,
        };
        let chosen: Vec<usize> = (0..batch.items.len())
            .filter(|&at| {
                published[at].as_ref().is_ok_and(|published| wanted(&batch.items[at], &published.plan))
            })
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let items = chosen.iter().map(|&at| Target::new(&batch.items[at].spec.name)).collect();
        let targets = Batch { items, deadline: batch.deadline };
        for (&at, started) in chosen.iter().zip(verbs::bring_up(services, &targets, mode)) {
            all[at] = started;
        }
    }
    all
}

/// A registration that fails leaves nothing behind.
fn withdraw(services: &Services<'_>, failed: Vec<Target>, batch: &Batch<Registration>) {
    if failed.is_empty() {
        return;
    }
    let failed = Batch { items: failed, deadline: batch.deadline };
    let errors = unregister::unregister(services, &failed).into_iter().filter_map(Result::err);
    errors.for_each(|error: Error| log::warn!("cannot take back a registration: {error}"));
}
