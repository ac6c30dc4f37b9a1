//! A look at what is there under the names that are to be registered, before anything is started for them.
//! Nothing is locked: whoever is quicker decides later.

use std::collections::HashSet;

use anysvc_backend_api::{Deadline, Error, Registration, Rest, Result};

use super::{
    reconcile,
    register::How,
    subject::{self, Subject},
};
use crate::{
    session::{Opened, Session},
    store::Store,
};

/// Fails those that can't be registered, where they require something. Those that will be kept as they are
/// are given back.
pub fn look(subjects: &mut [Subject], how: How, session: &Session, deadline: Deadline) -> HashSet<String> {
    let mut kept = HashSet::new();
    if how.replace {
        return kept;
    }
    let requires = |s: &Subject| s.spec.as_ref().is_some_and(|spec| !spec.service.requires.is_empty());
    let status =
        |backend: &Opened, asked: &[&Subject]| backend.remote.status(subject::targets(asked), deadline);
    subject::each(subjects, requires, status, |subject, answer| {
        // What is not there is to be made, and what can't be seen shows when it is.
        let Ok(status) = answer else { return };
        // Read again, as it may be on its way.
        let stored =
            session.store().and_then(|store| store.header(subject.name())).is_ok_and(|h| h.is_some());
        match (stored, status.ours) {
            (_, false) if how.adopt => {}
            // A register that was cut short may have left it so; the next one may complete it.
            (true, true) if status.rest == Some(Rest::Unattended) => {}
            (true, true) if how.if_absent => drop(kept.insert(subject.name().to_owned())),
            (true, true) => subject.fail(Error::already_registered(&subject.report.name)),
            (true, false) => subject.fail(foreign(subject.name())),
            // Another user's, or what is left of ours.
            (false, true) => subject.fail(Error::already_registered(&subject.report.name)),
            (false, false) => subject.fail(Error::not_ours(&subject.report.name)),
        }
    });
    kept
}

/// What is said of a service that is stored and that somebody else made.
pub fn foreign(name: &str) -> Error {
    let hint = format!("--adopt takes it over; `anysvc unregister {name}` forgets what is stored of it");
    Error { hint: Some(hint), ..Error::not_ours(name) }
}

/// Whether what its manager has is what its spec makes, as far as that can be told: somebody may have edited or
/// removed a part of it.
pub fn is_as_made(store: &Store, subject: &Subject, up: bool, deadline: Deadline) -> bool {
    let (Some(backend), Some(plain)) = (&subject.backend, reconcile::registration(store, subject)) else {
        return true;
    };
    let answer = backend.remote.compare(vec![Registration { start: up, ..plain }], deadline).pop();
    answer.and_then(Result::ok).is_none_or(|difference| difference.parts.is_empty())
}
