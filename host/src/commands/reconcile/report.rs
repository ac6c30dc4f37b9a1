//! What a pass found and did, for people, for programs, and for the boot log.

use std::time::SystemTime;

use anysvc_backend_api::{Error, Status, Value};

use super::{Action, Case, Pass};
use crate::{
    commands::subject::{self, Subject},
    output::{
        Output, Service, Table, error, escape, exit_code,
        json::{self, Object},
        service,
    },
    reconcile::{self, Line},
    session::Session,
};

/// The word for a file of the store that is set aside.
const SET_ASIDE: &str = "set-aside";
/// The word for what belongs to another backend or scope.
const OTHER: &str = "other";

/// The word for what can't be looked at on disk.
const PASSED_OVER: &str = "passed-over";

/// Says that nothing is registered.
pub fn nothing(session: &Session, dry_run: bool, out: &mut Output) -> u8 {
    if out.json() {
        let empty: [Object; 0] = [];
        let document = Object::new()
            .maybe("backend", session.selected_id().ok())
            .with("scope", session.scope.as_str())
            .with("boot", false)
            .with("dry_run", dry_run)
            .with("stale", json::list(empty.clone()))
            .with("problems", json::list(empty.clone()))
            .with("past", json::list(empty.clone()))
            .with("services", json::list(empty));
        out.document(document);
    }
    out.say("nothing is registered here");
    0
}

/// Tells all of it; the answer is the exit code.
pub fn report(session: &Session, pass: &Pass, out: &mut Output) -> u8 {
    if out.json() {
        out.document(document(session, pass));
    } else {
        show(pass, out);
    }
    for subject in &pass.subjects {
        if let Some(error) = &subject.report.error {
            out.error(error);
        }
    }
    subject::warn(&pass.subjects, out);
    set_aside(pass).for_each(|(_, error)| out.error(error));
    for (_, error) in &pass.disk.problems {
        out.warn(&error.message);
        error.hint.iter().for_each(|hint| out.hint(hint));
    }
    let errors = pass.subjects.iter().filter_map(|subject| subject.report.error.as_ref());
    errors.chain(set_aside(pass).map(|(_, error)| error)).map(exit_code::of).next().unwrap_or(0)
}

/// What the store has and nobody can use: the service or the template, and why.
fn set_aside(pass: &Pass) -> impl Iterator<Item = (&str, &Error)> {
    let services = pass.problems.iter().map(|problem| (problem.name.as_str(), &problem.error));
    services.chain(pass.disk.unusable.iter().map(|(name, error)| (name.as_str(), error)))
}

/// Lines for the boot log: of a boot all services, otherwise only those that something is to be said of.
pub fn log(pass: &Pass, now: SystemTime) -> String {
    let said = |(subject, case): (&Subject, &Case)| {
        let error = subject.report.error.as_ref();
        let worth = pass.how.at_boot || case.verdict.action != Action::Nothing || error.is_some();
        let (name, prior) = (subject.report.name.as_str(), case.prior.as_ref());
        worth
            .then(|| reconcile::line(now, &Line { name, prior, action: case.verdict.action.as_str(), error }))
    };
    let services = pass.subjects.iter().zip(&pass.cases).filter_map(said);
    let problems = set_aside(pass).map(|(name, error)| {
        reconcile::line(now, &Line { name, prior: None, action: SET_ASIDE, error: Some(error) })
    });
    let disk = pass.disk.problems.iter().map(|(name, error)| {
        reconcile::line(now, &Line { name, prior: None, action: PASSED_OVER, error: Some(error) })
    });
    services.chain(problems).chain(disk).collect()
}

fn document(session: &Session, pass: &Pass) -> Object {
    let of_ours = pass.subjects.iter().zip(&pass.cases).map(|(subject, case)| {
        let prior = case.prior.as_ref();
        let exit = prior.and_then(|status| status.last_exit.as_ref());
        subject
            .report
            .object()
            .with("action", case.verdict.action.as_str())
            .with("prior", prior_state(prior))
            .maybe("prior_exit", exit.map(service::exit))
            .maybe("why", case.verdict.why.as_deref())
    });
    let of_others = pass.others.iter().map(|header| {
        let report = Service {
            backend: Some(header.backend.clone()),
            scope: Some(header.scope),
            stored: Some(header.clone()),
            ..Service::named(&header.name)
        };
        report.object().with("action", OTHER).with("prior", Value::Null)
    });
    let aside = pass.problems.iter().map(|problem| {
        let report = Service { error: Some(problem.error.clone()), ..Service::named(&problem.name) };
        let object = report.object().with("action", SET_ASIDE).with("prior", Value::Null);
        object.with("why", problem.kind.as_str())
    });
    let stale = pass.disk.stale.iter().map(|file| file.to_string_lossy().into_owned());
    let problems = pass.disk.unusable.iter().chain(&pass.disk.problems);
    let problems = problems.map(|(name, error)| error::object(error).with("template", name.as_str()));
    Object::new()
        .maybe("backend", session.selected_id().ok())
        .with("scope", session.scope.as_str())
        .with("boot", pass.how.at_boot)
        .with("dry_run", pass.dry_run)
        .with("stale", json::list(stale))
        .with("problems", json::list(problems))
        .with("past", json::list(pass.past.iter().map(String::as_str)))
        .with("services", json::list(of_ours.chain(of_others).chain(aside)))
}

fn prior_state(prior: Option<&Status>) -> &'static str {
    prior.map_or("absent", |status| status.state.as_str())
}

/// A line for each that something was or is to be done for, and a summary.
fn show(pass: &Pass, out: &mut Output) {
    let mut table = Table::new(&["NAME", "BEFORE", "ACTION", "NOW", "WHY"]);
    let mut worth = 0;
    for (subject, case) in pass.subjects.iter().zip(&pass.cases) {
        if case.verdict.action == Action::Nothing || subject.report.error.is_some() {
            continue;
        }
        worth += 1;
        let now = subject.report.state().filter(|_| !pass.dry_run).map_or("", |state| state.as_str());
        table.row(vec![
            subject.name().into(),
            prior_state(case.prior.as_ref()).into(),
            case.verdict.action.as_str().into(),
            now.into(),
            case.verdict.why.as_deref().unwrap_or_default().into(),
        ]);
    }
    if worth > 0 {
        out.table(&table);
    }
    for header in &pass.others {
        let (name, backend, scope) = (&header.name, &header.backend, header.scope);
        out.say(&format!("{name} is left: it belongs to the backend {backend}, {scope} scope"));
    }
    for file in &pass.disk.stale {
        let word = if pass.dry_run { "to be removed" } else { "removed" };
        out.say(&format!("{word}, left by the last boot: {}", escape::line(&file.display().to_string())));
    }
    for name in &pass.past {
        let word = if pass.dry_run { "to be forgotten" } else { "forgotten" };
        out.say(&format!("{word}, as it was for an earlier boot alone: {name}"));
    }
    out.say(&summary(pass));
    let drift = pass.cases.iter().any(|case| case.verdict.action == Action::Drift);
    if drift {
        out.hint("`anysvc reconcile --force` puts right what was done by hand");
    }
}

/// How many of what.
fn summary(pass: &Pass) -> String {
    let failed = pass.subjects.iter().filter(|subject| subject.report.error.is_some()).count();
    let pairs = || pass.subjects.iter().zip(&pass.cases).filter(|(s, _)| s.report.error.is_none());
    let count = |action: Action| pairs().filter(|(_, case)| case.verdict.action == action).count();
    let parts = [
        (count(Action::Register), "registered", "to be registered"),
        (count(Action::Replace), "replaced", "to be replaced"),
        (count(Action::Start), "started", "to be started"),
        (count(Action::Stop), "stopped", "to be stopped"),
        (count(Action::Nothing), "as they should be", "as they should be"),
        (count(Action::Drift), "changed by hand", "changed by hand"),
        (count(Action::Leave), "left", "left"),
        (failed, "failed", "failed"),
        (pass.problems.len(), "set aside", "set aside"),
    ];
    let said = parts.iter().filter(|(n, _, _)| *n > 0).map(|(n, done, planned)| {
        let words = if pass.dry_run { planned } else { done };
        format!("{n} {words}")
    });
    let said: Vec<String> = said.collect();
    let all = pass.subjects.len() + pass.problems.len();
    let services = if all == 1 { "1 service".to_owned() } else { format!("{all} services") };
    let boot = if pass.how.at_boot { " after a boot" } else { "" };
    let colon = if said.is_empty() { "" } else { ": " };
    format!("{services}{boot}{colon}{}", said.join(", "))
}
