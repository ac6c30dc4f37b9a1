//! `logs`: what services wrote, whoever keeps it.

use std::{rc::Rc, time::Duration};

use anysvc_backend_api::{Deadline, Error, LogQuery, LogRecord, Result};

use super::subject::{self, Subject};
use crate::{
    cli,
    output::{
        Output, Paint, escape, exit_code,
        json::{self, Object},
        time,
    },
    session::{Opened, Session},
};

/// How long to listen to one of several backends before the next.
const TURN: Duration = Duration::from_millis(100);

/// Runs the command.
pub fn run(session: &Session, what: &cli::Logs, out: &mut Output) -> Result<u8> {
    let mut subjects =
        if what.names.is_empty() { subject::all(session)? } else { subject::named(session, &what.names)? };
    // Who is absent is said at once, and not only when the others have come to their end.
    subject::read_status(&mut subjects, session.working_deadline(Duration::ZERO));
    let errors: Vec<&Error> = subjects.iter().filter_map(|subject| subject.report.error.as_ref()).collect();
    if let ([error], 1) = (&errors[..], subjects.len()) {
        return Err((*error).clone());
    }
    errors.iter().for_each(|error| out.error(error));
    let failed = errors.first().map_or(0, |error| exit_code::of(error));
    let several = subjects.len() > 1;
    let mut records = Vec::new();
    let sources = by_backend(&subjects);
    stream(&sources, what, out, |record, out| {
        if out.json() && !what.follow {
            records.push(object(&record));
        } else if out.json() {
            out.document(object(&record));
        } else {
            print(&record, several, out);
        }
    })?;
    if out.json() && !what.follow {
        out.document(
            Object::new()
                .maybe("backend", session.selected_id().ok())
                .with("scope", session.scope.as_str())
                .with("records", json::list(records))
                .known(
                    "errors",
                    (!errors.is_empty())
                        .then(|| json::list(errors.iter().map(|e| crate::output::error::object(e)))),
                ),
        );
    }
    Ok(failed)
}

/// Who has the logs of whom.
fn by_backend(subjects: &[Subject]) -> Vec<(Rc<Opened>, Vec<String>)> {
    let mut sources: Vec<(Rc<Opened>, Vec<String>)> = Vec::new();
    for subject in subjects.iter().filter(|subject| subject.fine()) {
        let Some(backend) = &subject.backend else { continue };
        let name = subject.name().to_owned();
        match sources.iter_mut().find(|(known, _)| Rc::ptr_eq(known, backend)) {
            Some((_, names)) => names.push(name),
            None => sources.push((backend.clone(), vec![name])),
        }
    }
    sources
}

/// Reads all streams to their ends, or until nobody reads us any more.
fn stream(
    sources: &[(Rc<Opened>, Vec<String>)],
    what: &cli::Logs,
    out: &mut Output,
    mut take: impl FnMut(LogRecord, &mut Output),
) -> Result<()> {
    let query = |names: &Vec<String>| LogQuery {
        names: names.clone(),
        lines: what.lines,
        since: what.since,
        follow: what.follow,
    };
    let open = |(backend, names): &'_ (Rc<Opened>, Vec<String>)| (Rc::clone(backend), query(names));
    let asked: Vec<(Rc<Opened>, LogQuery)> = sources.iter().map(open).collect();
    let mut streams = Vec::with_capacity(asked.len());
    for (backend, query) in &asked {
        streams.push(backend.remote.logs(query.clone())?);
    }
    while !streams.is_empty() && !out.broken() {
        let alone = streams.len() == 1;
        let mut at = 0;
        while at < streams.len() {
            let deadline = if alone { Deadline::NONE } else { Deadline::after(TURN) };
            let chunk = streams[at].next(deadline)?;
            chunk.records.into_iter().for_each(|record| take(record, out));
            if what.follow {
                out.flush();
            }
            if chunk.end {
                drop(streams.remove(at));
            } else {
                at += 1;
            }
        }
    }
    Ok(())
}

fn print(record: &LogRecord, several: bool, out: &mut Output) {
    if let Some(at) = record.time {
        out.painted(&time::local_precise(at), Paint::Faint);
        out.text(" ");
    }
    if several {
        out.painted(&escape::line(&record.service), Paint::Header);
        out.text(": ");
    }
    out.foreign_line(&record.line);
}

fn object(record: &LogRecord) -> Object {
    Object::new()
        .with("service", record.service.as_str())
        .maybe("time", record.time.map(time::rfc3339))
        .with("line", String::from_utf8_lossy(&record.line).into_owned())
}
