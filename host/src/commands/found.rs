//! Instances that are on disk and were never registered: whoever asks for one by name gets it registered,
//! and started.

use std::{slice, time::Duration};

use anysvc_backend_api::{ErrorKind, Result};

use super::{
    register::{self, How},
    sources::Wanted,
    subject::{self, Subject},
};
use crate::{session::Session, spec::Template, templates};

/// Takes out of the subjects what can be registered so, registers and starts it, and gives what became of
/// it. What the manager has is left alone, whoever made it.
///
/// # Errors
/// When the store or the backend can't be reached at all.
pub fn register(
    session: &Session,
    subjects: &mut Vec<Subject>,
    settle: Option<Duration>,
) -> Result<Vec<Subject>> {
    if subjects.iter().all(|subject| subject.report.stored.is_some()) {
        return Ok(Vec::new());
    }
    let (templates, _) = session.store()?.templates()?;
    let mut wanted = Vec::new();
    let mut rest = Vec::with_capacity(subjects.len());
    for mut subject in subjects.drain(..) {
        match instance(session, &templates, &mut subject) {
            Ok(Some(new)) => wanted.push(new),
            Ok(None) => rest.push(subject),
            Err(error) => {
                subject.fail(error);
                rest.push(subject);
            }
        }
    }
    *subjects = rest;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let registered = register::carry_out(session, wanted, How::default(), settle)?;
    Ok(registered.into_iter().map(|(subject, _)| subject).collect())
}

/// The instance that a subject is, if it is one on disk and nobody has it.
fn instance(session: &Session, templates: &[Template], subject: &mut Subject) -> Result<Option<Wanted>> {
    if subject.report.stored.is_some() || !subject.fine() {
        return Ok(None);
    }
    let caller = session.env.caller();
    let deadline = session.working_deadline(Duration::ZERO);
    for template in templates.iter().filter(|template| template.discover.is_some()) {
        let Some(instance) = template.instance_of(subject.name()).map(str::to_owned) else { continue };
        if !is_absent(session, subject) {
            return Ok(None);
        }
        let origin = Some(template.origin(&instance));
        subject.origin.clone_from(&origin);
        if templates::discover_one(template, &instance, caller, deadline)?.is_some() {
            return Ok(Some(Wanted { spec: template.instance(&instance)?, origin }));
        }
    }
    Ok(None)
}

/// Whether the manager has no service of that name.
fn is_absent(session: &Session, subject: &mut Subject) -> bool {
    let deadline = session.working_deadline(Duration::ZERO);
    subject::read_status(slice::from_mut(subject), deadline);
    subject.report.error.take_if(|error| error.kind == ErrorKind::NotRegistered).is_some()
}
