//! Whether what was started lives: it becomes ready where something says how, and otherwise the same
//! process is still there after a moment. What dies is reported with its exit and its last lines, and left
//! to its restart policy. Nothing here sleeps: the backend is asked to say when a process is gone.

use std::time::{Duration, Instant, SystemTime};

use anysvc_backend_api::{
    Deadline, Error, ErrorKind, Exit, Goal, LogQuery, Result, State, Status, WaitRequest,
};

use super::subject::{self, Subject};
use crate::{
    output::time,
    ready::Probe,
    session::{Opened, Session},
};

/// How long a process has to live where nothing else is said.
pub const SETTLE: Duration = Duration::from_millis(250);
/// Lines of the log that are shown of one that died.
const LAST_LINES: u64 = 10;
/// How long reading those that are there may take; a busy machine needs some time.
const READING: Duration = Duration::from_secs(2);
/// How long the last lines may be on their way to the log. Only one that dies without a word costs that.
const LOG_LAG: Duration = Duration::from_millis(500);
/// How long after the end of a process its condition may be seen to be the reason: under s6 a script has to
/// run first, which takes its time on a busy machine. Waiting ends as soon as that is known.
const CONDITION_LAG: Duration = Duration::from_secs(5);
/// How long to wait between two tries of a probe, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long a process may be gone unnoticed where it says itself when it is ready.
const GLANCE: Duration = Duration::from_millis(250);

/// What holds for all of a command.
pub struct Settling<'a> {
    session: &'a Session,
    /// How long a process has to live.
    settle: Duration,
    /// When the command began: older lines are not about it.
    began: SystemTime,
}

/// How long a service may take to become ready.
struct Patience {
    /// From when on.
    began: Instant,
    /// As its spec says.
    own: Duration,
    /// The end of that.
    until: Deadline,
    /// The same, or the end of what the caller waits.
    deadline: Deadline,
}

impl<'a> Settling<'a> {
    /// Begins now.
    pub fn new(session: &'a Session, settle: Option<Duration>) -> Settling<'a> {
        Settling { session, settle: settle.unwrap_or(SETTLE), began: SystemTime::now() }
    }

    /// Sees to those subjects that are fine and wanted. Whether their status is still what was just read: none
    /// of them had to be waited for.
    pub fn see_to(&self, subjects: &mut [Subject], wanted: impl Fn(&Subject) -> bool + Copy) -> bool {
        if self.session.no_wait() {
            return false;
        }
        let deadline = self.session.deadline(Duration::ZERO);
        let status =
            |backend: &Opened, asked: &[&Subject]| backend.remote.status(subject::targets(asked), deadline);
        subject::each(subjects, wanted, status, |subject, answer| self.judge(subject, answer));
        // On the way, or not to be read just now: it may come up yet.
        let open = |s: &Subject| wanted(s) && !s.report.status.as_ref().is_some_and(settled);
        let runs = |s: &Subject| s.report.state() == Some(State::Running);
        let over = |s: &Subject| !open(s) && (!runs(s) || (self.settle.is_zero() && !says_how(s)));
        if subjects.iter().filter(|s| s.fine() && wanted(s)).all(over) {
            return true;
        }
        self.wait(subjects, open, Goal::Up, deadline, Settling::judge);
        let must_live = |s: &Subject| wanted(s) && runs(s) && !says_how(s);
        self.live(subjects, must_live);
        let becoming = subjects.iter_mut().filter(|s| s.fine() && wanted(s) && runs(s) && says_how(s));
        // Their times run at once, whichever of them is looked at first.
        let becoming: Vec<_> = becoming.map(|subject| (self.patience(subject), subject)).collect();
        for (patience, subject) in becoming {
            self.become_ready(subject, patience);
        }
        false
    }

    /// Waits until the time to settle is over; who left before has died.
    fn live(&self, subjects: &mut [Subject], wanted: impl Fn(&Subject) -> bool) {
        if self.settle.is_zero() {
            return;
        }
        let deadline = Deadline::after(self.settle);
        let young = |s: &Subject| wanted(s) && self.is_young(s);
        self.wait(subjects, young, Goal::Left, deadline, |settling, subject, answer| match answer {
            Err(error) if error.kind == ErrorKind::TimedOut => {}
            Err(error) => subject.fail(error),
            Ok(status) => settling.left(subject, status, "died at once"),
        });
    }

    /// What it means that a process is gone: its service died, unless its condition is what ended it. That
    /// may show a moment later only.
    fn left(&self, subject: &mut Subject, mut status: Status, when: &str) {
        let conditional = subject.spec.as_ref().is_some_and(|spec| spec.service.when.is_some());
        // What its condition holds back did not fail.
        let failed = status.last_exit.as_ref().is_some_and(|exit| exit.code.is_none_or(|code| code != 0));
        if let (true, false, Some(backend)) = (conditional && !failed, status.held_back, &subject.backend) {
            let up = vec![request(subject, Goal::Up)];
            let answer = backend.remote.wait(up, Deadline::after(CONDITION_LAG)).into_iter().next();
            if let Some(Ok(later)) = answer.filter(|answer| answer.as_ref().is_ok_and(|s| s.held_back)) {
                status = later;
            }
        }
        if status.held_back {
            subject.report.status = Some(status);
        } else {
            self.died(subject, status, when);
        }
    }

    /// Whether its process has not lived long enough yet.
    fn is_young(&self, subject: &Subject) -> bool {
        let since = subject.report.status.as_ref().and_then(|status| status.since);
        since.is_none_or(|since| time::since(since) < self.settle)
    }

    /// What a status says of a service that was just started.
    fn judge(&self, subject: &mut Subject, answer: Result<Status>) {
        match answer {
            Ok(status) if status.state == State::Running || status.held_back || !settled(&status) => {
                subject.report.status = Some(status);
            }
            Ok(status) => self.left(subject, status, "died at once"),
            Err(error) => subject.fail(error),
        }
    }

    /// One call of `wait` for all.
    fn wait(
        &self,
        subjects: &mut [Subject],
        wanted: impl Fn(&Subject) -> bool,
        goal: Goal,
        deadline: Deadline,
        then: impl Fn(&Self, &mut Subject, Result<Status>),
    ) {
        subject::each(
            subjects,
            wanted,
            |backend, asked| backend.remote.wait(asked.iter().map(|s| request(s, goal)).collect(), deadline),
            |subject, answer| then(self, subject, answer),
        );
    }

    /// How long a service may take to become ready, from now on.
    fn patience(&self, subject: &Subject) -> Patience {
        let own = subject.spec.as_ref().and_then(|spec| spec.service.ready_timeout()).unwrap_or_default();
        let until = Deadline::after(own);
        Patience { began: Instant::now(), own, until, deadline: until.min(self.session.deadline(own)) }
    }

    /// Waits until a service is ready, or its process is gone, or the time is over. One look it has in any case.
    fn become_ready(&self, subject: &mut Subject, patience: Patience) {
        let Some((service, backend)) = subject.spec.as_ref().map(|s| &s.service).zip(subject.backend.clone())
        else {
            return;
        };
        let deadline = patience.deadline;
        let probe = match Probe::of(service, self.session.env.caller().is_root()) {
            Ok(probe) => probe,
            Err(error) => return subject.fail(error),
        };
        let mut pause = if probe.is_some() { PAUSES.0 } else { GLANCE };
        let mut why = None;
        loop {
            if let Some(probe) = &probe {
                let time = if deadline.passed() { Deadline::after(GLANCE) } else { deadline };
                match probe.once(time) {
                    Ok(()) => return subject.report.probed = Some(true),
                    Err(reason) => why = Some(reason),
                }
            }
            let goal = if probe.is_some() { Goal::Left } else { Goal::Ready };
            let until = Deadline::after(pause).min(deadline);
            let answer = backend.remote.wait(vec![request(subject, goal)], until).into_iter().next();
            match answer {
                Some(Ok(status)) if goal == Goal::Ready && status.ready == Some(true) => {
                    return subject.report.status = Some(status);
                }
                Some(Ok(status)) => return self.left(subject, status, "died before it was ready"),
                Some(Err(error)) if error.kind != ErrorKind::TimedOut => return subject.fail(error),
                _ => {}
            }
            if goal == Goal::Ready && !self.still_there(subject, &backend) {
                return;
            }
            if deadline.passed() {
                subject.report.probed = probe.as_ref().map(|_| false);
                let late = patience.until.passed();
                let after = if late { patience.own } else { patience.began.elapsed() };
                return self.never_ready(subject, late, after, why);
            }
            pause = if probe.is_some() { (pause * 2).min(PAUSES.1) } else { GLANCE };
        }
    }

    /// Whether the process is still the one that was started. If not, that is noted.
    fn still_there(&self, subject: &mut Subject, backend: &Opened) -> bool {
        let left = vec![request(subject, Goal::Left)];
        match backend.remote.wait(left, Deadline::after(Duration::ZERO)).into_iter().next() {
            Some(Ok(status)) => self.left(subject, status, "died before it was ready"),
            Some(Err(error)) if error.kind != ErrorKind::TimedOut => subject.fail(error),
            _ => return true,
        }
        false
    }

    fn never_ready(&self, subject: &mut Subject, late: bool, after: Duration, why: Option<String>) {
        let name = subject.name().escape_debug().to_string();
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let seconds = (time::seconds(after) * 10.0).round() / 10.0;
        if !late {
            let message = format!("`{name}` is not ready after {seconds} s{why}");
            return subject.fail(
                Error::timed_out(message)
                    .with_hint(format!("it goes on; `anysvc wait {name} --for ready` waits longer")),
            );
        }
        let message = format!("`{name}` did not become ready within {seconds} s{why}");
        let stderr = self.last_lines(subject);
        subject.fail(Error { stderr, ..Error::new(ErrorKind::Died, message) }.with_hint(looks(&name)));
    }

    /// Notes that a service died, with what is known of how.
    fn died(&self, subject: &mut Subject, status: Status, when: &str) {
        let name = subject.name().escape_debug().to_string();
        // Where nothing ended, its program was not even begun.
        let reason = status.reason.as_ref().map(|reason| format!(": {reason}"));
        let how = status.last_exit.as_ref().map(how_it_ended).or(reason).unwrap_or_default();
        let code = status.last_exit.as_ref().and_then(|exit| exit.code);
        let error = Error::new(ErrorKind::Died, format!("`{name}` {when}{how}")).with_hint(looks(&name));
        let stderr = self.last_lines(subject);
        subject.report.status = Some(status);
        subject.fail(Error { status: code, stderr, ..error });
    }

    /// The last lines that it wrote since the command began.
    fn last_lines(&self, subject: &Subject) -> Option<String> {
        let backend = subject.backend.as_ref()?;
        let since = Some(self.began);
        let query = LogQuery { since, ..LogQuery::tail(subject.name(), LAST_LINES) };
        let lines = read(backend, query.clone(), READING);
        // What it wrote last may still be on its way.
        let lines = lines.or_else(|| read(backend, LogQuery { follow: true, ..query }, LOG_LAG))?;
        Some(lines)
    }
}

/// The lines of a log that come in a time.
fn read(backend: &Opened, query: LogQuery, time: Duration) -> Option<String> {
    let deadline = Deadline::after(time);
    let mut stream = backend.remote.logs(query).ok()?;
    let mut text = String::new();
    while let Ok(chunk) = stream.next(deadline) {
        for record in &chunk.records {
            text.push_str(&String::from_utf8_lossy(&record.line));
            text.push('\n');
        }
        if chunk.end || !text.is_empty() || deadline.passed() {
            break;
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Whether a status is an answer to how a start went, and not something on the way.
fn settled(status: &Status) -> bool {
    !matches!(status.state, State::Starting | State::Stopping | State::Unknown)
}

fn request(subject: &Subject, goal: Goal) -> WaitRequest {
    let pid = subject.report.status.as_ref().and_then(|status| status.pid);
    WaitRequest { name: subject.name().to_owned(), goal, pid: pid.filter(|_| goal == Goal::Left) }
}

/// Whether something says how it becomes ready.
fn says_how(subject: &Subject) -> bool {
    subject.spec.as_ref().is_some_and(|spec| spec.service.ready_timeout().is_some())
}

fn how_it_ended(exit: &Exit) -> String {
    match (&exit.code, &exit.signal) {
        (_, Some(signal)) => format!(": killed by {signal}"),
        (Some(code), None) => format!(" with exit code {code}"),
        (None, None) => String::new(),
    }
}

fn looks(name: &str) -> String {
    format!("`anysvc logs {name}` shows more of what it wrote, `anysvc status {name}` what it does now")
}
