//! The instances that templates find on disk, in a pass: those that were never registered are registered,
//! the application's own word counts at boot, and what the last boot left in their folders is removed.
//!
//! Whatever can't be looked at is told, and the rest of the pass goes on.

use std::{collections::HashMap, path::PathBuf, rc::Rc, time::Duration};

use anysvc_backend_api::{Boot, Deadline, Error, State};

use super::{Action, Case, Pass, Verdict};
use crate::{
    commands::subject::Subject,
    reconcile::{self, How},
    session::{Opened, Session},
    spec::Template,
    store::{Desired, Entry, Locked, Store},
    templates::{self, Found},
};

/// What is on disk, and what came of looking.
#[derive(Default)]
pub struct OnDisk {
    templates: Vec<(Template, Vec<Found>)>,
    /// Files of the last boot, removed or to be removed.
    pub stale: Vec<PathBuf>,
    /// What could not be read or done: the name of a template, and why.
    pub problems: Vec<(String, Error)>,
}

impl OnDisk {
    /// Looks for the instances of every template.
    pub fn look(session: &Session, store: &Store) -> OnDisk {
        let mut disk = OnDisk::default();
        let templates = match store.templates() {
            Ok((templates, problems)) => {
                disk.problems.extend(problems.into_iter().map(|problem| (problem.name, problem.error)));
                templates
            }
            Err(error) => {
                disk.problems.push(("templates".to_owned(), error));
                return disk;
            }
        };
        for template in templates.into_iter().filter(|template| template.discover.is_some()) {
            match templates::discover(&template, session.env.caller(), deadline(session)) {
                Ok(discovered) => {
                    disk.complain(&template, discovered.problems);
                    disk.templates.push((template, discovered.found));
                }
                Err(error) => disk.complain(&template, [error]),
            }
        }
        disk
    }

    /// Whether nothing was found, and nothing is to be told.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty() && self.templates.iter().all(|(_, found)| found.is_empty())
    }

    fn complain(&mut self, template: &Template, errors: impl IntoIterator<Item = Error>) {
        self.problems.extend(errors.into_iter().map(|error| (template.name.clone(), error)));
    }
}

fn deadline(session: &Session) -> Deadline {
    session.working_deadline(Duration::ZERO)
}

/// Adds what is on disk and not in the store, and notes of the others what the application wants.
pub fn add(pass: &mut Pass, store: &Store, backend: &Rc<Opened>) {
    let mut known: HashMap<String, usize> = HashMap::new();
    for (at, subject) in pass.subjects.iter().enumerate() {
        known.insert(subject.name().to_owned(), at);
    }
    let mut complaints = Vec::new();
    for (template, found) in &pass.disk.templates {
        for found in found {
            match known.get(&found.service) {
                Some(&at) if is_of(&pass.subjects[at], template) => pass.cases[at].says = found.desired,
                Some(_) => {}
                // Under another backend, or set aside: somebody has it.
                None if !matches!(store.header(&found.service), Ok(None)) => {}
                None => match new(template, found, backend, pass.how) {
                    Ok((subject, case)) => {
                        known.insert(found.service.clone(), pass.subjects.len());
                        pass.subjects.push(subject);
                        pass.cases.push(case);
                    }
                    Err(error) => complaints.push((template.name.clone(), error)),
                },
            }
        }
    }
    pass.disk.problems.extend(complaints);
}

fn is_of(subject: &Subject, template: &Template) -> bool {
    subject.report.stored.as_ref().is_some_and(|header| header.template.as_ref() == Some(&template.name))
}

/// An instance that was never registered.
fn new(
    template: &Template,
    found: &Found,
    backend: &Rc<Opened>,
    how: How,
) -> anysvc_backend_api::Result<(Subject, Case)> {
    let spec = template.instance(&found.instance)?;
    let desired = found.desired.unwrap_or(Desired::Down);
    let wanted = match spec.service.boot() {
        Boot::Up => Desired::Up,
        boot => reconcile::wanted(desired, boot, how),
    };
    let mut subject = Subject::unstored(&found.service, Rc::clone(backend));
    (subject.spec, subject.origin) = (Some(spec), Some(template.origin(&found.instance)));
    Ok((subject, Case { says: found.desired, ..Case::wanting(wanted) }))
}

/// What is wanted in the end, once it is known what runs: at boot an instance is started only if its
/// application wants it too. What runs is left: its application has begun to write anew.
pub fn heed_application(case: &mut Case, boot: Boot, how: How) {
    let heeded = how.at_boot && boot == Boot::Restore && !runs(case);
    if let (true, Some(Desired::Down)) = (heeded, case.says) {
        case.wanted = Desired::Down;
    }
}

fn runs(case: &Case) -> bool {
    let state = case.prior.as_ref().map(|status| status.state);
    state.is_some_and(|state| !matches!(state, State::Stopped | State::Failed))
}

/// What the manager has of ours under the name of an instance that the store does not know was made by a
/// store that is lost: it is made anew, and what runs goes on to.
pub fn renew(subject: &Subject, case: &mut Case) {
    let is_new = subject.report.stored.is_none() && subject.fine();
    if is_new && case.prior.is_some() {
        case.wanted = if runs(case) { Desired::Up } else { case.wanted };
        case.verdict = Verdict { action: Action::Replace, why: Some("the store did not have it".to_owned()) };
    }
}

/// Stores those that were never registered, before any manager is asked.
pub fn store(locked: &Locked<'_>, pass: &mut Pass) {
    let is_new = |subject: &Subject| subject.report.stored.is_none() && subject.fine();
    let places: Vec<usize> = (0..pass.subjects.len()).filter(|&at| is_new(&pass.subjects[at])).collect();
    let entry = |&at: &usize| {
        let subject = &pass.subjects[at];
        let (spec, backend) = (subject.spec.clone()?, subject.backend.as_ref()?);
        let mut entry = Entry::new(spec, pass.cases[at].wanted, &backend.id, backend.scope);
        entry.header.template = subject.origin.as_ref().map(|origin| origin.template.clone());
        entry.header.instance = subject.origin.as_ref().map(|origin| origin.instance.clone());
        Some(entry)
    };
    let entries: Vec<Entry> = places.iter().filter_map(entry).collect();
    for ((at, answer), entry) in places.into_iter().zip(locked.put(&entries)).zip(entries) {
        match answer {
            Ok(()) => pass.subjects[at].report.stored = Some(entry.header),
            Err(error) => pass.subjects[at].fail(error),
        }
    }
}

/// Removes the files of the last boot of what does not run: at boot of all instances, otherwise of those
/// that were never registered, which nobody has started since. A dry run only names them.
pub fn clear(session: &Session, pass: &mut Pass) {
    let mut problems = Vec::new();
    for (template, found) in &pass.disk.templates {
        let at = |found: &Found| pass.subjects.iter().position(|subject| subject.name() == found.service);
        let stale = |at: usize| {
            let subject = &pass.subjects[at];
            let ours = subject.origin.is_some() || is_of(subject, template);
            let since_boot = !pass.how.at_boot && subject.origin.is_none();
            ours && !since_boot && subject.fine() && !runs(&pass.cases[at])
        };
        let instances = found.iter().filter(|found| at(found).is_some_and(stale));
        let instances: Vec<String> = instances.map(|found| found.instance.clone()).collect();
        let done =
            templates::stale(template, instances, !pass.dry_run, session.env.caller(), deadline(session));
        match done {
            Ok(done) => {
                pass.disk.stale.extend(done.files);
                problems.extend(done.problems.into_iter().map(|error| (template.name.clone(), error)));
            }
            Err(error) => problems.push((template.name.clone(), error)),
        }
    }
    pass.disk.problems.extend(problems);
}
