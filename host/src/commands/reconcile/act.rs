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
    store::{Desired, Locked},
};

/// Does all of it. What fails is kept with its service; the others go on.
/// A manager that is `offline` is left to find all of it when it starts, and starts what is wanted up in
/// whatever order it likes.
pub fn carry_out(session: &Session, store: &Locked<'_>, pass: &mut Pass, offline: bool, deadline: Deadline) {
    want(store, pass);
    let making = names(pass, |case| is_made(case.verdict.action));
    // It may have become impossible since: its user is gone, say.
    refusals::refuse_those(session, &mut pass.subjects, |s| making.contains(s.name()), deadline);
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

/// The names of those for which such a thing is to be done.
fn names(pass: &Pass, is_such: impl Fn(&Case) -> bool) -> HashSet<String> {
    let pairs = pass.subjects.iter().zip(&pass.cases);
    pairs
        .filter(|(subject, case)| subject.fine() && is_such(case))
        .map(|(subject, _)| subject.name().to_owned())
        .collect()
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
        let action = pass.cases[*at].verdict.action;
        action == Action::Start || (is_made(action) && pass.cases[*at].wanted == Desired::Up)
    };
    let first = levels.iter().map(|level| level.iter().filter(|at| starts(at)).collect::<Vec<_>>());
    let first = first.into_iter().find(|level| !level.is_empty()).unwrap_or_default();
    first.into_iter().map(|&at| pass.subjects[at].name().to_owned()).collect()
}

fn is_made(action: Action) -> bool {
    matches!(action, Action::Register | Action::Replace)
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
    let registration = |subject: &&Subject| -> Option<Registration> {
        Some(Registration {
            spec: refusals::for_backend(subject)?,
            start: made.first.contains(subject.name()),
            replace: true,
            adopt: false,
            log_directory: store.log_directory(subject.name()),
            offline: made.offline,
        })
    };
    subject::each(
        &mut pass.subjects,
        |subject| made.names.contains(subject.name()),
        |backend: &Opened, asked: &[&Subject]| {
            backend.remote.register(asked.iter().filter_map(registration).collect(), deadline)
        },
        keep,
    );
}

/// Whether the manager is to be told that it is down: also of what it does not keep up just now, and would.
fn stops(case: &Case) -> bool {
    let told_up = case.prior.as_ref().and_then(|status| status.told_up);
    match case.verdict.action {
        Action::Stop => true,
        Action::Register => case.wanted == Desired::Down && told_up == Some(true),
        _ => false,
    }
}

/// Stops, those first that came last.
fn stop(pass: &mut Pass, deadline: Deadline) {
    let stopping = names(pass, stops);
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
            .filter(|&&at| match pass.cases[at].verdict.action {
                Action::Start => true,
                action => {
                    is_made(action)
                        && pass.cases[at].wanted == Desired::Up
                        && !first.contains(pass.subjects[at].name())
                }
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
