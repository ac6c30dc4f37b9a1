//! `logs`: what services wrote, whoever keeps it.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use anysvc_backend_api::{
    Deadline, Error, ErrorKind, LogQuery, LogRecord, Result, Target, remote::RemoteStream,
};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::{
    select,
    subject::{self, Subject},
};
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
/// How long to listen to silence before it is looked whether anybody is still there, at either end.
const SILENCE: Duration = Duration::from_secs(1);

/// The logs that one backend has.
struct Source {
    backend: Rc<Opened>,
    names: Vec<String>,
}

/// Runs the command.
pub fn run(session: &Session, what: &cli::Logs, out: &mut Output) -> Result<u8> {
    let which = &what.services;
    let everything = which.names.is_empty() && which.instance.is_none();
    let mut subjects = match which.is_empty() {
        true => subject::all(session)?,
        false => select::services(session, which)?,
    };
    // Who is absent is said at once, and not only when the others have come to their end.
    subject::read_status(&mut subjects, session.working_deadline(Duration::ZERO));
    let several = subjects.len() > 1;
    let reading = Reading { session, what, limit: session.limit() };
    let sources = by_backend(&subjects);
    let mut streams = Vec::new();
    for source in &sources {
        streams.extend(reading.open(source, &mut subjects).map(|stream| (source, stream)));
    }
    if everything {
        // Who asks for all logs asks for those that there are.
        let without = |s: &Subject| s.report.error.as_ref().is_some_and(|e| e.kind == ErrorKind::Unsupported);
        subjects.retain(|subject| !without(subject));
    }
    let errors: Vec<&Error> = subjects.iter().filter_map(|subject| subject.report.error.as_ref()).collect();
    if let ([error], false) = (&errors[..], several) {
        return Err((*error).clone());
    }
    errors.iter().for_each(|error| out.error(error));
    let failed = errors.first().map_or(0, |error| exit_code::of(error));
    let mut records = Vec::new();
    reading.read(streams, out, |record, out| {
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
fn by_backend(subjects: &[Subject]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for subject in subjects.iter().filter(|subject| subject.fine()) {
        let Some(backend) = &subject.backend else { continue };
        let name = subject.name().to_owned();
        match sources.iter_mut().find(|source| Rc::ptr_eq(&source.backend, backend)) {
            Some(source) => source.names.push(name),
            None => sources.push(Source { backend: backend.clone(), names: vec![name] }),
        }
    }
    sources
}

/// What holds for all streams of a command.
struct Reading<'a> {
    session: &'a Session,
    what: &'a cli::Logs,
    /// Until when to follow.
    limit: Deadline,
}

impl Reading<'_> {
    fn query(&self, names: Vec<String>) -> LogQuery {
        LogQuery { names, lines: self.what.lines, since: self.what.since, follow: self.follows() }
    }

    fn follows(&self) -> bool {
        self.what.follow && !self.session.no_wait()
    }

    /// Opens the logs of a backend. Whose can't be read fails; the others are read without it.
    fn open<'s>(&self, source: &'s Source, subjects: &mut [Subject]) -> Option<RemoteStream<'s>> {
        let remote = &source.backend.remote;
        let mut names = source.names.clone();
        let mut answer = remote.logs(self.query(names.clone()));
        if answer.is_err() && names.len() > 1 {
            names.retain(|name| match remote.logs(self.query(vec![name.clone()])) {
                Ok(_) => true,
                Err(error) => {
                    fail(subjects, name, error);
                    false
                }
            });
            if names.is_empty() {
                return None;
            }
            answer = remote.logs(self.query(names.clone()));
        }
        answer.map_err(|error| names.iter().for_each(|name| fail(subjects, name, error.clone()))).ok()
    }

    /// Reads all streams to their ends, or until nobody reads us any more, or there is nobody left to
    /// follow, or the time is over.
    fn read(
        &self,
        mut streams: Vec<(&Source, RemoteStream<'_>)>,
        out: &mut Output,
        mut take: impl FnMut(LogRecord, &mut Output),
    ) -> Result<()> {
        let follow = self.follows();
        let mut looked = Instant::now();
        while !streams.is_empty() && !out.broken() {
            let turn = match (streams.len(), follow) {
                (1, false) => Deadline::NONE,
                (1, true) => Deadline::after(SILENCE).min(self.limit),
                _ => Deadline::after(TURN),
            };
            let mut silent = true;
            let mut at = 0;
            while at < streams.len() {
                let chunk = streams[at].1.next(turn)?;
                silent &= chunk.records.is_empty();
                chunk.records.into_iter().for_each(|record| take(record, out));
                if follow {
                    out.flush();
                }
                if chunk.end {
                    drop(streams.remove(at));
                } else {
                    at += 1;
                }
            }
            if !follow {
                continue;
            }
            if self.limit.passed() {
                break;
            }
            if silent && looked.elapsed() >= SILENCE {
                looked = Instant::now();
                if nobody_reads() {
                    break;
                }
                if streams.iter().all(|(source, _)| all_gone(source)) {
                    out.hint("what was followed is not registered any more");
                    break;
                }
            }
        }
        Ok(())
    }
}

fn fail(subjects: &mut [Subject], name: &str, error: Error) {
    if let Some(subject) = subjects.iter_mut().find(|subject| subject.name() == name) {
        subject.fail(error);
    }
}

/// Whether the other end of standard output is closed.
fn nobody_reads() -> bool {
    let stdout = std::io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let asked = rustix::event::poll(&mut polled, Some(&Timespec::default()));
    asked.is_ok() && polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Whether its manager has none of these services any more.
fn all_gone(source: &Source) -> bool {
    let targets = source.names.iter().map(Target::new).collect();
    let answers = source.backend.remote.status(targets, Deadline::after(SILENCE));
    answers.iter().all(|answer| answer.as_ref().is_err_and(|e| e.kind == ErrorKind::NotRegistered))
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
