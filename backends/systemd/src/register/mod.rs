//! Registering services: planned without touching anything, then published together with one reload, then
//! started. What fails is taken back.

mod plan;
mod render;

use anysvc_backend_api::{Batch, Boot, Error, ErrorKind, Registration, Result, Target, User};

use crate::{
    keep,
    manager::{Manager, Work, recovery},
    shelf::{New, Shelf},
    unregister,
    verbs::{self, Mode, Services},
};

pub(crate) use plan::is_elsewhere;
use plan::{Existing, Plan};
pub(crate) use render::render;

/// Registers them; one answer each.
pub(crate) fn register(
    services: &Services<'_>,
    owner: &User,
    batch: &Batch<Registration>,
) -> Vec<Result<()>> {
    let published = publish(services, owner, batch);
    let published = published.unwrap_or_else(|error| batch.all(|| Err(error.clone())));
    let started = start(services, batch, &published);
    let fresh = published.iter().map(|plan| plan.as_ref().is_ok_and(|p| p.existing == Existing::Absent));
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
    started
}

/// From what is there to what is to be there, under the lock.
fn publish(services: &Services<'_>, owner: &User, batch: &Batch<Registration>) -> Result<Vec<Result<Plan>>> {
    let mut manager = services.gate.open(Work::on(batch.items.len()), batch.deadline)?;
    let shelf = Shelf::open(services.place, batch.deadline)?;
    let plans = plan::plan(services, owner, &mut manager, batch)?;
    let new = batch.items.iter().zip(&plans).filter_map(|(registration, plan)| {
        let plan = plan.as_ref().ok().filter(|plan| plan.existing != Existing::Same)?;
        Some(New { name: &registration.spec.name, files: &plan.files })
    });
    let new: Vec<New<'_>> = new.collect();
    let any = !new.is_empty() || plans.iter().flatten().any(|plan| plan.stale);
    let mut written = shelf.publish(&new).into_iter();
    let mut relinked = false;
    let published = batch.then(plans, |registration, plan| {
        let written = if plan.existing == Existing::Same { Ok(()) } else { written.next().unwrap_or(Ok(())) };
        let done = written.and_then(|()| set_at_boot(services, registration, &plan));
        let changed = done.inspect_err(|_| take_back(services, &shelf, registration, &plan))?;
        relinked |= changed;
        Ok(plan)
    });
    if relinked {
        services.place.flush_links();
    }
    if !any {
        return Ok(published);
    }
    let done = batch.items.iter().zip(&published).filter(|(_, published)| published.is_ok());
    keep::refresh(services.place, &shelf, done.map(|(registration, _)| &*registration.spec.name));
    let reload = |manager: &mut Manager| manager.reload(batch.deadline);
    let reloaded = recovery::asked_by(services.gate, &mut manager, reload, batch.deadline);
    Ok(batch.then(published, |registration, plan| {
        let reloaded = reloaded.clone();
        reloaded.inspect_err(|_| take_back(services, &shelf, registration, &plan)).map(|()| plan)
    }))
}

/// A new one whose registration failed leaves no files behind.
fn take_back(services: &Services<'_>, shelf: &Shelf, registration: &Registration, plan: &Plan) {
    if plan.existing != Existing::Absent {
        return;
    }
    let name = &*registration.spec.name;
    let unlinked = services.place.set_enabled(&format!("{name}.service"), false);
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
    services.place.set_enabled(&format!("{}.service", registration.spec.name), at_boot)
}

/// Those that are to run, and those that run and are not what they were.
fn start(
    services: &Services<'_>,
    batch: &Batch<Registration>,
    published: &[Result<Plan>],
) -> Vec<Result<()>> {
    let mut all: Vec<Result<()>> =
        published.iter().map(|plan| plan.as_ref().map(drop).map_err(Clone::clone)).collect();
    for mode in [Mode::Start, Mode::Restart] {
        let wanted = |registration: &Registration, plan: &Plan| match plan.runs_otherwise {
            true => mode == Mode::Restart,
            false => mode == Mode::Start && registration.start,
        };
        let chosen: Vec<usize> = (0..batch.items.len())
            .filter(|&at| published[at].as_ref().is_ok_and(|plan| wanted(&batch.items[at], plan)))
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
