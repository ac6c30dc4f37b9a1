//! In what order services are started: what one requires or comes after is started before it. Those that
//! nothing keeps apart are started together, in one call.

use std::collections::HashMap;

use anysvc_backend_api::{Error, ErrorKind, Result, ServiceSpec};

use super::subject::Subject;
use crate::{session::Session, spec::order};

/// The batches of a start. Members of a cycle fail; the others go on.
pub fn starting(subjects: &mut [Subject]) -> Vec<Vec<usize>> {
    let (batches, cyclic) = batches(subjects);
    for (at, error) in cyclic {
        subjects[at].note(error);
    }
    batches
}

/// The batches of a stop. Members of a cycle can be stopped too, all at once.
pub fn stopping(subjects: &[Subject]) -> Vec<Vec<usize>> {
    let (mut batches, cyclic) = batches(subjects);
    batches.push(cyclic.into_iter().map(|(at, _)| at).collect());
    batches.reverse();
    batches
}

/// Places of subjects, each with what is wrong with it.
type Faults = Vec<(usize, Error)>;

/// The subjects in batches, by their places, and apart from them the members of cycles; without a spec
/// nothing is known to hold one back.
fn batches(subjects: &[Subject]) -> (Vec<Vec<usize>>, Faults) {
    let spec_of = |at: &usize| subjects[*at].spec.as_ref().map(|spec| &spec.service);
    let mut known: Vec<usize> = (0..subjects.len()).filter(|at| spec_of(at).is_some()).collect();
    let mut cyclic = Vec::new();
    if known.iter().filter_map(spec_of).all(|spec| spec.after.is_empty() && spec.requires.is_empty()) {
        return (vec![(0..subjects.len()).collect()], cyclic);
    }
    let mut batches: Vec<Vec<usize>> = vec![Vec::new()];
    batches[0].extend((0..subjects.len()).filter(|at| spec_of(at).is_none()));
    let (specs, order) = loop {
        let specs: Vec<&ServiceSpec> = known.iter().filter_map(spec_of).collect();
        let error = match order::sort(&specs) {
            Ok(order) => break (specs, order),
            Err(error) => error,
        };
        let members: Vec<usize> =
            order::cycle(&specs).unwrap_or_default().iter().map(|&place| known[place]).collect();
        if members.is_empty() {
            break (specs, Vec::new());
        }
        known.retain(|at| !members.contains(at));
        cyclic.extend(members.into_iter().map(|at| (at, error.clone())));
    };
    let mut level_of: HashMap<&str, usize> = HashMap::new();
    for at in order {
        let before = specs[at].after.iter().chain(&specs[at].requires);
        let level = before.filter_map(|name| level_of.get(name.as_str())).map(|level| level + 1).max();
        let level = level.unwrap_or(0);
        level_of.insert(&specs[at].name, level);
        if batches.len() <= level {
            batches.push(Vec::new());
        }
        batches[level].push(known[at]);
    }
    (batches, cyclic)
}

/// Fails those that could never be started in any order, together with what is stored.
pub fn refuse_cycles(session: &Session, subjects: &mut [Subject]) {
    let mut earlier: HashMap<String, Vec<String>> = HashMap::new();
    for subject in subjects.iter() {
        let spec = subject.spec.as_ref().map(|spec| &spec.service);
        let names = spec.iter().flat_map(|spec| spec.after.iter().chain(&spec.requires)).cloned();
        earlier.insert(subject.name().to_owned(), names.collect());
    }
    for subject in subjects.iter_mut().filter(|subject| subject.fine()) {
        if let Some(cycle) = cycle_through(session, &mut earlier, subject.name()) {
            let shown = cycle.join("` after `");
            let message = format!("no order of starting fits `after` and `requires`: `{shown}`");
            subject.note(Error::new(ErrorKind::InvalidSpec, message));
        }
    }
}

/// The way from a service back to itself. What the store says of others is read when it is come to; what
/// can't be read leads nowhere.
fn cycle_through(
    session: &Session,
    earlier: &mut HashMap<String, Vec<String>>,
    name: &str,
) -> Option<Vec<String>> {
    let mut from: HashMap<String, String> = HashMap::new();
    let mut open = vec![name.to_owned()];
    while let Some(at) = open.pop() {
        if !earlier.contains_key(&at) {
            let entry = session.store().and_then(|store| store.entry(&at)).ok().flatten();
            let spec = entry.map(|entry| entry.spec.service).unwrap_or_default();
            earlier.insert(at.clone(), spec.after.into_iter().chain(spec.requires).collect());
        }
        for next in &earlier[&at] {
            if next == name {
                let mut way = vec![name.to_owned(), at.clone()];
                while let Some(before) = way.last().and_then(|last| from.get(last)) {
                    way.push(before.clone());
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(next) {
                from.insert(next.clone(), at.clone());
                open.push(next.clone());
            }
        }
    }
    None
}

/// Adds what the wanted subjects require, and what that requires, unless it is among them. What is absent
/// is a failure of the one that requires it.
///
/// # Errors
/// When the store can't be read.
pub fn add_required(
    session: &Session,
    subjects: &mut Vec<Subject>,
    wanted: impl Fn(&Subject) -> bool,
) -> Result<()> {
    let mut at = 0;
    while at < subjects.len() {
        let counts = subjects[at].implied || wanted(&subjects[at]);
        let spec = subjects[at].spec.as_ref().filter(|_| counts);
        let required = spec.map(|spec| spec.service.requires.clone());
        for name in required.unwrap_or_default() {
            if subjects.iter().all(|subject| subject.name() != name) {
                match find(session, &name) {
                    Ok(found) => subjects.push(found),
                    Err(error) => {
                        let error = missing(subjects[at].name(), &name, error);
                        subjects[at].note(error);
                    }
                }
            }
        }
        at += 1;
    }
    Ok(())
}

fn find(session: &Session, name: &str) -> Result<Subject> {
    if let Some(entry) = session.store()?.entry(name)? {
        return Ok(Subject { implied: true, ..Subject::with_spec(session, entry) });
    }
    let backend = session.selected()?;
    let target = vec![anysvc_backend_api::Target::new(name)];
    let answer = backend.remote.status(target, session.working_deadline(std::time::Duration::ZERO));
    answer.into_iter().next().unwrap_or_else(|| Err(Error::not_registered(name)))?;
    Ok(Subject { implied: true, ..Subject::unstored(name, backend) })
}

fn missing(name: &str, required: &str, cause: Error) -> Error {
    if cause.kind != ErrorKind::NotRegistered {
        return Error { service: None, ..cause };
    }
    let (name, required) = (name.escape_debug(), required.escape_debug());
    Error::new(
        ErrorKind::NotRegistered,
        format!("`{name}` requires `{required}`, and there is no such service"),
    )
    .with_hint(format!("create it with `anysvc register {required} -- COMMAND`"))
}

/// Fails those whose requirements failed.
pub fn fail_dependents(subjects: &mut [Subject]) {
    for (at, error) in held_up(subjects) {
        subjects[at].note(error);
    }
}

/// Those that are fine and whose requirements failed. That one exists already is no failure of it.
pub fn held_up(subjects: &[Subject]) -> Faults {
    let failed: HashMap<&str, ErrorKind> = subjects
        .iter()
        .filter_map(|s| s.report.error.as_ref().map(|error| (s.name(), error.kind)))
        .filter(|(_, kind)| *kind != ErrorKind::AlreadyRegistered)
        .collect();
    let held_up = |(at, subject): (usize, &Subject)| {
        let mut required = subject.spec.iter().flat_map(|spec| &spec.service.requires);
        let (name, kind) = required.find_map(|name| failed.get_key_value(name.as_str()))?;
        let message = format!("`{}` was not started: it requires `{name}`, which failed", subject.name());
        Some((at, Error::new(*kind, message).with_hint(format!("`anysvc logs {name}` may say why"))))
    };
    subjects.iter().enumerate().filter(|(_, s)| !failed.is_empty() && s.fine()).filter_map(held_up).collect()
}
