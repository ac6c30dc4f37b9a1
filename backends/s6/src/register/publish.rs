//! Publishing planned services under the scandir's lock, until each has its supervisor. What s6-svscan
//! does not take is taken back, and what it was to replace is put back.

use std::time::Duration;

use anysvc_backend_api::{Batch, Deadline, Error, ErrorKind, Registration, Result};

use super::{Existing, Plan, Site, orphan};
use crate::{
    build::Staged,
    removal::{self, Tombstone},
    scandir::{Lock, RESCAN, Room, Scandir, Svscan},
    slot::{set_down, set_replaced},
    supervise::{not_taken, supervise_new},
};

/// What taking something back may take beyond the deadline that was missed.
const GRACE: Duration = Duration::from_secs(2);

/// A service in its place, and what was there before.
struct Published {
    plan: Plan,
    replaced: Option<Tombstone>,
}

/// Publishes them.
pub(super) fn publish(
    site: &Site<'_>,
    batch: &Batch<Registration>,
    plans: Vec<Result<Plan>>,
) -> Vec<Result<Plan>> {
    if !plans.iter().flatten().any(Plan::changes) {
        return plans;
    }
    let scandir = site.scandir;
    let offline = batch.items.iter().all(|registration| registration.offline);
    let take = if offline { Lock::take_anyway } else { Lock::take };
    let lock = match take(scandir, batch.deadline) {
        Ok(lock) => lock,
        Err(error) => {
            return batch.then(plans, |_, plan| if plan.changes() { Err(error.clone()) } else { Ok(plan) });
        }
    };
    removal::sweep(scandir, &lock, batch.deadline);
    let plans = orphan::end(scandir, batch, check_room(site, batch, plans));
    let staged = batch.then(plans, |_, plan| {
        let build = || Staged::build(scandir, &plan.directory, !plan.up);
        let staged = plan.changes().then(build).transpose()?;
        Ok((plan, staged))
    });
    let published = batch.then(staged, |registration, (plan, staged)| {
        let Some(staged) = staged else { return Ok(Published { plan, replaced: None }) };
        put_in_place(scandir, &registration.spec.name, plan, staged, batch.deadline)
    });
    wait_for_supervisors(scandir, batch, published)
}

/// Makes sure, before what runs is stopped, that its replacement can be built: that others do not hold
/// the lock, that there is room on the disk, and so on. What is built is removed again, as the lock is
/// not kept while a service takes its time to stop, and whoever has it sweeps.
pub(super) fn rehearse(
    site: &Site<'_>,
    batch: &Batch<Registration>,
    plans: Vec<Result<Plan>>,
) -> Vec<Result<Plan>> {
    let stops = |plan: &Plan| matches!(plan.existing, Existing::Differs { up: true });
    if !plans.iter().flatten().any(stops) {
        return plans;
    }
    let lock = Lock::take(site.scandir, batch.deadline);
    batch.then(plans, |_, plan| {
        if stops(&plan) {
            lock.as_ref().map_err(Clone::clone)?;
            Staged::build(site.scandir, &plan.directory, !plan.up)?;
        }
        Ok(plan)
    })
}

/// One over the limit would abort every scan from s6 2.12 on, and be ignored before.
fn check_room(site: &Site<'_>, batch: &Batch<Registration>, plans: Vec<Result<Plan>>) -> Vec<Result<Plan>> {
    let mut room = Room::count(site.scandir, &site.svscan_arguments);
    batch.then(plans, |registration, plan| match (&mut room, plan.existing) {
        // What an s6-svscan takes that does not run yet, nobody knows.
        _ if registration.offline => Ok(plan),
        (_, Existing::Same | Existing::Differs { .. }) => Ok(plan),
        (Ok(room), Existing::Absent) => room.take(plan.has_logger()).map(|()| plan),
        (Err(error), Existing::Absent) => Err(error.clone()),
    })
}

/// Gives it its name. What had the name is gone from s6 before: two loggers can't share a folder.
fn put_in_place(
    scandir: &Scandir,
    name: &str,
    plan: Plan,
    staged: Staged<'_>,
    deadline: Deadline,
) -> Result<Published> {
    let old = match plan.existing {
        Existing::Differs { up } => match Tombstone::bury(scandir, name) {
            Ok(old) => Some((old, up)),
            // Somebody unregistered it meanwhile.
            Err(error) if error.kind == ErrorKind::NotRegistered => None,
            Err(error) => return Err(error),
        },
        Existing::Absent | Existing::Same => None,
    };
    let Some((old, up)) = old else {
        staged.publish(name)?;
        return Ok(Published { plan, replaced: None });
    };
    let gone = removal::prune(scandir, &[old.name()], deadline)
        .and_then(|left| if left.is_empty() { Ok(()) } else { Err(removal::not_left()) });
    match gone.and_then(|()| staged.publish(name)) {
        Ok(()) => Ok(Published { plan, replaced: Some(old) }),
        Err(error) => {
            put_back(scandir, name, old, up);
            Err(error)
        }
    }
}

/// Asks for one scan, and waits. Those that s6-svscan does not take leave nothing behind.
fn wait_for_supervisors(
    scandir: &Scandir,
    batch: &Batch<Registration>,
    published: Vec<Result<Published>>,
) -> Vec<Result<Plan>> {
    let fresh = |p: &Result<Published>| p.as_ref().is_ok_and(|p| p.plan.changes());
    let pairs = batch.items.iter().zip(&published);
    let has_logger = |p: &Result<Published>| p.as_ref().is_ok_and(|p| p.plan.has_logger());
    let (waiting, loggers): (Vec<&str>, Vec<bool>) =
        pairs.filter(|(r, p)| fresh(p) && !r.offline).map(|(r, p)| (&*r.spec.name, has_logger(p))).unzip();
    let missing = match waiting.is_empty() {
        true => Ok(Vec::new()),
        false => supervise_new(scandir, &waiting, &loggers, batch.deadline),
    };
    if batch.items.iter().any(|registration| registration.offline) {
        // It may have been started meanwhile, and looked before all was there.
        let _ = Svscan::new(scandir.path()).tell(RESCAN);
    }
    let verdict = |name: &str| match &missing {
        Ok(missing) if missing.iter().any(|&index| waiting[index] == name) => Err(not_taken(scandir, name)),
        Ok(_) => Ok(()),
        Err(error) => Err(error.clone()),
    };
    batch.then(published, |registration, Published { plan, replaced }| {
        let name = &registration.spec.name;
        if !plan.changes() {
            return Ok(plan);
        }
        match verdict(name) {
            Ok(()) => {
                if let Some(old) = replaced {
                    old.erase(scandir)?;
                }
                Ok(plan)
            }
            Err(error) => {
                take_back(scandir, name, &plan, replaced);
                Err(error)
            }
        }
    })
}

/// Takes a published service back, under the lock, and puts back what it replaced.
fn take_back(scandir: &Scandir, name: &str, plan: &Plan, replaced: Option<Tombstone>) {
    super::withdraw(scandir, std::iter::once(name), Deadline::after(GRACE));
    if let (Some(old), Existing::Differs { up }) = (replaced, plan.existing) {
        put_back(scandir, name, old, up);
    }
}

/// Puts back what was to be replaced. That this fails too is no news for the caller, who gets the
/// reason of the first failure.
fn put_back(scandir: &Scandir, name: &str, old: Tombstone, up: bool) {
    let restored = old.restore(scandir, name).and_then(|()| {
        if up {
            set_down(scandir, name, false)?;
            set_replaced(scandir, name, false)?;
        }
        Svscan::new(scandir.path()).tell(RESCAN)
    });
    if let Err(error) = restored {
        log::warn!("cannot put `{name}` back: {}", Error::to_string(&error));
    }
}
