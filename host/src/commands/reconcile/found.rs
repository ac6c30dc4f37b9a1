//! The instances that templates find on disk, in a pass: those that were never registered are registered,
//! the application's own word counts at boot, and what the last boot left in their folders is removed.
//!
//! Whatever can't be looked at is told, and the rest of the pass goes on.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    rc::Rc,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Boot, Deadline, Difference, Error, Result, State};

use super::{Action, Case, Pass, Verdict};
use crate::{
    commands::subject::Subject,
    reconcile::{self, How},
    session::{Opened, Session},
    spec::Template,
    store::{Desired, Entry, Header, Locked, Store},
    templates::{self, Found, Stale},
};

/// The instance that a service is.
pub struct Instance {
    /// Its template, by its place.
    place: usize,
    name: String,
    /// What its application wants.
    says: Option<Desired>,
}

/// What is on disk, and what came of looking.
#[derive(Default)]
pub struct OnDisk {
    templates: Vec<(Template, Vec<Found>)>,
    /// Files of the last boot, removed or to be removed.
    pub stale: Vec<PathBuf>,
    /// Templates that the store has and that can't be used: the name, and why. Only who owns the store can
    /// have done that, so these are failures.
    pub unusable: Vec<(String, Error)>,
    /// What could not be read or done on disk: the name of a template, and why.
    pub problems: Vec<(String, Error)>,
}

impl OnDisk {
    /// Looks for the instances of every template.
    pub fn look(session: &Session, store: &Store) -> OnDisk {
        let mut disk = OnDisk::default();
        let templates = match store.templates() {
            Ok((templates, problems)) => {
                disk.unusable.extend(problems.into_iter().map(|problem| (problem.name, problem.error)));
                templates
            }
            Err(error) => {
                disk.unusable.push(("templates".to_owned(), error));
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
        let told = [&self.unusable, &self.problems];
        told.iter().all(|told| told.is_empty()) && self.templates.iter().all(|(_, found)| found.is_empty())
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
    let mut instances = instances(pass);
    let mut names: HashSet<String> = pass.subjects.iter().map(|s| s.name().to_owned()).collect();
    let mut complaints = Vec::new();
    for (place, (template, found)) in pass.disk.templates.iter().enumerate() {
        for found in found {
            let on_disk = Instance { place, name: found.instance.clone(), says: found.desired };
            match instances.remove(&(template.name.clone(), found.instance.clone())) {
                Some(Some(at)) => pass.cases[at].on_disk = Some(on_disk),
                // Under another backend.
                Some(None) => {}
                // Something else has its name, or it is set aside.
                None if names.contains(&found.service) => {}
                None if !matches!(store.header(&found.service), Ok(None)) => {}
                None => match new(template, found, backend, pass.how) {
                    Ok((subject, wanted)) => {
                        names.insert(found.service.clone());
                        pass.subjects.push(subject);
                        pass.cases.push(Case { on_disk: Some(on_disk), ..Case::wanting(wanted) });
                    }
                    Err(error) => complaints.push((template.name.clone(), error)),
                },
            }
        }
    }
    pass.disk.problems.extend(complaints);
}

/// The registered instances by template and instance, whatever they are called (the rule for their names may
/// have been another when they were registered): the place in this pass, or that there is none.
fn instances(pass: &Pass) -> HashMap<(String, String), Option<usize>> {
    let others = pass.others.iter().map(|header| (header, None));
    let mine = pass.subjects.iter().enumerate();
    let mine = mine.filter_map(|(at, subject)| Some((subject.report.stored.as_ref()?, Some(at))));
    let made_from = |header: &Header| Some((header.template.clone()?, header.instance.clone()?));
    others.chain(mine).filter_map(|(header, at)| Some((made_from(header)?, at))).collect()
}

/// An instance that was never registered.
fn new(template: &Template, found: &Found, backend: &Rc<Opened>, how: How) -> Result<(Subject, Desired)> {
    let spec = template.instance(&found.instance)?;
    let desired = found.desired.unwrap_or(Desired::Down);
    let wanted = match spec.service.boot() {
        Boot::Up => Desired::Up,
        boot => reconcile::wanted(desired, boot, how),
    };
    let mut subject = Subject::unstored(&found.service, Rc::clone(backend));
    (subject.spec, subject.origin) = (Some(Box::new(spec)), Some(template.origin(&found.instance)));
    Ok((subject, wanted))
}

/// What is wanted in the end, once it is known what runs: at boot an instance is started only if its
/// application wants it too. What runs is left: its application has begun to write anew.
pub fn heed_application(case: &mut Case, boot: Boot, how: How) {
    let heeded = how.at_boot && boot == Boot::Restore && !runs(case);
    let says = case.on_disk.as_ref().and_then(|instance| instance.says);
    if let (true, Some(Desired::Down)) = (heeded, says) {
        case.wanted = Desired::Down;
    }
}

fn runs(case: &Case) -> bool {
    let state = case.prior.as_ref().map(|status| status.state);
    state.is_some_and(|state| !matches!(state, State::Stopped | State::Failed))
}

/// What the manager has under the name of an instance that the store does not know, and that is just what
/// would be made, was made by a store that is lost: it is made anew, and what runs goes on to. What differs in
/// something may be another user's, where several share a manager.
pub fn renew(subject: &mut Subject, case: &mut Case, differs: &Difference) {
    if !is_new(subject) || !subject.fine() || case.prior.is_none() {
        return;
    }
    if !differs.parts.is_empty() {
        return subject.fail(Error::already_registered(&subject.report.name));
    }
    case.wanted = if runs(case) { Desired::Up } else { case.wanted };
    case.verdict = Verdict { action: Action::Replace, why: Some("the store did not have it".to_owned()) };
}

/// Whether it was never registered: then it has no entry in the store, but says what it is made from.
fn is_new(subject: &Subject) -> bool {
    subject.origin.is_some()
}

/// Forgets what was for an earlier boot alone; that makes place for what is found on disk.
pub fn forget(session: &Session, locked: &Locked<'_>, past: &[String]) {
    let names: Vec<&str> = past.iter().map(String::as_str).collect();
    for error in locked.remove(&names).into_iter().filter_map(Result::err) {
        session.warn(error.message);
    }
}

/// Stores those that were never registered, before any manager is asked.
pub fn store(locked: &Locked<'_>, pass: &mut Pass) {
    let places = 0..pass.subjects.len();
    let places = places.filter(|&at| is_new(&pass.subjects[at]) && pass.subjects[at].fine());
    let places: Vec<usize> = places.collect();
    let entry = |&at: &usize| {
        let subject = &pass.subjects[at];
        let (spec, backend) = (subject.spec.clone()?, subject.backend.as_ref()?);
        let mut entry = Entry::new(*spec, pass.cases[at].wanted, &backend.id, backend.scope);
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

/// Forgets those again that no manager has taken: their template may be put right until the next pass.
pub fn take_back(locked: &Locked<'_>, pass: &mut Pass) {
    let failed = |s: &Subject| is_new(s) && s.report.error.is_some() && s.report.status.is_none();
    let failed: Vec<&mut Subject> = pass.subjects.iter_mut().filter(|subject| failed(subject)).collect();
    let names: Vec<&str> = failed.iter().map(|subject| subject.name()).collect();
    for error in locked.remove(&names).into_iter().filter_map(Result::err) {
        log::warn!("an entry of the store could not be taken back: {error}");
    }
    for subject in failed {
        subject.report.stored = None;
    }
}

/// Removes the files of the last boot of what does not run: at boot of all instances, otherwise of those
/// that were never registered, which nobody has started since. A dry run only names them. `looked` is when
/// it was asked what runs.
pub fn clear(session: &Session, pass: &mut Pass, looked: SystemTime) {
    let mut instances: Vec<Vec<String>> = vec![Vec::new(); pass.disk.templates.len()];
    for (subject, case) in pass.subjects.iter().zip(&pass.cases) {
        let Some(instance) = &case.on_disk else { continue };
        if (pass.how.at_boot || is_new(subject)) && subject.fine() && !runs(case) {
            instances[instance.place].push(instance.name.clone());
        }
    }
    let (caller, remove) = (session.env.caller(), !pass.dry_run);
    let mut problems = Vec::new();
    for ((template, _), instances) in pass.disk.templates.iter().zip(instances) {
        let done = templates::stale(template, instances, looked, remove, caller, deadline(session));
        let Stale { files, problems: told } =
            done.unwrap_or_else(|error| Stale { files: vec![], problems: vec![error] });
        pass.disk.stale.extend(files);
        problems.extend(told.into_iter().map(|error| (template.name.clone(), error)));
    }
    pass.disk.problems.extend(problems);
}
