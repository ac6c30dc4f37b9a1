//! The loop: sleeps until a caller, the engine or a signal has something to say, or a time has come; and
//! leaves when nothing is left to do. It must not know what requests mean.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    time::{Duration, Instant},
};

use anysvc_backend_api::{Error, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SocketFlags, accept_with, sockopt},
};

use super::{
    caller::{Caller, Event},
    desk::{Answer, Desk},
    signals::Signals,
};
use crate::{
    lock::{self, Lock},
    own_log,
    place::{Place, SOCKET, START_LOCK},
    records::Session,
};

/// How long it stays with nothing to do: the next command of a script need not start another.
const LINGER: Duration = Duration::from_secs(5);
/// Callers that are let in at once; the others wait.
const MOST_CALLERS: usize = 512;

/// Everything that the loop turns over.
#[derive(Debug)]
pub struct Turns {
    place: Place,
    listener: OwnedFd,
    signals: Signals,
    desk: Desk,
    session: Session,
    callers: Vec<Caller>,
    next_id: u64,
    idle_since: Option<Instant>,
    /// Nobody is let in before: the system had no descriptors left.
    full_until: Option<Instant>,
    uid: u32,
    /// Held as long as this process lives.
    _lock: Lock,
}

/// Which descriptors had something to say.
struct Seen {
    signals: bool,
    callers: Vec<(u64, PollFlags)>,
}

impl Turns {
    /// A loop that did not turn yet.
    pub fn new(
        place: Place,
        lock: Lock,
        listener: OwnedFd,
        signals: Signals,
        desk: Desk,
        session: Session,
    ) -> Turns {
        let uid = rustix::process::geteuid().as_raw();
        Turns {
            place,
            listener,
            signals,
            desk,
            session,
            callers: Vec::new(),
            next_id: 1,
            idle_since: None,
            full_until: None,
            uid,
            _lock: lock,
        }
    }

    /// Turns until nothing is left to do.
    ///
    /// # Errors
    /// When the system can't be asked at all.
    pub fn run(mut self) -> Result<()> {
        loop {
            let seen = self.sleep()?;
            if seen.signals && self.signals.asked_to_end() {
                self.desk.leave();
            }
            let answers = self.desk.turn()?;
            self.send(answers);
            for (id, flags) in seen.callers {
                self.hear(id, flags);
            }
            self.let_in();
            let now = Instant::now();
            own_log::keep_short(&self.place);
            let late = self.desk.expire(now);
            self.send(late);
            self.show_out(now);
            if self.may_leave(now) && self.leave()? {
                return Ok(());
            }
        }
    }

    fn sleep(&self) -> Result<Seen> {
        let mut fds = vec![
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::from_borrowed_fd(self.desk.as_fd(), PollFlags::IN),
        ];
        fds.extend(self.callers.iter().map(|caller| PollFd::new(caller, caller.interest())));
        if self.callers.len() < MOST_CALLERS && self.full_until.is_none() {
            fds.push(PollFd::new(&self.listener, PollFlags::IN));
        }
        let timeout = self.timeout().map(|time| Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => (),
            Err(error) => return Err(Error::io("wait for", "callers", &error.into())),
        }
        let callers = self.callers.iter().zip(&fds[2..]);
        let spoke = callers.filter(|(_, fd)| !fd.revents().is_empty());
        Ok(Seen {
            signals: !fds[0].revents().is_empty(),
            callers: spoke.map(|(caller, fd)| (caller.id, fd.revents())).collect(),
        })
    }

    fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let patience = self.callers.iter().filter_map(Caller::patience).min();
        let idle = self.idle_since.map(|since| since + LINGER);
        let own = [patience, idle, self.full_until].into_iter().flatten().min();
        let own = own.map(|at| at.saturating_duration_since(now));
        [own, self.desk.timeout(now)].into_iter().flatten().min()
    }

    fn let_in(&mut self) {
        self.full_until = None;
        while self.callers.len() < MOST_CALLERS {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = match accept_with(&self.listener, flags) {
                Ok(socket) => socket,
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(Errno::WOULDBLOCK) => return,
                Err(error) => {
                    log::warn!("a caller can't be let in: {error}");
                    self.full_until = Some(Instant::now() + Duration::from_millis(200));
                    return;
                }
            };
            let peer = sockopt::socket_peercred(&socket);
            let is_ours = peer.is_ok_and(|peer| peer.uid.as_raw() == self.uid);
            self.callers.push(Caller::new(socket, self.next_id, is_ours));
            self.next_id += 1;
            // What it said already need not wait for another turn.
            self.hear(self.next_id - 1, PollFlags::IN);
        }
    }

    fn hear(&mut self, id: u64, flags: PollFlags) {
        let Some(caller) = self.callers.iter_mut().find(|caller| caller.id == id) else { return };
        let event = caller.advance(flags);
        self.follow(id, event);
    }

    /// What one caller's event leads to, which may be answers for others.
    fn follow(&mut self, id: u64, event: Event) {
        match event {
            Event::Nothing => (),
            Event::Request(content) => {
                let answers = self.desk.take(id, &content);
                self.send(answers);
            }
            Event::Gone => {
                self.desk.forget(id);
                self.callers.retain(|caller| caller.id != id);
            }
        }
    }

    fn send(&mut self, answers: Vec<Answer>) {
        for (id, content) in answers {
            let Some(caller) = self.callers.iter_mut().find(|caller| caller.id == id) else { continue };
            let event = caller.answer(&content);
            self.follow(id, event);
        }
    }

    /// Closes the connections of those who said all, or nothing for too long.
    fn show_out(&mut self, now: Instant) {
        let desk = &mut self.desk;
        self.callers.retain(|caller| {
            let over = caller.is_done() || caller.patience().is_some_and(|until| until <= now);
            if over {
                desk.forget(caller.id);
            }
            !over
        });
    }

    fn may_leave(&mut self, now: Instant) -> bool {
        if !self.desk.is_idle() {
            self.idle_since = None;
            return false;
        }
        if self.desk.is_leaving() {
            return true;
        }
        if !self.callers.is_empty() {
            self.idle_since = None;
            return false;
        }
        *self.idle_since.get_or_insert(now) + LINGER <= now
    }

    /// Leaves, unless somebody is just coming in.
    fn leave(&mut self) -> Result<bool> {
        let lock = lock::try_take(&self.place, START_LOCK)?;
        if !self.desk.is_leaving() {
            // Whoever has it will be here in a moment.
            if lock.is_none() {
                self.idle_since = None;
                return Ok(false);
            }
            self.let_in();
            if !self.callers.is_empty() {
                return Ok(false);
            }
        }
        // The next one starts from its own caller's environment: nobody needs this one any more.
        let session = Session { left: true, environment: Vec::new(), ..self.session.clone() };
        self.desk.begin(&session)?;
        self.place.remove(SOCKET)?;
        log::info!("process {} leaves: nothing is left to do", std::process::id());
        // With the process go its lock, its socket and the lock of starters: in no order that matters.
        std::mem::forget(lock);
        Ok(true)
    }
}
