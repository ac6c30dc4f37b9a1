//! `reconcile`: makes the manager match the store of whoever runs it. What is to be done for each service is
//! decided by `crate::reconcile`; this is the pass over all of them, while nobody else changes the store.

mod act;
mod found;
mod report;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, SystemTime},
};

pub use act::registration;
use anysvc_backend_api::{
    Boot, Capability, Deadline, Difference, Error, ErrorKind, Registration, Result, Status,
};
use found::OnDisk;

use super::{
    boots::{self, Start},
    refusals, replacing,
    start::working_deadline,
    subject::{self, Subject},
};
use crate::{
    cli, environment,
    output::Output,
    reconcile::{self, Action, Boots, How, LOG_FILE, LOG_LIMIT, Verdict},
    session::{Opened, Session},
    store::{Desired, Entry, Header, Locked, Problem},
};

/// What is known of all services, and what is to become of them.
struct Pass {
    /// Those of the backend that serves here.
    subjects: Vec<Subject>,
    /// For each, how it was found and what is done.
    cases: Vec<Case>,
    /// Those of other backends and scopes.
    others: Vec<Header>,
    /// Those that were for an earlier boot alone: forgotten, or to be.
    past: Vec<String>,
    /// What could not be read in the store.
    problems: Vec<Problem>,
    /// What is on disk.
    disk: OnDisk,
    how: How,
    dry_run: bool,
}

/// One service on its way.
struct Case {
    /// What is wanted of it.
    wanted: Desired,
    /// As it was found; nothing where the manager did not have it.
    prior: Option<Status>,
    verdict: Verdict,
    /// The instance that it is, if that is on disk.
    on_disk: Option<found::Instance>,
}

impl Case {
    /// Nothing is known but what is wanted.
    fn wanting(wanted: Desired) -> Case {
        let verdict = Verdict { action: Action::Leave, why: None };
        Case { wanted, prior: None, verdict, on_disk: None }
    }

    /// Whether it is made anew.
    fn is_made(&self) -> bool {
        matches!(self.verdict.action, Action::Register | Action::Replace)
    }
}

impl Pass {
    /// The names of those that are fine and of such a kind.
    fn names(&self, is_such: impl Fn(&Case) -> bool) -> HashSet<String> {
        let pairs = self.subjects.iter().zip(&self.cases);
        pairs
            .filter(|(subject, case)| subject.fine() && is_such(case))
            .map(|(subject, _)| subject.name().to_owned())
            .collect()
    }
}

/// Runs the command.
pub fn run(session: &Session, what: &cli::Reconcile, out: &mut Output) -> Result<u8> {
    if what.dry_run {
        session.look_only();
    }
    let store = session.store()?;
    if store.is_empty()? && OnDisk::look(session, store).is_empty() {
        return Ok(report::nothing(session, what.dry_run, out));
    }
    let backend = session.selected()?;
    // A dry run takes no lock: it would have to make the file for it.
    let locked =
        if what.dry_run { None } else { Some(store.lock(session.working_deadline(Duration::ZERO))?) };
    let start = start_of(session, &backend)?;
    // The worst that comes of none is that a service is started once more.
    let boots = boots::read(store).unwrap_or_else(|error| {
        session.warn(error.message);
        Boots::default()
    });
    let at_boot = match &start {
        Start::Known(identity) => boots.is_new(&backend.id, backend.scope, identity, &environment::boot()),
        Start::Ahead(_) => true,
        Start::Unknown => false,
    };
    let how = How { at_boot, force: what.force, by_boot: false };
    // Not before the store is ours: an instance may have been removed and unregistered until then.
    let mut pass = look(session, how, what.dry_run, OnDisk::look(session, store))?;
    found::add(&mut pass, store, &backend);
    let deadline = working_deadline(session, &pass.subjects);
    let looked = SystemTime::now();
    judge(session, &mut pass, deadline);
    found::clear(session, &mut pass, looked);
    if let Some(locked) = &locked {
        found::forget(session, locked, &pass.past);
        found::store(locked, &mut pass);
        let offline = matches!(start, Start::Ahead(_));
        act::carry_out(session, locked, &mut pass, offline, deadline);
        found::take_back(locked, &mut pass);
        let noted = boots::note(locked, boots, &backend, &start);
        let done: Vec<String> = pass.names(|case| case.verdict.action != Action::Leave).into_iter().collect();
        let ended = replacing::end(locked, &done);
        for error in [noted, ended, log(locked, &pass)].into_iter().filter_map(Result::err) {
            session.warn(error.message);
        }
    }
    Ok(report::report(session, &pass, out))
}

/// Which start of its manager this is. One that does not answer may be still to come, where its backend
/// can make things ready for that.
fn start_of(session: &Session, backend: &Opened) -> Result<Start> {
    match backend.remote.probe(session.working_deadline(Duration::ZERO)) {
        Ok(probe) => {
            probe.warnings.into_iter().for_each(|warning| session.warn(warning));
            Ok(probe.boot.into())
        }
        Err(error)
            if error.kind == ErrorKind::ManagerUnavailable
                && backend.description()?.has(Capability::Offline) =>
        {
            // Who names the backend, as what starts a container does, knows.
            if session.requested().is_none() {
                session.warn(format!("services are made ready for a manager that does not run yet: {error}"));
            }
            Ok(Start::Ahead(environment::boot()))
        }
        Err(error) => Err(error),
    }
}

/// Reads the store: what is the business of this pass, and what is not.
fn look(session: &Session, how: How, dry_run: bool, disk: OnDisk) -> Result<Pass> {
    let (entries, past, problems) = session.store()?.entries()?;
    let selected = session.selected_id()?;
    let here = |entry: &Entry| entry.header.backend == selected && entry.header.scope == session.scope;
    let (mine, others): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(here);
    let wanted = |entry: &Entry| reconcile::wanted(entry.header.desired, entry.header.boot, how);
    Ok(Pass {
        cases: mine.iter().map(|entry| Case::wanting(wanted(entry))).collect(),
        subjects: mine.into_iter().map(|entry| Subject::with_spec(session, entry)).collect(),
        others: others.into_iter().map(|entry| entry.header).collect(),
        past,
        problems,
        disk,
        how,
        dry_run,
    })
}

/// Asks the manager about all of them, and decides.
fn judge(session: &Session, pass: &mut Pass, deadline: Deadline) {
    let status =
        |backend: &Opened, asked: &[&Subject]| backend.remote.status(subject::targets(asked), deadline);
    subject::each(
        &mut pass.subjects,
        |_| true,
        status,
        |subject, answer| match answer {
            Ok(status) => subject.report.status = Some(status),
            Err(error) if error.kind == ErrorKind::NotRegistered => {}
            Err(error) => subject.fail(error),
        },
    );
    let mut differences = compare(session, pass, deadline);
    let unfinished = session.store().and_then(replacing::unfinished).unwrap_or_default();
    for (subject, case) in pass.subjects.iter_mut().zip(&mut pass.cases) {
        case.prior.clone_from(&subject.report.status);
        if !subject.fine() {
            continue;
        }
        let boot = subject.spec.as_ref().map_or(Boot::Restore, |spec| spec.service.boot());
        found::heed_application(case, boot, pass.how);
        let differs = differences.remove(subject.name()).unwrap_or_default();
        // Whose replacement was cut short was not changed by hand.
        let force = pass.how.force || unfinished.contains(subject.name());
        let desired = subject.report.desired().filter(|_| pass.how.at_boot && boot != Boot::Restore);
        let by_boot = desired.is_some_and(|desired| desired != case.wanted);
        let how = How { at_boot: pass.how.at_boot, force, by_boot };
        case.verdict = reconcile::decide(case.wanted, case.prior.as_ref(), &differs, how);
        if case.verdict.action == Action::Foreign {
            subject.fail(Error::not_ours(&subject.report.name));
        }
        found::renew(subject, case, &differs);
    }
    // What is to be made may have become impossible since: its user is gone, say.
    let making = pass.names(|case| case.is_made());
    refusals::refuse_those(session, &mut pass.subjects, |s| making.contains(s.name()), deadline);
}

/// In what those that are there differ from their specs. What a backend can't say is no difference.
fn compare(session: &Session, pass: &mut Pass, deadline: Deadline) -> HashMap<String, Difference> {
    let mut differences = HashMap::new();
    let Ok(store) = session.store() else { return differences };
    let call = |backend: &Opened, asked: &[&Subject]| {
        let wanted = |subject: &&Subject| {
            let start = subject.report.desired() == Some(Desired::Up);
            Some(Registration { start, ..registration(store, subject)? })
        };
        backend.remote.compare(asked.iter().filter_map(wanted).collect(), deadline)
    };
    let is_there = |subject: &Subject| subject.report.status.as_ref().is_some_and(|status| status.ours);
    subject::each(&mut pass.subjects, is_there, call, |subject, answer| match answer {
        Ok(difference) if difference.parts.is_empty() => {}
        Ok(difference) => drop(differences.insert(subject.report.name.clone(), difference)),
        Err(error) => log::debug!("`{}` can't be compared: {error}", subject.report.name),
    });
    differences
}

/// Keeps what was done.
fn log(store: &Locked<'_>, pass: &Pass) -> Result<()> {
    let lines = report::log(pass, SystemTime::now());
    if lines.is_empty() { Ok(()) } else { store.append(LOG_FILE, &lines, LOG_LIMIT) }
}
