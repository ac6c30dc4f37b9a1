//! Starting and restarting services, ours and foreign.

use anysvc_backend_api::{Batch, Boot, Result, Target};

use super::{
    Services,
    jobs::{self, Goal, Job},
    mark_of,
};
use crate::manager::{Listed, STEPS, Unit};

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
        let planned = batch.then(found, |target, unit| plan(services, &target.name, &unit, mode));
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

/// The job for a service, if it needs one. One of ours is started at boot from now on.
fn plan(services: &Services<'_>, name: &str, unit: &Unit, mode: Mode) -> Result<Option<Job>> {
    let mark = mark_of(unit);
    if mark.is_some_and(|mark| mark.boot == Boot::Restore) {
        services.place.set_enabled(&unit.listed.id, true)?;
    }
    let Some((goal, verb)) = order(&unit.listed, mode) else { return Ok(None) };
    let mut job = Job::new(name, unit, goal, verb);
    job.early = mark.is_some() && unit.facts.kind.starts_with("notify");
    Ok(Some(job))
}

/// What to ask for.
fn order(listed: &Listed, mode: Mode) -> Option<(Goal, &'static str)> {
    let told_to_stop = listed.job.as_ref().is_some_and(|(_, kind)| kind == "stop");
    let runs = matches!(listed.active.as_str(), "active" | "reloading" | "refreshing") && !told_to_stop;
    match mode {
        Mode::Restart => Some((Goal::Again, "RestartUnit")),
        Mode::Start if runs => None,
        // It waits for its next try; a start would wait with it.
        Mode::Start if listed.sub.starts_with("auto-restart") => Some((Goal::Again, "RestartUnit")),
        Mode::Start => Some((Goal::Up, "StartUnit")),
    }
}
