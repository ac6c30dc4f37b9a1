//! `status`: a table of all, details of one.

use std::{collections::HashSet, time::Duration};

use anysvc_backend_api::{ErrorKind, ListQuery, Result, State, Status, Value};

use super::{
    select,
    start::load_specs,
    subject::{self, Subject},
};
use crate::{
    cli,
    output::{Cell, Output, Paint, Service, Table, escape, exit_code, json, time},
    ready::Probe,
    session::Session,
    store::{Desired, Header},
};

/// Runs the command.
pub fn run(session: &Session, what: &cli::Status, out: &mut Output) -> Result<u8> {
    let everything = what.services.names.is_empty() && what.services.instance.is_none();
    let mut subjects = select::looked_at(session, &what.services)?;
    let deadline = session.working_deadline(Duration::ZERO);
    let details = out.json() || !everything && subjects.len() == 1;
    let look = if details { subject::read_status } else { subject::glance };
    look(&mut subjects, deadline);
    for subject in &mut subjects {
        say_what_is_missing(subject);
    }
    if subjects.is_empty() {
        session.must_answer_if_requested()?;
        if let Err(error) = session.selected_id() {
            session.warn(error.message);
        }
    }
    if what.foreign && what.services.is_empty() {
        add_foreign(session, &mut subjects)?;
    }
    if what.probe {
        probe(session, &mut subjects);
    }
    if out.json() {
        out.document(subject::document(session, &subjects));
    } else {
        show(&subjects, everything, what.services.is_empty(), out);
    }
    subject::warn(&subjects, out);
    let errors = || subjects.iter().filter_map(|subject| subject.report.error.as_ref());
    if everything {
        // That something is stored and not there is a state, and the table shows it.
        errors().filter(|error| error.kind != ErrorKind::NotRegistered).for_each(|error| out.error(error));
        return Ok(errors()
            .filter(|e| e.kind != ErrorKind::NotRegistered)
            .map(exit_code::of)
            .next()
            .unwrap_or(0));
    }
    errors().for_each(|error| out.error(error));
    Ok(code(&subjects))
}

/// What is stored and not there is in no state that is known.
fn say_what_is_missing(subject: &mut Subject) {
    let missing = subject.report.error.as_ref().is_some_and(|e| e.kind == ErrorKind::NotRegistered);
    if let (true, Some(header)) = (missing, &subject.report.stored) {
        let backend = &header.backend;
        let reason = format!("stored, but {backend} has no service of that name: register it again");
        let status = Status::new(&header.name, State::Unknown).made_by_us();
        subject.report.status = Some(Status { reason: Some(reason), ..status });
    }
}

/// The code for named services: what could not be read comes first, then what is not running.
fn code(subjects: &[Subject]) -> u8 {
    let state = |s: &Subject| exit_code::of_state(s.report.state().unwrap_or(State::Unknown));
    match subject::code(subjects) {
        0 => subjects.iter().map(state).find(|code| *code != 0).unwrap_or(0),
        code => code,
    }
}

/// Adds what the backend that serves here knows and the store does not.
fn add_foreign(session: &Session, subjects: &mut Vec<Subject>) -> Result<()> {
    let backend = session.selected()?;
    let deadline = session.working_deadline(Duration::ZERO);
    let known: HashSet<String> = subjects.iter().map(|subject| subject.name().to_owned()).collect();
    for status in backend.remote.list(ListQuery { foreign: true }, deadline)? {
        if !known.contains(&status.name) {
            let mut subject = Subject::unstored(&status.name, backend.clone());
            subject.report.status = Some(status);
            subjects.push(subject);
        }
    }
    Ok(())
}

/// Tries whether those that run are ready, where they can't say so themselves.
pub fn probe(session: &Session, subjects: &mut [Subject]) {
    load_specs(session, subjects);
    let root = session.env.caller().is_root();
    let deadline = session.working_deadline(Duration::ZERO);
    for subject in subjects.iter_mut().filter(|s| s.fine() && s.report.state() == Some(State::Running)) {
        let Some(spec) = &subject.spec else { continue };
        match Probe::of(&spec.service, root) {
            Ok(None) => {}
            Ok(Some(probe)) => {
                let tried = probe.once(deadline);
                subject.report.probed = Some(tried.is_ok());
                if let (Err(reason), Some(status)) = (tried, &mut subject.report.status) {
                    status.reason.get_or_insert(reason);
                }
            }
            Err(error) => subject.fail(error),
        }
    }
}

fn show(subjects: &[Subject], everything: bool, of_all: bool, out: &mut Output) {
    match subjects {
        [] if of_all => {
            out.say("nothing is registered here");
            out.hint("`anysvc register NAME -- COMMAND` creates a service and starts it");
        }
        [one] if !everything && one.report.error.is_some() => {}
        [one] if !everything => details(&one.report, out),
        [] => {}
        many => out.table(&table(many)),
    }
}

fn table(subjects: &[Subject]) -> Table {
    let foreign = subjects.iter().any(|subject| !subject.report.ours());
    let mut table =
        Table::new(&["NAME", "STATE", "WANTED", "READY", "PID", "FOR", "RESTARTS", "OURS", "REASON"]);
    for Subject { report, .. } in subjects {
        let status = report.status.as_ref();
        let ready = report.ready().map_or("", yes_no);
        let pid = status.and_then(|status| status.pid).map(|pid| pid.to_string()).unwrap_or_default();
        let age = status.and_then(|status| status.since).map(|since| time::age(time::since(since)));
        let restarts = status.and_then(|status| status.restarts).filter(|&n| n > 0).map(|n| n.to_string());
        table.row(vec![
            report.name.as_str().into(),
            state(report),
            wanted(report).into(),
            ready.into(),
            pid.into(),
            age.unwrap_or_default().into(),
            restarts.unwrap_or_default().into(),
            if foreign { yes_no(report.ours()) } else { "" }.into(),
            reason(report).into(),
        ]);
    }
    table
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// The state as a cell.
fn state(service: &Service) -> Cell {
    match service.state() {
        Some(state) => Cell::painted(state.as_str(), paint(state)),
        None => Cell::painted("unknown", Paint::Bad),
    }
}

fn paint(state: State) -> Paint {
    match state {
        State::Running => Paint::Good,
        State::Starting | State::Stopping | State::Backoff => Paint::Warning,
        State::Failed | State::Unknown => Paint::Bad,
        State::Stopped => Paint::Faint,
    }
}

/// What is wanted of a service that is not so.
fn wanted(service: &Service) -> &'static str {
    match (service.desired(), service.state()) {
        (Some(Desired::Up), Some(State::Running | State::Starting)) => "",
        (Some(Desired::Down), Some(State::Stopped)) => "",
        (desired, _) => desired.map_or("", Desired::as_str),
    }
}

/// Why it is as it is, unless that goes without saying.
fn reason_of(status: &Status) -> Option<&str> {
    status.reason.as_deref().filter(|reason| *reason != status.state.as_str())
}

fn reason(service: &Service) -> &str {
    let of_status = service.status.as_ref().and_then(reason_of);
    of_status.or(service.error.as_ref().map(|error| error.message.as_str())).unwrap_or_default()
}

/// All about one service, a line each.
fn details(service: &Service, out: &mut Output) {
    let Some(status) = &service.status else { return };
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut add = |what, text: Option<String>| lines.extend(text.map(|text| (what, text)));
    add("ready", service.ready().map(|ready| yes_no(ready).to_owned()));
    add("pid", status.pid.map(|pid| pid.to_string()));
    add("since", status.since.map(|s| format!("{} ({})", time::local(s), time::age(time::since(s)))));
    add("reason", reason_of(status).map(str::to_owned));
    add("instance", instance(service));
    add("desired", service.desired().map(|desired| desired.as_str().to_owned()));
    add("boot", service.stored.as_ref().map(boot));
    add("restarts", status.restarts.map(|count| count.to_string()));
    add("last exit", last_exit(status));
    let whose = if service.ours() { "" } else { ", not made by anysvc" };
    let scope = service.scope.map(|scope| format!(", {scope}")).unwrap_or_default();
    add("backend", service.backend.as_ref().map(|backend| format!("{backend}{scope}{whose}")));
    if let Value::Map(pairs) = &status.native {
        for (key, value) in pairs {
            lines.push((key, plain(value)));
        }
    }
    out.painted(&escape::line(&service.name), Paint::Header);
    out.text(": ");
    out.painted(status.state.as_str(), paint(status.state));
    out.text("\n");
    let width = lines.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0) + 2;
    for (what, text) in &lines {
        out.line(&format!("  {:<width$}{}", escape::line(what), escape::line(text)));
    }
}

/// What a boot makes of it. One that is for this boot alone has no other.
fn boot(header: &Header) -> String {
    match header.transient {
        Some(_) => "gone with this one (transient)".to_owned(),
        None => header.boot.to_string(),
    }
}

/// Which instance of which template it is.
fn instance(service: &Service) -> Option<String> {
    let header = service.stored.as_ref()?;
    Some(format!("{} of {}", header.instance.as_ref()?, header.template.as_ref()?))
}

fn last_exit(status: &Status) -> Option<String> {
    let exit = status.last_exit.as_ref()?;
    let how = match (&exit.code, &exit.signal) {
        (_, Some(signal)) => format!("killed by {signal}"),
        (Some(code), None) => format!("exit code {code}"),
        (None, None) => return None,
    };
    Some(match exit.at {
        Some(at) => format!("{how}, {} ({} ago)", time::local(at), time::age(time::since(at))),
        None => how,
    })
}

/// A value of the manager's own, for people.
fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => {
            let mut text = String::new();
            json::write(&mut text, other);
            text
        }
    }
}
