//! Starting and restarting services, ours and foreign.

use anysvc_backend_api::{Batch, Result, Target};

use super::{
    Services,
    jobs::{self, Goal, Job},
    links::Links,
    mark_of,
};
use crate::manager::{STEPS, Unit};

/// Whether one that runs is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Start,
    Restart,
}

/// Starts them, and waits for the manager's results. Earlier failures are forgotten: they would count
/// against this start.
pub(crate) fn bring_up(services: &Services<'_>, batch: &Batch<Target>, mode: Mode) -> Vec<Result<()>> {
    services.on_each(batch, STEPS, |mut manager, found| {
        let mut links = Links::new(services, batch.deadline);
        let planned = batch.then(found, |target, unit| {
            links.set(&unit, true)?;
            Ok(plan(services, &target.name, &unit, mode))
        });
        links.done();
        let jobs: Vec<Job> = planned.iter().flatten().flatten().cloned().collect();
        if jobs.is_empty() {
            return planned.into_iter().map(|each| each.map(drop)).collect();
        }
        let units: Vec<&str> =
            jobs.iter().filter(|job| job.began_before()).map(|job| job.unit.as_str()).collect();
        if let Err(fault) = manager.reset_failed(&units, batch.deadline) {
            log::debug!("earlier failures could not be forgotten: {fault:?}");
        }
        let mut ends = jobs::run(services.gate, &mut manager, jobs, batch.deadline).into_iter();
        batch.then(planned, |_, job| job.and_then(|_| ends.next()).unwrap_or(Ok(())))
    })
}

/// The job for a service, if it needs one.
fn plan(services: &Services<'_>, name: &str, unit: &Unit, mode: Mode) -> Option<Job> {
    let early = unit.facts.kind.starts_with("notify") && mark_of(services.place, unit).is_some();
    let (goal, verb) = order(unit, early, mode)?;
    let mut job = Job::new(name, unit, goal, verb);
    job.early = early;
    Some(job)
}

/// What to ask for. One of which it is enough that its process runs has nothing to be asked once that does.
fn order(unit: &Unit, early: bool, mode: Mode) -> Option<(Goal, &'static str)> {
    let Unit { listed, facts } = unit;
    let told_to_stop = listed.job.as_ref().is_some_and(|(_, kind)| kind == "stop");
    let is_up = matches!(listed.active.as_str(), "active" | "reloading" | "refreshing");
    let runs = (is_up || (early && listed.sub == "start" && facts.pid != 0)) && !told_to_stop;
    match mode {
        Mode::Restart => Some((Goal::Again, "RestartUnit")),
        Mode::Start if runs => None,
        // It waits for its next try; a start would wait with it.
        Mode::Start if listed.sub.starts_with("auto-restart") => Some((Goal::Again, "RestartUnit")),
        Mode::Start => Some((Goal::Up, "StartUnit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::{Facts, Listed};

    fn unit(active: &str, sub: &str, pid: u32, job: &str) -> Unit {
        let [id, load, active, sub] = ["web.service", "loaded", active, sub].map(str::to_owned);
        let job = (!job.is_empty()).then(|| (7, job.to_owned()));
        Unit { listed: Listed { id, load, active, sub, job }, facts: Facts { pid, ..Facts::default() } }
    }

    #[test]
    fn what_runs_is_not_started() {
        let (up, again) = (Some((Goal::Up, "StartUnit")), Some((Goal::Again, "RestartUnit")));
        for (unit, early, expected) in [
            (unit("active", "running", 7, ""), false, None),
            (unit("active", "running", 7, "stop"), false, up),
            (unit("inactive", "dead", 0, ""), false, up),
            (unit("activating", "auto-restart", 0, ""), false, again),
            // It runs, and is not ready yet: its job goes on until then.
            (unit("activating", "start", 7, "start"), true, None),
            (unit("activating", "start", 7, "stop"), true, up),
            (unit("activating", "start", 0, "start"), true, up),
            (unit("activating", "start", 7, "start"), false, up),
        ] {
            assert_eq!(order(&unit, early, Mode::Start), expected, "{early} {unit:?}");
            assert_eq!(order(&unit, early, Mode::Restart), again);
        }
    }
}
