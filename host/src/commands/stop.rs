//! `stop`: desired is down from the moment on that somebody asks, and stays so over a reboot.

use std::{collections::HashSet, time::Duration};

use anysvc_backend_api::{ErrorKind, Result, State};

use super::{
    plan, select,
    start::{load_specs, longest_stop, sentence, want},
    subject::{self, Subject},
};
use crate::{
    cli::Selected,
    output::Output,
    session::{Opened, Session},
    store::Desired,
};

/// Runs the command.
pub fn run(session: &Session, which: &Selected, out: &mut Output) -> Result<u8> {
    let mut subjects = select::services(session, which)?;
    load_specs(session, &mut subjects);
    want(session, &mut subjects, Desired::Down)?;
    stop_in_order(session, &mut subjects);
    subject::refresh(&mut subjects, session.working_deadline(Duration::ZERO));
    if subjects.iter().any(|subject| came_back(session, subject)) {
        stop_in_order(session, &mut subjects);
        subject::refresh(&mut subjects, session.working_deadline(Duration::ZERO));
    }
    // Who does not want to wait is not told that it takes time.
    for subject in subjects.iter_mut().filter(|_| session.no_wait()) {
        subject.report.error.take_if(|error| error.kind == ErrorKind::TimedOut);
    }
    Ok(subject::report(session, &subjects, out, |subject| match subject.report.state() {
        Some(State::Stopped) | None => format!("stopped {}", subject.name()),
        Some(_) => sentence("stopped", &subject.report),
    }))
}

/// Whether a service was stopped and runs: one that was replaced just then. One that was started, or
/// registered anew, is wanted to.
fn came_back(session: &Session, subject: &Subject) -> bool {
    let wanted_down = || {
        let header = session.store().and_then(|store| store.header(subject.name()));
        header.is_ok_and(|header| header.is_some_and(|header| header.desired == Desired::Down))
    };
    subject.fine() && subject.report.state() == Some(State::Running) && wanted_down()
}

/// Stops batch by batch, those first that came last.
pub fn stop_in_order(session: &Session, subjects: &mut [Subject]) {
    let deadline = session.deadline(longest_stop(subjects));
    for batch in plan::stopping(subjects) {
        let names: HashSet<String> = batch.iter().map(|&at| subjects[at].name().to_owned()).collect();
        subject::each(
            subjects,
            |subject| names.contains(subject.name()),
            |backend: &Opened, asked: &[&Subject]| backend.remote.stop(subject::targets(asked), deadline),
            |subject, answer| {
                if let Err(error) = answer {
                    subject.fail(error);
                }
            },
        );
    }
}
