//! In what order services are started: what one requires or comes after is started before it. Those that
//! nothing keeps apart are started together, in one call.

use std::collections::HashMap;

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::subject::Subject;
use crate::{session::Session, spec::order};

/// The subjects in batches, by their places; without a spec nothing is known to hold one back.
///
/// # Errors
/// `invalid-spec` naming a cycle.
pub fn batches(subjects: &[Subject]) -> Result<Vec<Vec<usize>>> {
    let known: Vec<usize> = (0..subjects.len()).filter(|&at| subjects[at].spec.is_some()).collect();
    let specs: Vec<_> =
        known.iter().filter_map(|&at| subjects[at].spec.as_ref().map(|spec| &spec.service)).collect();
    if specs.iter().all(|spec| spec.after.is_empty() && spec.requires.is_empty()) {
        return Ok(vec![(0..subjects.len()).collect()]);
    }
    let mut level_of: HashMap<&str, usize> = HashMap::new();
    let mut batches: Vec<Vec<usize>> = vec![Vec::new()];
    batches[0].extend((0..subjects.len()).filter(|&at| subjects[at].spec.is_none()));
    for at in order::sort(&specs)? {
        let before = specs[at].after.iter().chain(&specs[at].requires);
        let level = before.filter_map(|name| level_of.get(name.as_str())).map(|level| level + 1).max();
        let level = level.unwrap_or(0);
        level_of.insert(&specs[at].name, level);
        if batches.len() <= level {
            batches.push(Vec::new());
        }
        batches[level].push(known[at]);
    }
    Ok(batches)
}

/// Adds what the subjects require, and what that requires, unless it is among them. What is absent is a
/// failure of the one that requires it.
///
/// # Errors
/// When the store can't be read.
pub fn add_required(session: &Session, subjects: &mut Vec<Subject>) -> Result<()> {
    let mut at = 0;
    while at < subjects.len() {
        let required = subjects[at].spec.as_ref().map(|spec| spec.service.requires.clone());
        for name in required.unwrap_or_default() {
            if subjects.iter().all(|subject| subject.name() != name) {
                match find(session, &name) {
                    Ok(found) => subjects.push(found),
                    Err(error) => {
                        let error = missing(subjects[at].name(), &name, error);
                        subjects[at].fail(error);
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
    let failed: HashMap<String, ErrorKind> = subjects
        .iter()
        .filter_map(|s| s.report.error.as_ref().map(|error| (s.name().to_owned(), error.kind)))
        .collect();
    if failed.is_empty() {
        return;
    }
    for subject in subjects.iter_mut().filter(|subject| subject.fine()) {
        let required = subject.spec.iter().flat_map(|spec| &spec.service.requires);
        let found = required.filter_map(|name| failed.get(name).map(|kind| (name.clone(), *kind))).next();
        if let Some((name, kind)) = found {
            let message = format!("`{}` was not started: it requires `{name}`, which failed", subject.name());
            subject.fail(Error::new(kind, message).with_hint(format!("`anysvc logs {name}` may say why")));
        }
    }
}
