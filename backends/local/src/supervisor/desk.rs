//! What requests ask is done here: records first, then the engine, then the answer, at once or when the
//! engine says that it happened. It must not know sockets.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anysvc_backend_api::{Error, ErrorKind, Result, State, Status, wire::WireStruct};
use anysvc_backend_support::engine::{Supervisor, Unix};

use super::{news::News, pending::Pending, present::present};
use crate::{
    codec,
    protocol::{Ask, Reply, Request},
    records::{Kept, Records, Session},
};

/// An answer on its way: to whom, and the content of the frame.
pub type Answer = (u64, Vec<u8>);

/// A service, beside what the engine knows of it.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// As it is in the records.
    pub(super) kept: Kept,
    /// Whether the engine did anything with it yet; before, what is kept is what is known.
    pub(super) live: bool,
    /// It is to be forgotten once it is down.
    pub(super) going: bool,
    /// What the log has of it.
    pub(super) news: News,
}

/// All services, and all requests that wait for them.
#[derive(Debug)]
pub struct Desk {
    pub(super) engine: Supervisor<Unix>,
    pub(super) records: Records,
    pub(super) entries: BTreeMap<String, Entry>,
    pending: Vec<Pending>,
    folder: PathBuf,
    pub(super) leaving: bool,
    /// Whether there is an output to copy lines to.
    pub(super) console: bool,
}

impl Desk {
    /// A desk for what was taken over.
    pub fn new(engine: Supervisor<Unix>, records: Records, folder: &Path, console: bool) -> Desk {
        let (entries, pending) = (BTreeMap::new(), Vec::new());
        Desk { engine, records, entries, pending, folder: folder.to_owned(), leaving: false, console }
    }

    /// Takes a request. Its answer comes from here, from [`turn`](Desk::turn) or from
    /// [`expire`](Desk::expire).
    pub fn take(&mut self, caller: u64, content: &[u8]) -> Vec<Answer> {
        let request = match codec::from_bytes::<Request>(content, "the request") {
            Ok(request) => request,
            Err(error) => return vec![refusal(caller, error)],
        };
        let deadline = request.time.and_then(|time| Instant::now().checked_add(time));
        let mut pending = Pending::new(caller, deadline);
        match request.ask {
            Some(Ask::Verb(code)) => {
                for item in request.items {
                    self.verb(code, item, &mut pending);
                }
            }
            Some(Ask::List) => {
                for name in self.entries.keys() {
                    pending.answered(self.status(name).map(WireStruct::into_bag));
                }
            }
            Some(Ask::Who) => pending.answered(Ok(self.who().into_bag())),
            Some(Ask::Leave) => {
                self.leave();
                pending.answered(Ok(().into_bag()));
            }
            None => {
                let error = Error::unsupported("the running supervisor is older than this command")
                    .with_hint("end it, and the next command starts the new one");
                return vec![refusal(caller, error)];
            }
        }
        for name in pending.names() {
            pending.notice(&name, self.status(&name).ok().as_ref());
        }
        self.pending.push(pending);
        self.settle()
    }

    /// Lets the engine work, and gives the answers that became due.
    ///
    /// # Errors
    /// When the operating system can't be asked at all.
    pub fn turn(&mut self) -> Result<Vec<Answer>> {
        self.engine.turn()?;
        Ok(self.settle())
    }

    /// The answers to those whose time is over.
    pub fn expire(&mut self, now: Instant) -> Vec<Answer> {
        self.answers(|pending| pending.is_late(now))
    }

    /// Nobody waits for the answers to this caller any more.
    pub fn forget(&mut self, caller: u64) {
        self.pending.retain(|pending| pending.caller != caller);
    }

    /// How long nothing has to be done, as far as is known now.
    pub fn timeout(&self, now: Instant) -> Option<Duration> {
        let deadlines = self.pending.iter().filter_map(|pending| pending.deadline);
        let next = deadlines.min().map(|at| at.saturating_duration_since(now));
        [next, self.engine.timeout()].into_iter().flatten().min()
    }

    /// Whether nothing runs, nothing is about to, and nobody waits.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.engine.is_idle()
    }

    /// Whether it was asked to leave.
    pub fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Stops everything, so as to leave. What is wanted up stays so.
    pub fn leave(&mut self) {
        if std::mem::replace(&mut self.leaving, true) {
            return;
        }
        log::info!("stopping everything, to leave");
        for name in self.entries.keys() {
            // What is not there any more need not be stopped.
            let _ = self.engine.stop(name);
        }
    }

    /// Writes the session.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(&self, session: &Session) -> Result<()> {
        self.records.begin(session)
    }

    /// How a service is.
    pub(super) fn status(&self, name: &str) -> Result<Status> {
        let entry = self.entries.get(name).ok_or_else(|| Error::not_registered(name))?;
        let status = match &entry.kept.status {
            Some(kept) if !entry.live => kept.clone(),
            _ => self.engine.status(name)?,
        };
        Ok(self.dressed(status))
    }

    fn dressed(&self, status: Status) -> Status {
        let log_folder = self.engine.log_folder(&status.name);
        let status = match self.entries.get(&status.name) {
            Some(entry) => entry.kept.explained(status),
            None => status,
        };
        present(status, &self.folder, log_folder)
    }

    /// Takes what the engine says that changed: to the records, and to those who wait for it.
    fn settle(&mut self) -> Vec<Answer> {
        let mut last = BTreeMap::new();
        loop {
            let changes: Vec<_> = self.engine.changes().collect();
            if changes.is_empty() {
                break;
            }
            for change in changes {
                let Some(entry) = self.entries.get_mut(&change.name) else { continue };
                let Some(status) = change.status else { continue };
                entry.live |= status.state != State::Stopped || status.last_exit.is_some();
                if entry.live {
                    entry.news.tell(&status);
                }
                let down = matches!(status.state, State::Stopped | State::Failed);
                if entry.going && down && self.remove(&change.name) {
                    last.remove(&change.name);
                    continue;
                }
                let status = self.dressed(status);
                self.notice(&change.name, Some(&status));
                last.insert(change.name, status);
            }
        }
        for (name, status) in last {
            self.remember(&name, status);
        }
        self.answers(|_| false)
    }

    fn notice(&mut self, name: &str, status: Option<&Status>) {
        self.pending.iter_mut().for_each(|pending| pending.notice(name, status));
    }

    /// Forgets a service that is down, and tells those who wait; false when it can't be.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let removed = self.engine.remove(name).and_then(|()| self.records.forget(name));
        if let Err(error) = &removed {
            log::error!("`{name}` can't be forgotten: {error}");
            return false;
        }
        self.entries.remove(name);
        self.notice(name, None);
        true
    }

    fn remember(&mut self, name: &str, status: Status) {
        // On leaving everything is stopped, which is not how it is to be found again. And what is only
        // about to be so makes no difference to whoever comes back.
        if self.leaving || matches!(status.state, State::Starting | State::Stopping) {
            return;
        }
        if let Some(entry) = self.entries.get_mut(name).filter(|entry| entry.live) {
            entry.kept.status = Some(status);
            if let Err(error) = self.records.keep(name, &entry.kept) {
                log::warn!("how `{name}` is can't be kept: {error}");
            }
        }
    }

    /// Takes out what is complete, or ripe, as answers.
    fn answers(&mut self, ripe: impl Fn(&Pending) -> bool) -> Vec<Answer> {
        let (done, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|pending| pending.is_complete() || ripe(pending));
        self.pending = waiting;
        let content = |pending: Pending| {
            let caller = pending.caller;
            (caller, codec::to_bytes(Reply { answers: Ok(pending.finish()) }))
        };
        done.into_iter().map(content).collect()
    }

    /// Wants a service up or down, first of all in the records.
    pub(super) fn want(&mut self, name: &str, up: bool) -> Result<()> {
        let entry = self.entries.get_mut(name).ok_or_else(|| Error::not_registered(name))?;
        if self.leaving {
            return Err(leaving());
        }
        entry.going = false;
        let before = std::mem::replace(&mut entry.kept.up, up);
        if up {
            // An earlier end must not keep a supervisor that comes back from starting it.
            entry.live = true;
            if let Some(status) = &mut entry.kept.status {
                status.wanted_up = None;
            }
        }
        if before != up || up {
            self.records.keep(name, &entry.kept)?;
        }
        Ok(())
    }
}

/// The error while it is leaving.
pub(super) fn leaving() -> Error {
    Error::new(ErrorKind::ManagerUnavailable, "the supervisor was asked to end, and is about to")
        .with_hint("try again: the next command brings it back")
}

fn refusal(caller: u64, error: Error) -> Answer {
    (caller, codec::to_bytes(Reply { answers: Err(error) }))
}

impl AsFd for Desk {
    /// Readable when [`turn`](Desk::turn) has something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine.as_fd()
    }
}
