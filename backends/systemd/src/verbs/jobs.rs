//! Jobs: asked for, not too many at once, and waited for until each is over, whatever happens to the
//! connection meanwhile. What the manager says by itself is a hint; where it may have said something that
//! we did not hear, what the units are decides.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anysvc_backend_api::{Deadline, Error, Result, Scope};

use super::outcome;
use crate::{
    bus::Fault,
    manager::{Failure, Gate, Manager, Message, STEPS, Unit, recovery},
};

/// Jobs that may be open at once over a bus: the manager has the bus watch callers for each, and past 512 of
/// those its own connection breaks. Directly as well, as long as it is the manager that takes the time: one that
/// has a thousand at once is a tenth slower, as it keeps much to tell us then, and each process that it makes
/// begins as a copy of it.
const FEW: usize = 100;
/// Where it is the services that do: when fewer than [`FEW`] were over in a [`SPELL`].
const MOST: usize = 1000;
const SPELL: Duration = Duration::from_secs(1);
/// Where so many are open, it is no matter when we hear of one, and a manager that need not wake us for each of the
/// fourteen things that it tells of a start has more time for the next.
const MANY: usize = FEW / 2;
const PAUSE: Duration = Duration::from_millis(5);
/// How long nothing may be heard of our jobs before we look.
const QUIET: Duration = Duration::from_secs(1);
/// How often the manager may take an order that vanishes without a trace. (One that it never got, because it
/// was re-executed or the bus restarted, does not count.)
const TRIES: u32 = 3;

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// It is up.
    Up,
    /// It was started anew.
    Again,
    /// It is down.
    Down,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Waiting,
    /// Asked for, by the call of this number.
    Asked(u32),
    /// Queued, under this number.
    Queued(u32),
    Over(Result<()>),
}

/// One job for one unit.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) service: String,
    pub(super) unit: String,
    pub(super) goal: Goal,
    /// The manager's word: `StartUnit`, ...
    pub(super) verb: &'static str,
    /// The identity of its start before.
    pub(super) before: Vec<u8>,
    /// It is enough that its process runs: whether it is ready is somebody else's question.
    pub(super) early: bool,
    phase: Phase,
    /// How often the manager took the order.
    tries: u32,
}

impl Job {
    pub(super) fn new(service: &str, unit: &Unit, goal: Goal, verb: &'static str) -> Job {
        Job {
            service: service.to_owned(),
            unit: unit.listed.id.clone(),
            goal,
            verb,
            before: unit.facts.invocation.clone(),
            early: false,
            phase: Phase::Waiting,
            tries: 0,
        }
    }

    /// Whether its unit was started before, as far as the manager knows.
    pub(super) fn began_before(&self) -> bool {
        self.before.iter().any(|&byte| byte != 0)
    }

    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Asked(_) | Phase::Queued(_))
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// What became of it, or what became too late.
    fn end(self) -> Result<()> {
        match self.phase {
            Phase::Over(result) => result,
            _ => Err(outcome::late(self.goal, &self.service)),
        }
    }

    /// What a unit is says how far its job is, where nothing else does.
    fn look(&mut self, unit: &Unit) {
        let (listed, started) = (&unit.listed, unit.facts.invocation != self.before);
        let runs = matches!(listed.active.as_str(), "active" | "reloading" | "refreshing");
        let rests = matches!(listed.active.as_str(), "inactive" | "failed");
        if listed.is_absent() {
            let gone =
                if self.goal == Goal::Down { Ok(()) } else { Err(Error::not_registered(&self.service)) };
            self.phase = Phase::Over(gone);
        } else if self.early && started && listed.sub == "start" && unit.facts.pid != 0 {
            self.phase = Phase::Over(Ok(()));
        } else if let Some((job, _)) = listed.job {
            self.phase = Phase::Queued(job);
        } else {
            let done = match self.goal {
                Goal::Up => runs || started,
                Goal::Again => started,
                Goal::Down => rests,
            };
            // On its way by itself, without a job of anybody.
            let moves = self.goal == Goal::Down && listed.active == "deactivating";
            self.phase = match done {
                true => Phase::Over(Ok(())),
                false if moves => Phase::Queued(0),
                false if self.tries >= TRIES => Phase::Over(Err(outcome::vanished(&self.service))),
                false => Phase::Waiting,
            };
        }
    }
}

/// Runs jobs to their ends; each has its own result, in order.
pub(super) fn run(
    gate: &Gate,
    manager: &mut Manager,
    mut jobs: Vec<Job>,
    deadline: Deadline,
) -> Vec<Result<()>> {
    if let Err(error) = run_all(gate, manager, &mut jobs, deadline) {
        for job in jobs.iter_mut().filter(|job| !job.is_over()) {
            job.phase = Phase::Over(Err(error.clone()));
        }
    }
    jobs.into_iter().map(Job::end).collect()
}

fn run_all(gate: &Gate, manager: &mut Manager, jobs: &mut [Job], deadline: Deadline) -> Result<()> {
    let mut begun = begin(manager, jobs, deadline);
    loop {
        let failure = match begun.and_then(|()| drive(manager, jobs, deadline)) {
            // Each that is late has an error of its own.
            Ok(()) | Err(Failure::Broken(Fault::Late)) => return Ok(()),
            Err(failure) if !failure.is_loss() => return Err(failure.error(gate.scope())),
            Err(failure) => failure,
        };
        log::debug!("the connection to systemd broke while jobs were open: {failure:?}");
        let Some((again, units)) = recovery::reconnect(
            gate,
            |manager| resume(manager, jobs, deadline),
            recovery::UNDER_WAY,
            deadline,
        )?
        else {
            return Ok(());
        };
        *manager = again;
        open_jobs(jobs).zip(units).for_each(|(job, unit)| job.look(&unit));
        begun = Ok(());
    }
}

fn open_jobs(jobs: &mut [Job]) -> impl Iterator<Item = &mut Job> {
    jobs.iter_mut().filter(|job| job.is_open())
}

/// What the manager is to tell us of, before anything is asked of it.
fn begin(manager: &mut Manager, jobs: &[Job], deadline: Deadline) -> Result<(), Failure> {
    let watched: Vec<&str> = jobs.iter().filter(|job| job.early).map(|job| job.unit.as_str()).collect();
    Ok(manager.watch(&watched, false, deadline)?)
}

/// The same on a new connection, to which the jobs that are open are others'.
fn resume(manager: &mut Manager, jobs: &[Job], deadline: Deadline) -> Result<Vec<Unit>, Failure> {
    let watched: Vec<&str> = jobs.iter().filter(|job| job.early).map(|job| job.unit.as_str()).collect();
    manager.watch(&watched, true, deadline)?;
    let open: Vec<&str> = jobs.iter().filter(|job| job.is_open()).map(|job| job.unit.as_str()).collect();
    manager.units(&open, STEPS, deadline)
}

/// What was said, and what has to be looked at because of it.
#[derive(Debug, PartialEq)]
enum Hint {
    Nothing,
    /// A job of ours went on; nothing has to be looked at.
    Progress,
    Unit(String),
    All,
}

/// How many jobs may be open at once.
struct Pace {
    most: usize,
    /// How many were over when this spell began, and when it ends.
    over: usize,
    spell: Deadline,
}

impl Pace {
    fn new(jobs: &[Job]) -> Pace {
        Pace { most: FEW, over: Pace::over(jobs), spell: Deadline::after(SPELL) }
    }

    fn over(jobs: &[Job]) -> usize {
        jobs.iter().filter(|job| job.is_over()).count()
    }

    /// At the end of a spell: whether more may be asked for from now on.
    fn widen(&mut self, jobs: &[Job]) -> bool {
        if !self.spell.passed() {
            return false;
        }
        let next = Pace::new(jobs);
        let slow = next.over < self.over + FEW;
        *self = Pace { most: if slow { MOST } else { self.most }, ..next };
        slow
    }
}

/// Asks, and listens, until no job is left or the connection is.
fn drive(manager: &mut Manager, jobs: &mut [Job], deadline: Deadline) -> Result<(), Failure> {
    let early: HashSet<String> = jobs.iter().filter(|job| job.early).map(|job| job.unit.clone()).collect();
    let mut pace = Pace::new(jobs);
    let (mut news, mut open) = (true, 0);
    // The ends of jobs whose numbers we were not told yet.
    let mut ends = HashMap::new();
    let mut quiet = Deadline::after(QUIET);
    loop {
        news |= !manager.on_bus() && pace.widen(jobs);
        // The manager tells of each change of each unit: what is done with most of that is nothing.
        if std::mem::take(&mut news) {
            open = fill(manager, jobs, pace.most);
            if open == 0 {
                return Ok(());
            }
        }
        let until = deadline.min(quiet);
        let said = if open < MANY { manager.next(until) } else { manager.next_of_many(until, PAUSE) };
        let hint = match said {
            Ok(message) => hear(message, jobs, &mut ends, manager.scope())?,
            Err(Fault::Late) if !deadline.passed() => Hint::All,
            Err(fault) => return Err(fault.into()),
        };
        let is_nothing = match &hint {
            Hint::Nothing => true,
            Hint::Unit(unit) => !early.contains(unit),
            Hint::Progress | Hint::All => false,
        };
        let hint = match is_nothing {
            // Of others there may always be something to hear.
            true if deadline.passed() => return Err(Fault::Late.into()),
            true if quiet.passed() => Hint::All,
            true => continue,
            false => hint,
        };
        if matches!(hint, Hint::Progress | Hint::All) {
            quiet = Deadline::after(QUIET);
            news = true;
        }
        let named = match hint {
            Hint::Unit(unit) => Some(unit),
            Hint::All => None,
            Hint::Nothing | Hint::Progress => continue,
        };
        let wanted = |job: &Job| {
            matches!(job.phase, Phase::Queued(_)) && named.as_ref().is_none_or(|unit| job.unit == *unit)
        };
        let asked: Vec<String> = jobs.iter().filter(|job| wanted(job)).map(|job| job.unit.clone()).collect();
        if asked.is_empty() {
            continue;
        }
        let units = manager.units(&asked.iter().map(String::as_str).collect::<Vec<_>>(), STEPS, deadline)?;
        // What was said before the answers were given says more than they do.
        while let Some(message) = manager.heard()? {
            hear(message, jobs, &mut ends, manager.scope())?;
        }
        for unit in units {
            let queued = |job: &&mut Job| job.unit == unit.listed.id && matches!(job.phase, Phase::Queued(_));
            jobs.iter_mut().filter(queued).for_each(|job| job.look(&unit));
        }
        news = true;
    }
}

/// Asks for as many as may be open; how many are.
fn fill(manager: &mut Manager, jobs: &mut [Job], most: usize) -> usize {
    let mut open = jobs.iter().filter(|job| job.is_open()).count();
    let waiting = jobs.iter_mut().filter(|job| job.phase == Phase::Waiting);
    for job in waiting.take(most.saturating_sub(open)) {
        job.phase = Phase::Asked(manager.post_job(job.verb, &job.unit));
        open += 1;
    }
    open
}

fn in_phase<'a>(jobs: &'a mut [Job], phase: &Phase) -> Option<&'a mut Job> {
    jobs.iter_mut().find(|job| job.phase == *phase)
}

/// Notes what the manager said. A job may end before we are told its number.
fn hear(
    message: Message,
    jobs: &mut [Job],
    ends: &mut HashMap<u32, String>,
    scope: Scope,
) -> Result<Hint, Failure> {
    match message {
        Message::Queued(call, Err(refusal)) => {
            let failure = Failure::Refused(refusal);
            if failure.is_loss() {
                return Err(failure);
            }
            if let Some(job) = in_phase(jobs, &Phase::Asked(call)) {
                job.phase = Phase::Over(Err(failure.about(&job.service, scope)));
                return Ok(Hint::Progress);
            }
        }
        Message::Queued(call, Ok(number)) => {
            if let Some(job) = in_phase(jobs, &Phase::Asked(call)) {
                job.tries += 1;
                job.phase = Phase::Queued(number);
                if let Some(result) = ends.remove(&number) {
                    job.phase = Phase::Over(outcome::of(job.goal, &job.service, &result));
                }
                return Ok(Hint::Progress);
            }
        }
        Message::JobRemoved(number, result) => match in_phase(jobs, &Phase::Queued(number)) {
            Some(job) => {
                job.phase = Phase::Over(outcome::of(job.goal, &job.service, &result));
                return Ok(Hint::Progress);
            }
            None => drop(ends.insert(number, result)),
        },
        Message::Changed(unit) => return Ok(Hint::Unit(unit)),
        Message::Reloaded => return Ok(Hint::All),
        Message::Other => {}
    }
    Ok(Hint::Nothing)
}

#[cfg(test)]
mod tests;
