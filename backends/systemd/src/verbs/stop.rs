//! Stopping services, ours and foreign.

use anysvc_backend_api::{Batch, Result, Target};

use super::{
    Services,
    jobs::{self, Goal, Job},
    links::Links,
    mark_of,
};
use crate::manager::{STEPS, Unit};

/// Stops them, and waits until each is down. Of ours that is remembered over a boot, and a failure on the
/// way is no failure any more: down is what was wanted.
pub(crate) fn stop(services: &Services<'_>, batch: &Batch<Target>) -> Vec<Result<()>> {
    services.on_each(batch, STEPS, |mut manager, found| {
        let ours: Vec<Option<String>> = found
            .iter()
            .map(|unit| {
                let unit = unit.as_ref().ok()?;
                mark_of(services.place, unit).map(|_| unit.listed.id.clone())
            })
            .collect();
        let mut links = Links::new(services, batch.deadline);
        let planned = batch.then(found, |target, unit| {
            links.set(&unit, false)?;
            Ok(plan(&target.name, &unit))
        });
        links.done();
        let jobs: Vec<Job> = planned.iter().flatten().flatten().cloned().collect();
        let mut ends = jobs::run(services.gate, &mut manager, jobs, batch.deadline).into_iter();
        let ended = batch.then(planned, |_, job| job.and_then(|_| ends.next()).unwrap_or(Ok(())));
        let down = ended.iter().zip(&ours).filter(|(ended, _)| ended.is_ok());
        let down: Vec<&str> = down.filter_map(|(_, unit)| unit.as_deref()).collect();
        if let Err(fault) = manager.reset_failed(&down, batch.deadline) {
            log::debug!("failures could not be forgotten: {fault:?}");
        }
        ended
    })
}

/// The job for a service, if it needs one.
fn plan(name: &str, unit: &Unit) -> Option<Job> {
    let rests = matches!(unit.listed.active.as_str(), "inactive" | "failed") && unit.listed.job.is_none();
    (!rests).then(|| Job::new(name, unit, Goal::Down, "StopUnit"))
}
