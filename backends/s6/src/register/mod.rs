//! Registering services: planned without touching anything, then published together under the scandir's
//! lock with one rescan, then started. What fails is taken back.

mod compare;
mod orphan;
mod plan;
mod publish;

use anysvc_backend_api::{Batch, Deadline, Error, Registration, Result};
use anysvc_backend_support::ceiling::Ceiling;

use crate::{
    listen::Awaited,
    removal::{self, Tombstone},
    scandir::{Lock, Scandir},
    scripts::{Owner, Tools},
    slot::set_replaced,
    state::Reader,
    supervise::supervise,
    verbs::{self, Mode, Step},
    waiting,
};

pub(crate) use compare::compare;
pub(crate) use plan::render_directory;
use plan::{Existing, Plan};

/// What registering needs to know beside the specs.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) scandir: &'a Scandir,
    pub(crate) owner: &'a Owner,
    pub(crate) tools: &'a Tools,
    /// What limits it can set.
    pub(crate) ceiling: Ceiling,
    /// The arguments of the s6-svscan: they say how many services it takes.
    pub(crate) svscan_arguments: Vec<anysvc_backend_api::Bytes>,
}

/// Registers them; one answer each.
pub(crate) fn register(site: &Site<'_>, batch: &Batch<Registration>) -> Vec<Result<()>> {
    let plans = plan::plan(site, batch);
    let plans = publish::rehearse(site, batch, plans);
    let stops = |plan: &Result<Plan>| {
        plan.as_ref().is_ok_and(|plan| matches!(plan.existing, Existing::Differs { up: true }))
    };
    let stopped: Vec<bool> = plans.iter().map(stops).collect();
    let plans = stop_replaced(site, batch, plans);
    let published = publish::publish(site, batch, plans);
    start_kept(site, batch, &stopped, &published);
    let started = wait_until_up(site, batch, published);
    withdraw_failed(site, batch, started)
}

/// What is to be replaced, and runs, is stopped first: outside of the lock, because that may take long.
fn stop_replaced(
    site: &Site<'_>,
    batch: &Batch<Registration>,
    plans: Vec<Result<Plan>>,
) -> Vec<Result<Plan>> {
    if !plans.iter().flatten().any(|plan| matches!(plan.existing, Existing::Differs { .. })) {
        return plans;
    }
    let mut reader = Reader::new(site.scandir);
    let sent = batch.then(plans, |registration, plan| {
        if let Existing::Differs { up } = plan.existing {
            let name = &registration.spec.name;
            // First, so that who comes after one that was killed here knows what he finds.
            if up && reader.ours(name) {
                set_replaced(site.scandir, name, true)?;
            }
            verbs::send_down(&mut reader, name)?;
        }
        Ok(plan)
    });
    waiting::each(
        site.scandir,
        batch,
        Awaited::Process,
        sent,
        |reader, registration, plan| {
            let Existing::Differs { .. } = plan.existing else { return Ok(Some(plan.clone())) };
            let name = &registration.spec.name;
            let slot = reader.slot(name)?;
            let down = slot.map_or(Ok(true), |slot| verbs::down(site.scandir, &slot, name))?;
            Ok(down.then(|| plan.clone()))
        },
        |registration, _| verbs::still_stopping(&registration.spec.name),
    )
}

/// What was stopped and is still there, as its replacement failed, runs again.
fn start_kept(site: &Site<'_>, batch: &Batch<Registration>, stopped: &[bool], all: &[Result<Plan>]) {
    let mut reader = Reader::new(site.scandir);
    for ((registration, _), published) in batch.items.iter().zip(stopped).zip(all).filter(|((_, s), _)| **s) {
        if published.is_err()
            && let Err(error) = verbs::run_again(&mut reader, &registration.spec.name)
        {
            // One that was put back is started by the supervisor that it gets.
            log::debug!("cannot start what was to be replaced again: {error}");
        }
    }
}

/// Those that are to run: until each was seen up, or was up and ended.
fn wait_until_up(
    site: &Site<'_>,
    batch: &Batch<Registration>,
    published: Vec<Result<Plan>>,
) -> Vec<Progress> {
    let mut reader = Reader::new(site.scandir);
    let begun = batch.then(published, |registration, plan| {
        let begun = match plan.existing {
            _ if !plan.up || registration.offline => Step::Done,
            Existing::Same => start_again(&mut reader, &registration.spec.name, batch.deadline)?,
            Existing::Absent | Existing::Differs { .. } => Step::BY_ITSELF,
        };
        Ok((plan, begun))
    });
    let fresh: Vec<bool> =
        begun.iter().map(|b| matches!(b, Ok((plan, _)) if plan.existing == Existing::Absent)).collect();
    let waited = waiting::each(
        site.scandir,
        batch,
        Awaited::Process,
        begun,
        |reader, registration, (_, begun)| match begun {
            // What stays down has its supervisor already.
            Step::Done => Ok(Some(())),
            begun => verbs::advance(reader, &registration.spec.name, begun),
        },
        |registration, _| {
            Error::timed_out(format!("`{}` was not started in time", registration.spec.name))
                .with_hint("look at what s6-svscan wrote to its standard error")
        },
    );
    waited.into_iter().zip(fresh).map(|(result, fresh)| Progress { result, fresh }).collect()
}

/// What is there already may have lost its supervisor.
fn start_again(reader: &mut Reader<'_>, name: &str, deadline: Deadline) -> Result<Step> {
    match verbs::begin(reader, name, Mode::Start, deadline)? {
        Step::Unsupervised => {
            supervise(reader.scandir(), &[name], deadline)?;
            verbs::begin(reader, name, Mode::Start, deadline)
        }
        step => Ok(step),
    }
}

/// The outcome of one registration so far.
struct Progress {
    result: Result<()>,
    /// It is published, and there was nothing of that name before.
    fresh: bool,
}

/// A registration that fails leaves nothing behind.
fn withdraw_failed(site: &Site<'_>, batch: &Batch<Registration>, all: Vec<Progress>) -> Vec<Result<()>> {
    let failed = |p: &Progress| p.fresh && p.result.is_err();
    if all.iter().any(failed) {
        // The deadline is what they missed; taking them back needs a moment more.
        let grace = Deadline::after(std::time::Duration::from_secs(2));
        match Lock::take_anyway(site.scandir, grace) {
            Ok(_lock) => {
                let names =
                    batch.items.iter().zip(&all).filter(|(_, p)| failed(p)).map(|(r, _)| &*r.spec.name);
                withdraw(site.scandir, names, grace);
            }
            Err(error) => log::warn!("cannot take back a registration: {error}"),
        }
    }
    all.into_iter().map(|progress| progress.result).collect()
}

/// Takes published services back, under the lock.
fn withdraw<'a>(scandir: &Scandir, names: impl Iterator<Item = &'a str>, deadline: Deadline) {
    let buried: Vec<Tombstone> = names.filter_map(|name| Tombstone::bury(scandir, name).ok()).collect();
    for result in removal::end(scandir, buried, deadline) {
        if let Err(error) = result {
            log::warn!("cannot take back a registration: {error}");
        }
    }
}
