//! Carrying out what was decided: with as few calls of the manager as there are, in the order that `after`
//! and `requires` ask for. It must not know why anything is done.

use std::collections::HashSet;

use anysvc_backend_api::{Deadline, Registration, Result};

use super::{Action, Case, Pass};
use crate::{
    commands::{
        log_folder, plan, refusals,
        subject::{self, Subject},
    },
    session::{Opened, Session},
    store::{Desired, Locked, Store},
};

/// Does all of it. What fails is kept with its service; the others go on.
/// A manager that is `offline` is left to find all of it when it starts, and starts what is wanted up in
/// whatever order it likes.
pub fn carry_out(session: &Session, store: &Locked<'_>, pass: &mut Pass, offline: bool, deadline: Deadline) {
    want(store, pass);
    let making = pass.names(Case::is_made);
    let levels = match offline {
        true => vec![(0..pass.subjects.len()).collect()],
        false => plan::starting(&mut pass.subjects),
    };
    let first = first_to_start(pass, &levels);
    stop(pass, deadline);
    let made = Made { names: making, first, offline };
    register(session, store, pass, &made, deadline);
    start(pass, &levels, &made.first, deadline);
    let touches = |action| !matches!(action, Action::Nothing | Action::Drift | Action::Leave);
    if pass.cases.iter().any(|case| touches(case.verdict.action)) {
        subject::refresh(&mut pass.subjects, deadline);
    }
}

/// What is made, and how.
struct Made {
    /// Which.
    names: HashSet<String>,
    /// Those that are started at once.
    first: HashSet<String>,
    offline: bool,
}

/// Notes what is wanted from now on where a boot decided it.
fn want(store: &Locked<'_>, pass: &mut Pass) {
    for desired in [Desired::Up, Desired::Down] {
        let pairs = pass.subjects.iter().zip(&pass.cases).enumerate();
        let news: Vec<usize> = pairs
            .filter(|(_, (s, case))| case.wanted == desired && s.report.desired() != Some(desired))
            .map(|(at, _)| at)
            .collect();
        let names: Vec<&str> = news.iter().map(|&at| pass.subjects[at].name()).collect();
        let answers = store.set_desired(&names, desired);
        for (at, answer) in news.into_iter().zip(answers) {
            let subject = &mut pass.subjects[at];
            match (answer, &mut subject.report.stored) {
                (Err(error), _) => subject.fail(error),
                (Ok(_), Some(header)) => header.desired = desired,
                (Ok(_), None) => {}
            }
        }
    }
}

/// The names of those that nothing has to be started before: they are started as they are registered.
fn first_to_start(pass: &Pass, levels: &[Vec<usize>]) -> HashSet<String> {
    let starts = |at: &usize| {
        let case = &pass.cases[*at];
        case.verdict.action == Action::Start || (case.is_made() && case.wanted == Desired::Up)
    };
    let first = levels.iter().map(|level| level.iter().filter(|at| starts(at)).collect::<Vec<_>>());
    let first = first.into_iter().find(|level| !level.is_empty()).unwrap_or_default();
    first.into_iter().map(|&at| pass.subjects[at].name().to_owned()).collect()
}

/// Registers, all in one call, so that the manager looks once. What comes after something else is left
/// down for the moment: were this pass killed before it is started, the next one would see that.
fn register(session: &Session, store: &Locked<'_>, pass: &mut Pass, made: &Made, deadline: Deadline) {
    let is_root = session.env.caller().is_root();
    for subject in pass.subjects.iter_mut().filter(|s| s.fine() && made.names.contains(s.name())) {
        let prepared = match &subject.spec {
            Some(spec) => {
                log_folder::prepare(&store.log_directory(&subject.report.name), &spec.service, is_root)
            }
            None => Ok(()),
        };
        if let Err(error) = prepared {
            subject.fail(error);
        }
    }
    let force = pass.how.force;
    let registration = |subject: &&Subject| {
        let start = made.first.contains(subject.name());
        // Who is told to put right what was done by hand overwrites what somebody edited of ours.
        let adopt = force && subject.report.status.as_ref().is_some_and(|status| status.ours);
        Some(Registration { start, adopt, offline: made.offline, ..registration(store, subject)? })
    };
    subject::each(
        &mut pass.subjects,
        |subject| made.names.contains(subject.name()),
        |backend: &Opened, asked: &[&Subject]| {
            backend.remote.register(asked.iter().filter_map(registration).collect(), deadline)
        },
        Subject::keep_done,
    );
}

/// A service of the store as its backend is given it, to be made again over what is there.
pub fn registration(store: &Store, subject: &Subject) -> Option<Registration> {
    let log_directory = store.log_directory(subject.name());
    let plain = Registration::new(refusals::for_backend(subject)?);
    Some(Registration { start: false, replace: true, log_directory, ..plain })
}

/// Whether the manager is to be told that it is down: also of what it does not keep up just now, and would.
fn stops(case: &Case) -> bool {
    let told_up = case.prior.as_ref().and_then(|status| status.told_up);
    match case.verdict.action {
        Action::Stop => true,
        Action::Register => case.wanted == Desired::Down && told_up == Some(true),
        // What runs keeps running when it is replaced.
        Action::Replace => case.wanted == Desired::Down,
        _ => false,
    }
}

/// Stops, those first that came last.
fn stop(pass: &mut Pass, deadline: Deadline) {
    let stopping = pass.names(stops);
    if stopping.is_empty() {
        return;
    }
    for level in plan::stopping(&pass.subjects) {
        let level: HashSet<String> = level.iter().map(|&at| pass.subjects[at].name().to_owned()).collect();
        subject::each(
            &mut pass.subjects,
            |subject| level.contains(subject.name()) && stopping.contains(subject.name()),
            |backend: &Opened, asked: &[&Subject]| backend.remote.stop(subject::targets(asked), deadline),
            keep,
        );
    }
}

/// Starts level by level, without those that were started as they were registered. What requires something
/// that failed is left down.
fn start(pass: &mut Pass, levels: &[Vec<usize>], first: &HashSet<String>, deadline: Deadline) {
    for level in levels {
        plan::fail_dependents(&mut pass.subjects);
        let starting: HashSet<String> = level
            .iter()
            .filter(|&&at| {
                let case = &pass.cases[at];
                let is_left_down = || !first.contains(pass.subjects[at].name());
                case.verdict.action == Action::Start
                    || (case.is_made() && case.wanted == Desired::Up && is_left_down())
            })
            .map(|&at| pass.subjects[at].name().to_owned())
            .collect();
        subject::each(
            &mut pass.subjects,
            |subject| starting.contains(subject.name()),
            |backend: &Opened, asked: &[&Subject]| backend.remote.start(subject::targets(asked), deadline),
            keep,
        );
    }
}

fn keep(subject: &mut Subject, answer: Result<()>) {
    if let Err(error) = answer {
        subject.fail(error);
    }
}
