//! `unregister`: stopped, removed, forgotten, in this order. A kill in between leaves something that is
//! still in the store, so that the next try finds it.

use std::{collections::HashSet, time::Duration};

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::{
    start::{load_specs, working_deadline},
    stop::stop_in_order,
    subject::{self, Subject},
};
use crate::{
    cli::Selected,
    output::Output,
    session::{Opened, Session},
};

/// Runs the command.
pub fn run(session: &Session, which: &Selected, out: &mut Output) -> Result<u8> {
    let mut subjects = subject::select(session, which)?;
    load_specs(session, &mut subjects);
    leave_foreign_ones(session, &mut subjects);
    let mut ours: Vec<Subject> = subjects.extract_if(.., |subject| subject.report.stored.is_some()).collect();
    // Stopping may take as long as a service likes; the store is not kept from others for that.
    stop_in_order(session, &mut ours)?;
    forgive(&mut ours);
    remove(session, &mut ours)?;
    subjects.append(&mut ours);
    in_the_order_asked(&mut subjects, &which.names);
    let mut gone = HashSet::new();
    for subject in subjects.iter_mut().filter(|subject| subject.fine()) {
        if subject.report.stored.take().is_some() {
            gone.insert(subject.name().to_owned());
        }
    }
    Ok(subject::report(session, &subjects, out, |subject| match gone.contains(subject.name()) {
        true => format!("unregistered {}", subject.name()),
        false => format!("{} was not registered", subject.name()),
    }))
}

/// What is not in the store is not ours to remove; that it is absent is as it should be.
fn leave_foreign_ones(session: &Session, subjects: &mut [Subject]) {
    let deadline = session.working_deadline(Duration::ZERO);
    subject::each(
        subjects,
        |subject| subject.report.stored.is_none(),
        |backend: &Opened, asked: &[&Subject]| backend.remote.status(subject::targets(asked), deadline),
        |subject, answer| match answer {
            Ok(status) => {
                subject.report.status = Some(status);
                subject.fail(Error::not_ours(&subject.report.name));
            }
            Err(error) if error.kind == ErrorKind::NotRegistered => {}
            Err(error) => subject.fail(error),
        },
    );
}

/// What could not be stopped because it is not there, or in no state to be, can be removed all the same.
/// What still stops can't.
fn forgive(subjects: &mut [Subject]) {
    for subject in subjects {
        subject.report.error.take_if(|error| {
            !matches!(error.kind, ErrorKind::TimedOut | ErrorKind::PermissionDenied)
                && !matches!(
                    error.kind,
                    ErrorKind::NoBackend | ErrorKind::Plugin | ErrorKind::ManagerUnavailable
                )
        });
    }
}

/// Removes and forgets, while nobody else changes the store: who registers the same name comes before or
/// after.
fn remove(session: &Session, subjects: &mut [Subject]) -> Result<()> {
    if !subjects.iter().any(Subject::fine) {
        return Ok(());
    }
    let deadline = working_deadline(session, subjects);
    let store = session.store()?.lock(deadline)?;
    subject::each(
        subjects,
        |_| true,
        |backend: &Opened, asked: &[&Subject]| {
            let mut answers = backend.remote.unregister(subject::targets(asked), deadline);
            let gone: Vec<&str> = asked
                .iter()
                .zip(&answers)
                .filter_map(|(subject, answer)| answer.is_ok().then_some(subject.name()))
                .collect();
            let mut forgotten = store.remove(&gone).into_iter();
            for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
                if let Some(Err(error)) = forgotten.next() {
                    *answer = Err(error);
                }
            }
            answers
        },
        |subject, answer| {
            if let Err(error) = answer {
                subject.fail(error);
            }
        },
    );
    Ok(())
}

fn in_the_order_asked(subjects: &mut [Subject], names: &[String]) {
    subjects.sort_by_key(|subject| names.iter().position(|name| name == subject.name()));
}
