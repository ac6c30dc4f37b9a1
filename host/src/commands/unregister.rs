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
    store::{Problem, ProblemKind, Store},
};

/// Runs the command.
pub fn run(session: &Session, which: &Selected, out: &mut Output) -> Result<u8> {
    if session.no_wait() {
        return Err(Error::new(ErrorKind::Usage, "unregister has to wait: what still runs can't be removed")
            .with_hint("leave out --no-wait and --timeout 0, or `anysvc stop --no-wait` it first"));
    }
    let mut subjects = subject::select(session, which)?;
    let corrupt = take_up_corrupt_ones(session, &mut subjects);
    load_specs(session, &mut subjects);
    // A spec that can't be read says nothing about the order, and the service goes all the same.
    for subject in subjects.iter_mut().filter(|s| s.report.stored.is_some() && s.spec.is_none()) {
        subject.report.error.take_if(|error| error.kind == ErrorKind::Io);
    }
    leave_foreign_ones(session, &mut subjects, &corrupt);
    let is_ours = |s: &Subject| s.report.stored.is_some() || (s.fine() && corrupt.contains(s.name()));
    let mut ours: Vec<Subject> = subjects.extract_if(.., |subject| is_ours(subject)).collect();
    // Stopping may take as long as a service likes; the store is not kept from others for that.
    stop_in_order(session, &mut ours);
    forgive(&mut ours);
    remove(session, &mut ours)?;
    subjects.append(&mut ours);
    subject::sort(&mut subjects, &which.names);
    let mut gone = HashSet::new();
    for subject in subjects.iter_mut().filter(|subject| subject.fine()) {
        if subject.report.stored.take().is_some() || corrupt.contains(subject.name()) {
            gone.insert(subject.name().to_owned());
        }
    }
    Ok(subject::report(session, &subjects, out, |subject| match gone.contains(subject.name()) {
        true => format!("unregistered {}", subject.name()),
        false => format!("{} was not registered", subject.name()),
    }))
}

/// Those whose file makes no sense, when they are asked for by name: they are taken to be of the backend
/// that serves here.
fn take_up_corrupt_ones(session: &Session, subjects: &mut [Subject]) -> HashSet<String> {
    let unread = |s: &Subject| s.report.stored.is_none() && s.backend.is_none();
    if !subjects.iter().any(unread) {
        return HashSet::new();
    }
    let listing = session.store().and_then(Store::headers).unwrap_or_default();
    let corrupt = |p: &Problem| p.kind == ProblemKind::Corrupt;
    let mut names: HashSet<String> =
        listing.problems.into_iter().filter(corrupt).map(|problem| problem.name).collect();
    names.retain(|name| subjects.iter().any(|s| s.name() == name && unread(s)));
    for subject in subjects.iter_mut().filter(|subject| names.contains(subject.name())) {
        if let Ok(backend) = session.selected() {
            *subject = Subject::unstored(subject.name(), backend);
        }
    }
    names
}

/// What is not in the store is not ours to remove; that it is absent is as it should be. Of what can't be
/// read in the store, the manager's mark tells.
fn leave_foreign_ones(session: &Session, subjects: &mut [Subject], corrupt: &HashSet<String>) {
    let deadline = session.working_deadline(Duration::ZERO);
    subject::each(
        subjects,
        |subject| subject.report.stored.is_none(),
        |backend: &Opened, asked: &[&Subject]| backend.remote.status(subject::targets(asked), deadline),
        |subject, answer| match answer {
            Ok(status) if status.ours && corrupt.contains(subject.name()) => {
                subject.report.status = Some(status);
            }
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
