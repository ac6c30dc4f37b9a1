//! Waiting until services are as somebody wants them: look, and look again when the manager says that
//! something happened.

use std::{collections::BTreeSet, time::Duration};

use anysvc_backend_api::{Batch, Deadline, ErrorKind, Goal, Result, State, Status, WaitRequest};

use super::{Services, at_least, status::status_by};
use crate::{
    bus::Fault,
    manager::{Failure, Manager, Message, Work, recovery, unit_of},
};

/// One look takes that long at most, also where there is no time to wait.
const A_LOOK: Duration = Duration::from_secs(2);
/// How long nothing may be heard before we look.
const QUIET: Duration = Duration::from_secs(2);

/// Those that are waited for, and the answers so far.
struct Waiting<'a> {
    services: &'a Services<'a>,
    batch: &'a Batch<WaitRequest>,
    answers: Vec<Option<Result<Status>>>,
}

/// Waits.
pub(crate) fn wait(services: &Services<'_>, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
    let mut waiting = Waiting { services, batch, answers: vec![None; batch.items.len()] };
    let failed = waiting.run().err();
    let answers = batch.items.iter().zip(waiting.answers);
    let answer = |(request, answer): (&WaitRequest, Option<Result<Status>>)| {
        let none = || Err(failed.clone().unwrap_or_else(|| request.late()).with_service(&request.name));
        answer.unwrap_or_else(none)
    };
    answers.map(answer).collect()
}

impl Waiting<'_> {
    fn run(&mut self) -> Result<()> {
        let deadline = self.batch.deadline;
        let gate = self.services.gate;
        let work = Work::on(self.batch.items.len());
        let mut manager = recovery::open(gate, work, at_least(A_LOOK, deadline))?;
        let mut went = self.look(&mut manager, None).and_then(|()| self.watch(&mut manager));
        loop {
            let failure = match went {
                Ok(()) => return Ok(()),
                Err(Failure::Broken(Fault::Late)) => return Ok(()),
                Err(failure) if !failure.is_loss() => return Err(failure.error(gate.scope())),
                Err(failure) => failure,
            };
            log::debug!("the connection to systemd broke while services were waited for: {failure:?}");
            let again =
                recovery::reconnect(gate, |manager| self.subscribe(manager), recovery::UNDER_WAY, deadline)?;
            let Some((mut manager, ())) = again else { return Ok(()) };
            went = self.watch_on(&mut manager);
        }
    }

    /// Looks at those that are open, or at some of them.
    fn look(&mut self, manager: &mut Manager, only: Option<&BTreeSet<String>>) -> Result<(), Failure> {
        let wanted = |request: &WaitRequest| {
            only.is_none_or(|only| unit_of(&request.name).is_some_and(|unit| only.contains(&unit)))
        };
        let open: Vec<usize> = (0..self.answers.len())
            .filter(|&at| self.answers[at].is_none() && wanted(&self.batch.items[at]))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let items = open.iter().map(|&at| self.batch.items[at].clone()).collect();
        let batch = Batch { items, deadline: at_least(A_LOOK, self.batch.deadline) };
        let seen = status_by(manager, self.services.place, &batch)?;
        for (at, seen) in open.into_iter().zip(seen) {
            self.answers[at] = judge(&self.batch.items[at], seen);
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.batch.deadline.passed() || self.answers.iter().all(Option::is_some)
    }

    fn watch(&mut self, manager: &mut Manager) -> Result<(), Failure> {
        if self.is_over() {
            return Ok(());
        }
        self.subscribe(manager)?;
        self.watch_on(manager)
    }

    fn subscribe(&self, manager: &mut Manager) -> Result<(), Failure> {
        let open = self.batch.items.iter().zip(&self.answers).filter(|(_, answer)| answer.is_none());
        let units: Vec<String> = open.filter_map(|(request, _)| unit_of(&request.name)).collect();
        let units: Vec<&str> = units.iter().map(String::as_str).collect();
        Ok(manager.watch(&units, true, self.batch.deadline)?)
    }

    /// From the moment on that the manager tells us of changes.
    fn watch_on(&mut self, manager: &mut Manager) -> Result<(), Failure> {
        self.look(manager, None)?;
        if !self.is_over() {
            log::debug!("systemd tells of changes on {}", manager.socket());
        }
        while !self.is_over() {
            match manager.next(self.batch.deadline.min(Deadline::after(QUIET))) {
                Ok(Message::Changed(unit)) => {
                    let mut units = BTreeSet::from([unit]);
                    let all = self.gather(manager, &mut units)?;
                    self.look(manager, (!all).then_some(&units))?;
                }
                Ok(Message::Reloaded) | Err(Fault::Late) => self.look(manager, None)?,
                Ok(_) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// Adds what else was said already. Whether all may have changed.
    fn gather(&self, manager: &mut Manager, units: &mut BTreeSet<String>) -> Result<bool, Failure> {
        while !self.batch.deadline.passed() {
            match manager.next(Deadline::after(Duration::ZERO)) {
                Ok(Message::Changed(unit)) => drop(units.insert(unit)),
                Ok(Message::Reloaded) => return Ok(true),
                Ok(_) => {}
                Err(Fault::Late) => return Ok(false),
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(false)
    }
}

/// The answer to a request, if this status settles it.
fn judge(request: &WaitRequest, status: Result<Status>) -> Option<Result<Status>> {
    match status {
        Ok(status) => (request.met_by(&status) || request.hopeless(&status)).then_some(Ok(status)),
        Err(error) if error.kind == ErrorKind::NotRegistered && request.goal == Goal::Gone => {
            Some(Ok(Status::new(&request.name, State::Stopped)))
        }
        Err(error) => Some(Err(error)),
    }
}
