//! `register`: parsed and checked, stored, and only then created by the manager. What fails on the way is
//! taken back, so that the store and the manager agree.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Registration, Rest, Result, State};

use super::{
    boots, existing, log_folder, plan, refusals, replacing, required,
    settle::Settling,
    sources::{self, Described, Wanted},
    start,
    subject::{self, Subject},
    template::Kept,
};
use crate::{
    cli::Register,
    output::Output,
    session::{Opened, Session},
    spec::Origin,
    store::{Desired, Entry, Locked},
};

/// The word for one whose spec is another now.
const UPDATED: &str = "updated";

/// A service on its way into store and manager.
struct Newcomer {
    /// What was in the store before.
    before: Option<Entry>,
    /// What is to be there.
    entry: Entry,
    /// Whether it is to run.
    start: bool,
    /// Nothing is to be done: it exists, and that is fine.
    kept: bool,
    /// A word for what is done.
    word: &'static str,
}

/// Runs the command.
pub fn run(session: &Session, what: Register, out: &mut Output) -> Result<u8> {
    let Register { source, down, replace, if_absent, adopt, settle } = what;
    let how = How { down, replace, if_absent, adopt };
    let Described { templates, services } = sources::describe(session, source)?;
    let kept = Kept::keep(session, templates, replace, if_absent)?;
    let registered =
        if services.is_empty() { Vec::new() } else { carry_out(session, services, how, settle)? };
    let (subjects, words): (Vec<Subject>, Vec<&'static str>) = registered.into_iter().unzip();
    if out.json() {
        out.document(kept.add_to(subject::document(session, &subjects)));
    }
    let code = kept.tell(out);
    let word = |subject: &Subject| {
        let at = subjects.iter().position(|other| std::ptr::eq(other, subject));
        at.map_or("", |at| words[at])
    };
    let services = subject::tell(&subjects, out, |s| start::sentence(word(s), &s.report));
    Ok(if code == 0 { services } else { code })
}

/// Registers services, and starts what is to run. For each what became of it, and a word for that.
///
/// # Errors
/// When the store or the backend can't be reached at all.
pub fn carry_out(
    session: &Session,
    services: Vec<Wanted>,
    how: How,
    settle: Option<Duration>,
) -> Result<Vec<(Subject, &'static str)>> {
    let mut subjects = introduce(session, services)?;
    let deadline = start::working_deadline(session, &subjects);
    refusals::refuse(session, &mut subjects, deadline);
    let settling = Settling::new(session, settle);
    plan::refuse_cycles(session, &mut subjects);
    if !how.down {
        let kept = existing::look(&mut subjects, how, session, deadline);
        required::start(session, &mut subjects, &kept, &settling)?;
    }
    let mut done: Vec<&'static str> = vec![""; subjects.len()];
    let mut started = HashSet::new();
    for batch in plan::starting(&mut subjects) {
        if !how.down {
            required::bring_up(session, &mut subjects, &batch, how, &started, &settling)?;
        }
        let held_up: HashMap<usize, Error> =
            if how.down { HashMap::new() } else { plan::held_up(&subjects).into_iter().collect() };
        let outcomes = register_batch(session, &mut subjects, &batch, &held_up, how, deadline)?;
        let mut new = HashSet::new();
        for (&at, (word, runs)) in batch.iter().zip(outcomes) {
            done[at] = word;
            if runs {
                new.insert(subjects[at].name().to_owned());
            }
        }
        settling.see_to(&mut subjects, |subject| new.contains(subject.name()));
        started.extend(new);
        // What it requires failed: it is registered all the same, and wanted up.
        for (at, error) in held_up.into_iter().filter(|(at, _)| batch.contains(at)) {
            subjects[at].note(error);
        }
    }
    subject::refresh(&mut subjects, session.working_deadline(Duration::ZERO));
    Ok(subjects.into_iter().zip(done).collect())
}

/// How existing services are treated.
#[derive(Clone, Copy, Default)]
pub struct How {
    /// Nothing is started.
    pub down: bool,
    /// One of ours is updated.
    pub replace: bool,
    /// One of ours is left as it is.
    pub if_absent: bool,
    /// One that we did not make is taken over.
    pub adopt: bool,
}

/// Finds out who is to have each service: the backend that has it already, or the one that serves here,
/// whose manager is asked once.
fn introduce(session: &Session, services: Vec<Wanted>) -> Result<Vec<Subject>> {
    let store = session.store()?;
    let mut serving: Option<Rc<Opened>> = None;
    let mut subjects = Vec::with_capacity(services.len());
    for Wanted { spec, origin } in services {
        let name = &spec.service.name;
        let (header, unreadable) = match store.header(name) {
            Ok(header) => (header, None),
            Err(error) => (None, Some(error)),
        };
        let mut subject = match header {
            Some(header) => Subject::stored(session, header),
            None => {
                let backend = match &serving {
                    Some(backend) => Rc::clone(backend),
                    None => Rc::clone(serving.insert(answering(session)?)),
                };
                Subject::unstored(name, backend)
            }
        };
        if let Some(error) = unreadable {
            subject.fail(error);
        }
        (subject.spec, subject.origin) = (Some(Box::new(spec)), origin);
        subjects.push(subject);
    }
    Ok(subjects)
}

/// The backend that serves here. What its manager warns of is told.
fn answering(session: &Session) -> Result<Rc<Opened>> {
    let (backend, probe) = session.answering()?;
    probe.warnings.into_iter().for_each(|warning| session.warn(warning));
    Ok(backend)
}

/// Stores and creates one batch, while nobody else changes the store. For each: a word for what was done,
/// and whether it was started.
fn register_batch(
    session: &Session,
    subjects: &mut [Subject],
    batch: &[usize],
    held_up: &HashMap<usize, Error>,
    how: How,
    deadline: Deadline,
) -> Result<Vec<(&'static str, bool)>> {
    if !batch.iter().any(|&at| subjects[at].fine()) {
        return Ok(vec![("", false); batch.len()]);
    }
    let store = session.store()?.lock(deadline)?;
    let backends = batch.iter().filter_map(|&at| subjects[at].backend.as_ref());
    if let Some(backend) = backends.into_iter().next() {
        boots::note_first(&store, backend, deadline);
    }
    let mut newcomers: Vec<Option<Newcomer>> = Vec::with_capacity(batch.len());
    for &at in batch {
        let subject = &mut subjects[at];
        newcomers.push(match subject.fine() {
            true => judge(&store, subject, how, held_up.get(&at), deadline),
            false => None,
        });
    }
    let names = |is_such: fn(&Newcomer) -> bool| -> Vec<String> {
        let such = newcomers.iter().flatten().filter(|newcomer| is_such(newcomer));
        such.map(|newcomer| newcomer.entry.header.name.clone()).collect()
    };
    let (updated, all) = (names(|newcomer| newcomer.word == UPDATED), names(|newcomer| !newcomer.kept));
    replacing::begin(&store, &updated)?;
    write(&store, subjects, batch, &mut newcomers);
    prepare_logs(&store, subjects, batch, &newcomers, session.env.caller().is_root());
    create(&store, subjects, batch, &newcomers, how, deadline);
    take_back(&store, subjects, batch, &newcomers);
    // All is done: what the note says too much costs a reconcile no more than a look.
    if let Err(error) = replacing::end(&store, &all) {
        session.warn(error.message);
    }
    let outcome = |n: &Option<Newcomer>| n.as_ref().map_or(("", false), |n| (n.word, n.start));
    Ok(newcomers.iter().map(outcome).collect())
}

/// What is to become of a service, seeing what is there, and whether something it requires failed.
fn judge(
    store: &Locked<'_>,
    subject: &mut Subject,
    how: How,
    held_up: Option<&Error>,
    deadline: Deadline,
) -> Option<Newcomer> {
    let (spec, backend) = (subject.spec.clone()?, subject.backend.clone()?);
    let before = match store.entry(subject.name()) {
        Ok(before) => before,
        Err(error) => {
            subject.fail(error);
            return None;
        }
    };
    let fresh = if how.down { Desired::Down } else { Desired::Up };
    let mut entry = Entry::new(*spec, fresh, &backend.id, backend.scope);
    if let Some(Origin { template, instance }) = subject.origin.clone() {
        (entry.header.template, entry.header.instance) = (Some(template), Some(instance));
    }
    let starts = !how.down && held_up.is_none();
    let Some(known) = &before else {
        return Some(Newcomer { before, entry, start: starts, kept: false, word: "registered" });
    };
    // Somebody may have registered it since it was looked for.
    if !subject.stays_with(&known.header) {
        return None;
    }
    entry.header.desired = known.header.desired;
    if subject.origin.is_none() {
        entry.header.template = known.header.template.clone();
        entry.header.instance = known.header.instance.clone();
    }
    let up = known.header.desired == Desired::Up;
    let target = vec![anysvc_backend_api::Target::new(subject.name())];
    let status = match backend.remote.status(target, deadline).into_iter().next() {
        Some(Ok(status)) => status,
        // An earlier register was cut short, or the manager has forgotten it: this one completes it.
        Some(Err(error)) if error.kind == ErrorKind::NotRegistered => {
            if how.down {
                entry.header.desired = Desired::Down;
            }
            return Some(put_back(subject, entry, known, how, starts));
        }
        Some(Err(error)) => {
            subject.fail(error);
            return None;
        }
        None => return None,
    };
    if !status.ours {
        // An adoption was cut short, or ours was removed behind our back.
        if !how.adopt {
            subject.fail(existing::foreign(subject.name()));
            return None;
        }
        return Some(Newcomer { before, entry, start: up && starts, kept: false, word: "registered" });
    }
    // Nobody keeps it up, as where a register was killed before its manager was told: who asks for the
    // same completes that.
    let same = known.spec == entry.spec && known.header.desired == fresh;
    if status.rest == Some(Rest::Unattended) && (how.if_absent || (same && !how.replace)) {
        return Some(put_back(subject, entry, known, how, starts));
    }
    if how.if_absent {
        entry = known.clone();
        return Some(Newcomer { before, entry, start: false, kept: true, word: "kept" });
    }
    if !how.replace {
        subject.fail(Error::already_registered(&subject.report.name));
        return None;
    }
    let changed = known.spec != entry.spec;
    if let Some(error) = held_up {
        let mut error = error.clone();
        if changed {
            error.message = error.message.replacen("was not started", "was not updated", 1);
        }
        subject.note(error);
        return None;
    }
    let runs = !matches!(status.state, State::Stopped | State::Failed);
    let start = runs || (changed && up && starts);
    let word = match changed {
        true => UPDATED,
        false if existing::is_as_made(store, subject, up, deadline) => "unchanged",
        false => "replaced",
    };
    Some(Newcomer { before, entry, start, kept: false, word })
}

/// What is stored and is not there, or is there and nobody keeps it up. Where it was to be made only if it
/// was absent, it is put back as it was.
fn put_back(subject: &mut Subject, entry: Entry, known: &Entry, how: How, starts: bool) -> Newcomer {
    let entry = if how.if_absent { known.clone() } else { entry };
    subject.spec = Some(Box::new(entry.spec.clone()));
    let start = known.header.desired == Desired::Up && starts;
    Newcomer { before: Some(known.clone()), entry, start, kept: false, word: "put back" }
}

/// Writes the store, before any manager is asked.
fn write(store: &Locked<'_>, subjects: &mut [Subject], batch: &[usize], newcomers: &mut [Option<Newcomer>]) {
    let changing = |n: &Option<Newcomer>| n.as_ref().is_some_and(|n| !n.kept);
    let entries: Vec<Entry> =
        newcomers.iter().filter(|n| changing(n)).flatten().map(|n| n.entry.clone()).collect();
    let mut answers = store.put(&entries).into_iter();
    for (at, newcomer) in batch.iter().zip(newcomers) {
        let Some(entry) = newcomer.as_ref().map(|n| n.entry.clone()) else { continue };
        if changing(newcomer)
            && let Some(Err(error)) = answers.next()
        {
            subjects[*at].fail(error);
            *newcomer = None;
        } else {
            subjects[*at].report.stored = Some(entry.header);
        }
    }
}

/// Makes the log folders that only the host can make.
fn prepare_logs(
    store: &Locked<'_>,
    subjects: &mut [Subject],
    batch: &[usize],
    newcomers: &[Option<Newcomer>],
    root: bool,
) {
    for (&at, newcomer) in batch.iter().zip(newcomers) {
        let Some(newcomer) = newcomer.as_ref().filter(|newcomer| !newcomer.kept) else { continue };
        let service = &newcomer.entry.spec.service;
        if let Err(error) = log_folder::prepare(&store.log_directory(&service.name), service, root) {
            subjects[at].fail(error);
        }
    }
}

/// Has the managers create them.
fn create(
    store: &Locked<'_>,
    subjects: &mut [Subject],
    batch: &[usize],
    newcomers: &[Option<Newcomer>],
    how: How,
    deadline: Deadline,
) {
    let of: HashMap<String, &Newcomer> = batch
        .iter()
        .zip(newcomers)
        .filter_map(|(&at, newcomer)| Some((subjects[at].name().to_owned(), newcomer.as_ref()?)))
        .filter(|(_, newcomer)| !newcomer.kept)
        .collect();
    let registration = |subject: &&Subject| -> Option<Registration> {
        let newcomer = of.get(subject.name())?;
        Some(Registration {
            spec: refusals::for_backend(subject)?,
            start: newcomer.start,
            replace: how.replace || newcomer.before.is_some(),
            adopt: how.adopt,
            log_directory: store.log_directory(subject.name()),
            offline: false,
        })
    };
    subject::each(
        subjects,
        |subject| of.contains_key(subject.name()),
        |backend: &Opened, asked: &[&Subject]| {
            backend.remote.register(asked.iter().filter_map(registration).collect(), deadline)
        },
        Subject::keep_done,
    );
}

/// Puts the store back to what it was for those that the manager did not take.
fn take_back(store: &Locked<'_>, subjects: &mut [Subject], batch: &[usize], newcomers: &[Option<Newcomer>]) {
    let (mut remove, mut restore) = (Vec::new(), Vec::new());
    for (&at, newcomer) in batch.iter().zip(newcomers) {
        let failed = subjects[at].report.error.is_some();
        match newcomer {
            Some(Newcomer { before: Some(before), .. }) if failed => restore.push(before.clone()),
            Some(Newcomer { before: None, .. }) if failed => remove.push(at),
            _ => {}
        }
    }
    let names: Vec<&str> = remove.iter().map(|&at| subjects[at].name()).collect();
    let removed = store.remove(&names).into_iter().map(|answer| answer.map(|_| ()));
    for error in removed.chain(store.put(&restore)).filter_map(Result::err) {
        log::warn!("an entry of the store could not be taken back: {error}");
    }
    for at in remove {
        subjects[at].report.stored = None;
    }
}
