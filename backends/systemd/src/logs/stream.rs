//! The logs of services as one stream: first what has been written, then, for those who follow, what is
//! written next.

use std::{
    collections::HashMap,
    os::fd::AsFd as _,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Deadline, Error, ErrorKind, LogChunk, LogQuery, LogRecord, LogStream, Result};
use anysvc_backend_support::cancel::Cancel;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    Matches,
    export::Entry,
    journalctl::{From, Journalctl},
};

/// So many records more than are wanted may be held, so that they are not looked through each time.
const MORE: usize = 1000;

/// An open stream.
pub(super) struct Stream {
    matches: Matches,
    query: LogQuery,
    journalctl: Journalctl,
    /// What has been written is being read.
    past: bool,
    /// Records that may turn out not to be among the last.
    held: Vec<LogRecord>,
    /// The last entry that was read.
    cursor: Option<String>,
    cancel: Cancel,
}

impl Stream {
    pub(super) fn open(matches: Matches, query: &LogQuery) -> Result<Stream> {
        let from = match (query.since, query.lines) {
            (Some(since), _) => From::Time(since),
            // journalctl counts the lines of all services together, and those since a time from there.
            (None, Some(lines)) if matches.names.len() == 1 => From::Last(lines),
            (None, _) => From::Beginning,
        };
        let cancel = Cancel::new().map_err(|cause| Error::io("make", "eventfd", &cause.into()))?;
        Ok(Stream {
            journalctl: Journalctl::start(&matches, &from, false)?,
            matches,
            query: query.clone(),
            past: true,
            held: Vec::new(),
            cursor: None,
            cancel,
        })
    }

    /// What is there, and whether there may be more.
    fn take(&mut self) -> Result<(Vec<LogRecord>, bool)> {
        let (entries, mut more) = self.journalctl.take()?;
        let mut records: Vec<LogRecord> = entries.into_iter().flat_map(|entry| self.records(entry)).collect();
        if self.past
            && let Some(lines) = self.query.lines
        {
            hold(&mut self.held, &mut records, lines, self.matches.names.len());
            if more {
                return Ok((records, more));
            }
            records = last_of_each(std::mem::take(&mut self.held), lines);
        }
        if !more && self.query.follow {
            if !self.past {
                return Err(Error::new(ErrorKind::CommandFailed, "journalctl ended while it was to follow"));
            }
            let from = match (self.cursor.take(), self.query.since) {
                (Some(cursor), _) => From::Cursor(cursor),
                (None, Some(since)) => From::Time(since),
                (None, None) => From::Beginning,
            };
            self.journalctl = Journalctl::start(&self.matches, &from, true)?;
            (self.past, more) = (false, true);
        }
        Ok((records, more))
    }

    /// An entry may be of several lines.
    fn records(&mut self, entry: Entry) -> Vec<LogRecord> {
        let (mut time, mut message, mut unit, mut called, mut known) = (None, Vec::new(), None, None, false);
        for (field, value) in entry {
            let text = || String::from_utf8_lossy(&value).into_owned();
            match field.as_str() {
                "__CURSOR" => self.cursor = Some(text()),
                "__REALTIME_TIMESTAMP" => {
                    let micros = text().parse().map(Duration::from_micros).ok();
                    time = micros.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
                }
                "MESSAGE" => message = value,
                field if field == self.matches.field => unit = Some(text()),
                // Of a session, say.
                "_SYSTEMD_UNIT" => known = true,
                "SYSLOG_IDENTIFIER" => called = Some(text()),
                _ => {}
            }
        }
        let service = match unit {
            Some(unit) => self.matches.names.get(&unit).cloned(),
            None => called.filter(|name| !known && self.matches.called.contains(name)),
        };
        let Some(service) = service else { return Vec::new() };
        let message = message.strip_suffix(b"\n").unwrap_or(&message);
        let lines = message.split(|&byte| byte == b'\n');
        lines.map(|line| LogRecord { service: service.clone(), time, line: line.to_vec().into() }).collect()
    }

    /// Waits until there is something to take, or the stream was cancelled; whether neither by the deadline.
    fn wait(&self, deadline: Deadline) -> Result<bool> {
        loop {
            let timeout = deadline.remaining().and_then(|left| Timespec::try_from(left).ok());
            let (journalctl, cancel) = (self.journalctl.fd(), self.cancel.as_fd());
            let mut fds = [journalctl, cancel].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            match poll(&mut fds, timeout.as_ref()) {
                Err(Errno::INTR) => {}
                Err(cause) => return Err(Error::io("wait for", "journalctl", &cause.into())),
                Ok(ready) => return Ok(ready == 0),
            }
        }
    }
}

/// Adds records to those that are held: not many more are kept than can be among the last of their services.
fn hold(held: &mut Vec<LogRecord>, records: &mut Vec<LogRecord>, lines: u64, services: usize) {
    held.append(records);
    let wanted = usize::try_from(lines).unwrap_or(usize::MAX).saturating_mul(services);
    if held.len() > wanted.saturating_mul(2).saturating_add(MORE) {
        *held = last_of_each(std::mem::take(held), lines);
    }
}

/// The last so many of each service, in their order.
fn last_of_each(records: Vec<LogRecord>, lines: u64) -> Vec<LogRecord> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut kept: Vec<LogRecord> = Vec::new();
    for record in records.into_iter().rev() {
        let count = counts.entry(record.service.clone()).or_default();
        *count += 1;
        if *count <= lines {
            kept.push(record);
        }
    }
    kept.reverse();
    kept
}

impl LogStream for Stream {
    fn next(&mut self, deadline: Deadline) -> Result<LogChunk> {
        loop {
            if self.cancel.cancelled() {
                return Ok(LogChunk { records: Vec::new(), end: true });
            }
            let (records, more) = self.take()?;
            if !records.is_empty() || !more {
                return Ok(LogChunk { records, end: !more });
            }
            // There may be something to read for longer than that.
            if self.wait(deadline)? || deadline.passed() {
                return Ok(LogChunk::default());
            }
        }
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        self.cancel.canceller()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_journal_only_what_can_be_among_the_last_is_held() {
        let record = |at: usize| {
            let service = if at < 3 { "quiet" } else { "chatty" };
            LogRecord { service: service.to_owned(), time: None, line: at.to_string().into_bytes().into() }
        };
        let mut held = Vec::new();
        for begin in (0..100_000).step_by(500) {
            hold(&mut held, &mut (begin..begin + 500).map(record).collect(), 2, 2);
            assert!(held.len() <= 2 * 2 * 2 + MORE, "{} are held", held.len());
        }
        let lines: Vec<String> =
            last_of_each(held, 2).iter().map(|r| String::from_utf8_lossy(&r.line).into_owned()).collect();
        assert_eq!(lines, ["1", "2", "99998", "99999"]);
    }
}
