//! `unregister`: stopped, removed, forgotten, in this order. A kill in between leaves something that is
//! still in the store, so that the next try finds it.

use std::{collections::HashSet, time::Duration};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Result};

use super::{
    select,
    start::{load_specs, working_deadline},
    stop::stop_in_order,
    subject::{self, Subject},
};
use crate::{
    cli::Selected,
    output::Output,
    session::{Opened, Session},
    store::{Locked, Problem, ProblemKind, Store},
};

/// Runs the command.
pub fn run(session: &Session, which: &Selected, out: &mut Output) -> Result<u8> {
    if session.no_wait() {
        return Err(Error::new(ErrorKind::Usage, "unregister has to wait: what still runs can't be removed")
            .with_hint("leave out --no-wait and --timeout 0, or `anysvc stop --no-wait` it first"));
    }
    let mut subjects = select::services(session, which)?;
    let corrupt = take_up_corrupt_ones(session, &mut subjects);
    tell_foreign_ones(session, &mut subjects, &corrupt);
    load_specs(session, &mut subjects);
    // A spec that can't be read says nothing about the order, and the service goes all the same.
    for subject in subjects.iter_mut().filter(|s| s.report.stored.is_some() && s.spec.is_none()) {
        subject.report.error.take_if(|error| error.kind == ErrorKind::Io);
    }
    let is_ours = |s: &Subject| s.report.stored.is_some() || (s.fine() && corrupt.contains(s.name()));
    let mut ours: Vec<Subject> = subjects.extract_if(.., |subject| is_ours(subject)).collect();
    let mut others: Vec<Subject> = ours.extract_if(.., |subject| is_somebody_elses(subject)).collect();
    // Stopping may take as long as a service likes; the store is not kept from others for that.
    stop_in_order(session, &mut ours);
    forgive(&mut ours);
    refuse(session, &mut others)?;
    remove(session, &mut ours)?;
    subjects.append(&mut ours);
    subjects.append(&mut others);
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
fn tell_foreign_ones(session: &Session, subjects: &mut [Subject], corrupt: &HashSet<String>) {
    let deadline = session.working_deadline(Duration::ZERO);
    look(subjects, |_| true, deadline);
    let unknown = |s: &Subject| s.report.stored.is_none() && s.report.status.is_some();
    for subject in subjects.iter_mut().filter(|s| unknown(s) && corrupt.contains(s.name())) {
        if !is_ours(subject) {
            subject.fail(Error::not_ours(&subject.report.name));
        }
    }
    if !subjects.iter().any(|s| s.fine() && unknown(s) && !corrupt.contains(s.name())) {
        return;
    }
    // Registered since the store was read, or on its way just now, which nothing is while it is locked.
    let Ok(store) = session.store() else { return };
    let locked = store.lock(deadline);
    let mut again = HashSet::new();
    for subject in subjects.iter_mut().filter(|s| s.fine() && unknown(s) && !corrupt.contains(s.name())) {
        match store.header(subject.name()) {
            Ok(Some(header)) => *subject = Subject::stored(session, header),
            Ok(None) => drop(again.insert(subject.name().to_owned())),
            Err(error) => subject.fail(error),
        }
        subject.report.status = None;
    }
    look(subjects, |subject| again.contains(subject.name()), deadline);
    drop(locked);
    for subject in subjects.iter_mut().filter(|s| unknown(s) && again.contains(s.name())) {
        subject.fail(Error::not_ours(&subject.report.name));
    }
}

/// Asks the manager for those that are fine. What it does not have has no status.
fn look(subjects: &mut [Subject], wanted: impl Fn(&Subject) -> bool, deadline: Deadline) {
    let status =
        |backend: &Opened, asked: &[&Subject]| backend.remote.status(subject::targets(asked), deadline);
    subject::each(subjects, wanted, status, |subject, answer| match answer {
        Ok(status) => subject.report.status = Some(status),
        // Of what is stored the manager's own answer to its removal counts.
        Err(error) if error.kind != ErrorKind::NotRegistered && subject.report.stored.is_none() => {
            subject.fail(error);
        }
        Err(_) => {}
    });
}

fn is_ours(subject: &Subject) -> bool {
    subject.report.status.as_ref().is_some_and(|status| status.ours)
}

/// Stored, and somebody else made what the manager has by that name: an adoption was cut short, or ours was
/// removed behind our back.
fn is_somebody_elses(subject: &Subject) -> bool {
    subject.report.stored.is_some() && subject.report.status.as_ref().is_some_and(|status| !status.ours)
}

/// Says what can be done about those. To forget them would be no success: what they ran may run on, and nothing
/// would know of it any more.
fn refuse(session: &Session, subjects: &mut [Subject]) -> Result<()> {
    for subject in subjects {
        let mut error = Error::not_ours(subject.name());
        error.message = format!(
            "{}, or what said so is gone; it is left as it is, and stays registered here",
            error.message
        );
        let (name, file) = (subject.name(), session.store()?.file_of(subject.name()));
        let hint = format!(
            "`anysvc register {name} --replace --adopt -- COMMAND` takes it over, and `unregister` removes it \
             then; to forget it and let it run, delete {}",
            file.display()
        );
        subject.fail(error.with_hint(hint));
    }
    Ok(())
}

/// Whether no other backend has it by now. A file that can't be read says nothing against it: it is to go.
fn is_not_taken(store: &Locked<'_>, subject: &mut Subject) -> bool {
    store.header(subject.name()).ok().flatten().is_none_or(|header| subject.stays_with(&header))
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
    for subject in subjects.iter_mut() {
        is_not_taken(&store, subject);
    }
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
        |subject, answer| match answer {
            // What it did until then is no state of what is gone.
            Ok(done) => {
                subject.report.status = None;
                subject.report.warnings.extend(done.warnings);
            }
            Err(error) => subject.fail(error),
        },
    );
    Ok(())
}
