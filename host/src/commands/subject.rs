//! The services that a command is about: what the store says of each, which backend answers for it, and
//! what came of it so far. What failed for one is kept with it; the others go on.

use std::rc::Rc;

use anysvc_backend_api::{Deadline, Done, Error, ErrorKind, Result, Status, Target};

use crate::{
    output::{Output, Service, exit_code, service},
    session::{Opened, Session},
    spec::{Origin, Spec},
    store::{Entry, Header, Problem, ProblemKind},
};

/// A service that a command is about.
pub struct Subject {
    /// What is reported of it.
    pub report: Service,
    /// Who answers for it.
    pub backend: Option<Rc<Opened>>,
    /// How it is to run, where the command had to know that.
    pub spec: Option<Box<Spec>>,
    /// It was not asked for: something that was requires it.
    pub implied: bool,
    /// What it is made from, or would be.
    pub origin: Option<Origin>,
}

impl Subject {
    /// One of that name, or why it can't be spoken to.
    pub fn new(name: &str, backend: Result<Rc<Opened>>) -> Subject {
        let mut report = Service::named(name);
        if let Ok(backend) = &backend {
            report.backend = Some(backend.id.clone());
            report.scope = Some(backend.scope);
        }
        Subject::of(report, backend)
    }

    fn of(report: Service, backend: Result<Rc<Opened>>) -> Subject {
        let mut subject = Subject { report, backend: None, spec: None, implied: false, origin: None };
        match backend {
            Ok(backend) => subject.backend = Some(backend),
            Err(error) => subject.fail(error),
        }
        subject
    }

    /// A service of the store.
    pub fn stored(session: &Session, header: Header) -> Subject {
        let backend = session.backend_of(&header);
        let mut report = Service::named(&header.name);
        report.backend = Some(header.backend.clone());
        report.scope = Some(header.scope);
        report.stored = Some(header);
        Subject::of(report, backend)
    }

    /// A service that is about to be, or that we did not make.
    pub fn unstored(name: &str, backend: Rc<Opened>) -> Subject {
        Subject::new(name, Ok(backend))
    }

    /// A service of the store, with its spec.
    pub fn with_spec(session: &Session, entry: Entry) -> Subject {
        let mut subject = Subject::stored(session, entry.header);
        subject.spec = Some(Box::new(entry.spec));
        subject
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.report.name
    }

    /// Whether nothing went wrong with it so far.
    pub fn fine(&self) -> bool {
        self.report.error.is_none() && self.backend.is_some()
    }

    /// Keeps what came of registering it.
    pub fn keep_done(&mut self, answer: Result<Done>) {
        match answer {
            Ok(done) => self.report.warnings.extend(done.warnings),
            Err(error) => self.fail(error),
        }
    }

    /// Whether its backend is still the one that the store names, which is read again once nobody else
    /// changes it: who was quicker may have given the name to another. Then it fails.
    pub fn stays_with(&mut self, header: &Header) -> bool {
        let stays = self.backend.as_ref().is_none_or(|b| (&b.id, b.scope) == (&header.backend, header.scope));
        if !stays {
            let (name, other, scope) = (self.name().escape_debug(), &header.backend, header.scope);
            let message = format!("`{name}` belongs to the backend `{other}`, {scope} scope");
            self.fail(Error::new(ErrorKind::NotOurs, message).with_hint("try again"));
        }
        stays
    }

    /// Notes what went wrong. The first failure is the one that is told.
    pub fn fail(&mut self, error: Error) {
        let mut error = error.with_service(&self.report.name);
        if let (ErrorKind::NotRegistered, Some(header)) = (error.kind, &self.report.stored) {
            let (name, backend) = (&header.name, &header.backend);
            error.message = format!("`{name}` is stored, but {backend} has no service of that name");
            error.hint =
                Some(format!("registering it again completes it, `anysvc unregister {name}` forgets it"));
        } else if let (ErrorKind::NotRegistered, Some(Origin { template, instance })) =
            (error.kind, &self.origin)
        {
            let way = format!("`anysvc register --template {template} --instance {instance}`");
            error.hint = Some(format!("create it with {way}"));
        }
        self.note(error);
    }

    /// The same for what is not about the service itself: that another one is absent, say.
    pub fn note(&mut self, error: Error) {
        let error = error.with_service(&self.report.name);
        self.report.error.get_or_insert(error);
    }
}

/// The services of these names. Those in the store belong to the backend that it says, all others to the
/// one that serves here.
///
/// # Errors
/// When the store can't be read, or there is no backend for any of them.
pub fn named(session: &Session, names: &[String]) -> Result<Vec<Subject>> {
    let store = session.store()?;
    let mut subjects = Vec::with_capacity(names.len());
    for name in names {
        let subject = match store.header(name) {
            Ok(Some(header)) => Subject::stored(session, header),
            Ok(None) => Subject::new(name, session.selected()),
            Err(error) => Subject::new(name, Err(error)),
        };
        subjects.push(subject);
    }
    all_or_none(subjects)
}

/// Where no service could even be asked about, for one and the same reason, the command has failed and
/// not the services.
fn all_or_none(mut subjects: Vec<Subject>) -> Result<Vec<Subject>> {
    let whole = |s: &Subject| {
        s.report.stored.is_none()
            && s.report.error.as_ref().is_some_and(|e| {
                matches!(e.kind, ErrorKind::NoBackend | ErrorKind::Plugin | ErrorKind::ManagerUnavailable)
            })
    };
    match subjects.iter().all(whole).then(|| subjects.drain(..).next()).flatten() {
        Some(Subject { report: Service { error: Some(mut error), .. }, .. }) => {
            error.service = None;
            Err(error)
        }
        _ => Ok(subjects),
    }
}

/// Every stored service of the backend that serves here. What else is in the store is said.
///
/// # Errors
/// When the store can't be read; when there are services and no backend.
pub fn all(session: &Session) -> Result<Vec<Subject>> {
    all_that(session, |_| true)
}

/// Those of them that are wanted.
///
/// # Errors
/// As [`all`].
pub fn all_that(session: &Session, wanted: impl Fn(&Header) -> bool) -> Result<Vec<Subject>> {
    let (mine, problems) = headers(session, wanted)?;
    for problem in &problems {
        session.warn(format!("set aside: {}", problem.error.message));
    }
    of_headers(session, mine)
}

/// The services of these headers.
///
/// # Errors
/// When there are some and no backend.
pub fn of_headers(session: &Session, mine: Vec<Header>) -> Result<Vec<Subject>> {
    if !mine.is_empty() {
        session.selected()?;
    }
    Ok(mine.into_iter().map(|header| Subject::stored(session, header)).collect())
}

/// What the store says of those services, and what of it can't be read. No backend is opened for it. What
/// is nothing of ours is said.
///
/// # Errors
/// When the store can't be read; when there are services and no backend.
pub fn headers(session: &Session, wanted: impl Fn(&Header) -> bool) -> Result<(Vec<Header>, Vec<Problem>)> {
    let mut listing = session.store()?.headers()?;
    for stray in listing.problems.extract_if(.., |problem| problem.kind == ProblemKind::Unknown) {
        session.warn(format!("set aside: {}", stray.error.message));
    }
    if listing.headers.is_empty() {
        // Whether this caller may ask about that scope at all, only the backend knows.
        if session.scope != session.env.default_scope() {
            session.selected()?;
        }
        return Ok((Vec::new(), listing.problems));
    }
    let selected = session.selected_id()?;
    let here = |header: &Header| header.backend == selected && header.scope == session.scope;
    let mut mine = listing.headers;
    mine.retain(wanted);
    let others: Vec<Header> = mine.extract_if(.., |header| !here(header)).collect();
    if !others.is_empty() {
        let names: Vec<String> = others
            .iter()
            .map(|header| format!("{} ({}, {})", header.name, header.backend, header.scope))
            .collect();
        session.warn(format!(
            "not looked at, because they are under another backend or scope: {}",
            names.join(", ")
        ));
    }
    Ok((mine, listing.problems))
}

/// Puts them into the order of these names; others come first, as they are.
pub fn sort(subjects: &mut [Subject], names: &[String]) {
    subjects.sort_by_key(|subject| names.iter().position(|name| name == subject.name()));
}

/// Does something for every subject that is fine and wanted, one call a backend, and hands on each answer.
pub fn each<R>(
    subjects: &mut [Subject],
    wanted: impl Fn(&Subject) -> bool,
    mut call: impl FnMut(&Opened, &[&Subject]) -> Vec<Result<R>>,
    mut then: impl FnMut(&mut Subject, Result<R>),
) {
    let mut open: Vec<usize> =
        (0..subjects.len()).filter(|&at| subjects[at].fine() && wanted(&subjects[at])).collect();
    while let Some(backend) = open.first().and_then(|&at| subjects[at].backend.clone()) {
        let of_it = |at: &usize| subjects[*at].backend.as_ref().is_some_and(|b| Rc::ptr_eq(b, &backend));
        let (group, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|at| of_it(at));
        let asked: Vec<&Subject> = group.iter().map(|&at| &subjects[at]).collect();
        let answers = call(&backend, &asked);
        for (at, answer) in group.into_iter().zip(answers) {
            then(&mut subjects[at], answer);
        }
        open = rest;
    }
}

/// Their names, as backends are asked.
pub fn targets(subjects: &[&Subject]) -> Vec<Target> {
    subjects.iter().map(|subject| Target::new(subject.name())).collect()
}

/// Asks for the status of those that are fine.
pub fn read_status(subjects: &mut [Subject], deadline: Deadline) {
    let status = |backend: &Opened, asked: &[&Subject]| backend.remote.status(targets(asked), deadline);
    each(subjects, |_| true, status, keep_status);
}

/// The same, where no more is told of them than a table of many shows.
pub fn glance(subjects: &mut [Subject], deadline: Deadline) {
    let status = |backend: &Opened, asked: &[&Subject]| backend.remote.glance(targets(asked), deadline);
    each(subjects, |_| true, status, keep_status);
}

/// Asks once more after something was done. Also for what failed: its state is news then. What can't be
/// read is not known.
pub fn refresh(subjects: &mut [Subject], deadline: Deadline) {
    let errors: Vec<Option<Error>> = subjects.iter_mut().map(|s| s.report.error.take()).collect();
    let status = |backend: &Opened, asked: &[&Subject]| backend.remote.status(targets(asked), deadline);
    each(subjects, |_| true, status, |subject, answer| subject.report.status = answer.ok());
    for (subject, error) in subjects.iter_mut().zip(errors) {
        subject.report.error = error;
    }
}

/// Keeps a status, or why there is none.
pub fn keep_status(subject: &mut Subject, answer: Result<Status>) {
    match answer {
        Ok(status) => subject.report.status = Some(status),
        Err(error) => subject.fail(error),
    }
}

/// Why a service is in its state, in brackets, unless that goes without saying.
pub fn because(status: &Status) -> String {
    let reason = status.reason.as_deref().filter(|reason| *reason != status.state.as_str());
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// The code of the first that failed.
pub fn code(subjects: &[Subject]) -> u8 {
    subjects.iter().find_map(|subject| subject.report.error.as_ref().map(exit_code::of)).unwrap_or(0)
}

/// Reports what became of each: as a document, or as lines and errors.
pub fn report(
    session: &Session,
    subjects: &[Subject],
    out: &mut Output,
    done: impl Fn(&Subject) -> String,
) -> u8 {
    if out.json() {
        out.document(document(session, subjects));
    }
    tell(subjects, out, done)
}

/// Says what became of each, in lines and errors; the code of the first that failed.
pub fn tell(subjects: &[Subject], out: &mut Output, done: impl Fn(&Subject) -> String) -> u8 {
    for subject in subjects {
        match &subject.report.error {
            Some(error) => out.error(error),
            None if subject.implied => {}
            None => out.say(&done(subject)),
        }
    }
    warn(subjects, out);
    code(subjects)
}

/// Says what operators ought to know of each.
pub fn warn(subjects: &[Subject], out: &mut Output) {
    for report in subjects.iter().map(|subject| &subject.report) {
        report.warnings().for_each(|warning| out.warn(&format!("`{}`: {warning}", report.name)));
    }
}

/// The document of a command about services. Without a backend that serves here its key is `null`.
pub fn document(session: &Session, subjects: &[Subject]) -> crate::output::json::Object {
    let reports: Vec<Service> =
        subjects.iter().filter(|s| !s.implied || !s.fine()).map(|s| s.report.clone()).collect();
    service::document(session.selected_id().ok(), Some(session.scope), &reports)
}
