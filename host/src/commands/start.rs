//! `start` and `restart`: desired is up from the moment on that somebody asks, whatever comes of it.

use std::{collections::HashSet, time::Duration};

use anysvc_backend_api::{Deadline, Result, in_parts};

use super::{
    found, plan, select,
    settle::Settling,
    subject::{self, Subject},
};
use crate::{
    cli::Start,
    output::{Output, Service},
    session::{Opened, Session},
    store::Desired,
};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// What runs is left alone.
    Start,
    /// What runs is stopped first.
    Restart,
}

/// Runs the command.
pub fn run(session: &Session, what: &Start, verb: Verb, out: &mut Output) -> Result<u8> {
    let mut subjects = select::services(session, &what.services)?;
    let order: Vec<String> = subjects.iter().map(|subject| subject.name().to_owned()).collect();
    let found = found::register(session, &mut subjects, what.settle)?;
    load_specs(session, &mut subjects);
    plan::add_required(session, &mut subjects, |_| true)?;
    want(session, &mut subjects, Desired::Up)?;
    let settling = Settling::new(session, what.settle);
    let known = start_in_order(session, &mut subjects, verb, &settling);
    if !known || !subjects.iter().all(Subject::fine) {
        subject::refresh(&mut subjects, session.working_deadline(Duration::ZERO));
    }
    let new: HashSet<String> = found.iter().map(|subject| subject.name().to_owned()).collect();
    subjects.extend(found);
    subject::sort(&mut subjects, &order);
    let done = |subject: &Subject| match verb {
        _ if new.contains(subject.name()) => "registered",
        Verb::Start => "started",
        Verb::Restart => "restarted",
    };
    Ok(subject::report(session, &subjects, out, |subject| sentence(done(subject), &subject.report)))
}

/// Reads the specs of stored subjects: they say what comes first, and how long it may take.
pub fn load_specs(session: &Session, subjects: &mut [Subject]) {
    let without = |s: &&mut Subject| s.report.stored.is_some() && s.spec.is_none();
    let subjects: Vec<&mut Subject> = subjects.iter_mut().filter(without).collect();
    let names: Vec<String> = subjects.iter().map(|subject| subject.name().to_owned()).collect();
    let entries = match session.store() {
        Ok(store) => in_parts(&names, |part| part.iter().map(|name| store.entry(name)).collect()),
        Err(error) => names.iter().map(|_| Err(error.clone())).collect(),
    };
    for (subject, entry) in subjects.into_iter().zip(entries) {
        match entry {
            Ok(entry) => subject.spec = entry.map(|entry| Box::new(entry.spec)),
            Err(error) => subject.fail(error),
        }
    }
}

/// Notes what is wanted of the stored ones that are fine.
///
/// # Errors
/// When the store can't be locked.
pub fn want(session: &Session, subjects: &mut [Subject], desired: Desired) -> Result<()> {
    let news = |s: &Subject| s.fine() && s.report.desired().is_some_and(|current| current != desired);
    let chosen: Vec<usize> = (0..subjects.len()).filter(|&at| news(&subjects[at])).collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = chosen.iter().map(|&at| subjects[at].name()).collect();
    let answers =
        session.store()?.lock(session.working_deadline(Duration::ZERO))?.set_desired(&names, desired);
    for (at, answer) in chosen.into_iter().zip(answers) {
        match answer {
            Ok(_) => {
                if let Some(header) = &mut subjects[at].report.stored {
                    header.desired = desired;
                }
            }
            Err(error) => subjects[at].fail(error),
        }
    }
    Ok(())
}

/// Starts batch by batch; what requires something that failed is not tried. Whether the status of what is fine
/// was read at the very end.
pub fn start_in_order(
    session: &Session,
    subjects: &mut [Subject],
    verb: Verb,
    settling: &Settling<'_>,
) -> bool {
    let deadline = working_deadline(session, subjects);
    let batches = plan::starting(subjects);
    let mut known = batches.len() == 1;
    for batch in batches {
        let names: HashSet<String> = batch.iter().map(|&at| subjects[at].name().to_owned()).collect();
        let wanted = |subject: &Subject| names.contains(subject.name());
        plan::fail_dependents(subjects);
        let call = |backend: &Opened, asked: &[&Subject]| ask(backend, asked, verb, deadline);
        subject::each(subjects, wanted, call, |subject, answer| {
            if let Err(error) = answer {
                subject.fail(error);
            }
        });
        known &= settling.see_to(subjects, wanted);
    }
    known
}

/// A service that was not asked for is never restarted.
fn ask(backend: &Opened, asked: &[&Subject], verb: Verb, deadline: Deadline) -> Vec<Result<()>> {
    let restarts = |subject: &&Subject| verb == Verb::Restart && !subject.implied;
    let (again, anew): (Vec<&Subject>, Vec<&Subject>) = asked.iter().partition(|s| restarts(s));
    let call = |group: &[&Subject], restart: bool| match (group.is_empty(), restart) {
        (true, _) => Vec::new(),
        (_, true) => backend.remote.restart(subject::targets(group), deadline),
        (_, false) => backend.remote.start(subject::targets(group), deadline),
    };
    let (mut anew, mut again) = (call(&anew, false).into_iter(), call(&again, true).into_iter());
    let answer = |s: &&Subject| if restarts(s) { again.next() } else { anew.next() };
    asked.iter().filter_map(answer).collect()
}

/// By when the slowest of them has to be done: a restart is a stop first.
pub fn working_deadline(session: &Session, subjects: &[Subject]) -> Deadline {
    session.working_deadline(longest_stop(subjects))
}

/// The longest time that one of them may take to stop.
pub fn longest_stop(subjects: &[Subject]) -> Duration {
    let times = subjects.iter().filter_map(|s| s.spec.as_ref()).map(|spec| spec.service.stop_timeout());
    times.max().unwrap_or_default()
}

/// One line about a service that was acted on.
pub fn sentence(done: &str, service: &Service) -> String {
    let name = &service.name;
    let Some(status) = &service.status else { return format!("{done} {name}") };
    let pid = status.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    let ready = if service.ready() == Some(true) { ", ready" } else { "" };
    format!("{done} {name}: {}{pid}{ready}{}", status.state, subject::because(status))
}

#[cfg(test)]
mod tests {
    use anysvc_backend_api::{State, Status};

    use super::*;

    #[test]
    fn what_is_amiss_with_what_runs_is_told_with_it() {
        let mut status = Status { pid: Some(7), ..Status::new("web", State::Running) };
        let said = |status: &Status| {
            sentence("registered", &Service { status: Some(status.clone()), ..Service::named("web") })
        };
        assert_eq!(said(&status), "registered web: running, pid 7");
        status.reason = Some("cannot write the log in /logs: denied".into());
        assert_eq!(said(&status), "registered web: running, pid 7 (cannot write the log in /logs: denied)");
    }
}
