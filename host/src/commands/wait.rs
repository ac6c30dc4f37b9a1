//! `wait`: until services are up, ready, down or gone, or can't become so.

use std::time::Duration;

use anysvc_backend_api::{Deadline, Error, ErrorKind, Goal, Result, State, Status, WaitRequest};

use super::{
    select,
    start::load_specs,
    subject::{self, Subject},
};
use crate::{
    cli,
    output::{Output, exit_code},
    ready::Probe,
    session::{Opened, Session},
};

/// Between two tries of a probe, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// How long a last look may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Runs the command.
pub fn run(session: &Session, what: &cli::Wait, out: &mut Output) -> Result<u8> {
    let mut subjects = select::services(session, &what.services)?;
    let mut own = Duration::ZERO;
    if what.goal == Goal::Ready {
        load_specs(session, &mut subjects);
        let times = subjects.iter().filter_map(|s| s.spec.as_ref()?.service.ready_timeout());
        own = times.max().unwrap_or_default();
    }
    let deadline = session.deadline(own);
    if what.goal == Goal::Ready {
        refuse_what_says_nothing(&mut subjects, deadline);
    }
    let probed = |subject: &Subject| what.goal == Goal::Ready && is_probed(subject);
    wait_for(&mut subjects, |subject| !probed(subject), what.goal, deadline);
    for subject in subjects.iter_mut().filter(|subject| subject.fine() && probed(subject)) {
        probe_until_ready(session, subject, deadline);
    }
    subjects.iter_mut().for_each(say_what_it_is);
    let code = code(&mut subjects, what.goal);
    let reported = subject::report(session, &subjects, out, |subject| sentence(subject, what.goal));
    Ok(if reported == 0 { code } else { reported })
}

fn wait_for(subjects: &mut [Subject], wanted: impl Fn(&Subject) -> bool, goal: Goal, deadline: Deadline) {
    let request = |s: &&Subject| WaitRequest { name: s.name().to_owned(), goal, pid: None };
    subject::each(
        subjects,
        wanted,
        |backend: &Opened, asked: &[&Subject]| {
            backend.remote.wait(asked.iter().map(request).collect(), deadline)
        },
        |subject, answer| match answer {
            // Gone is what was waited for, whatever else is stored.
            Err(error) if goal == Goal::Gone && error.kind == ErrorKind::NotRegistered => {
                subject.report.status = None;
            }
            // What is gone is in no state.
            Ok(_) if goal == Goal::Gone => subject.report.status = None,
            answer => subject::keep_status(subject, answer),
        },
    );
}

/// What became of one that was waited for in vain, at the end of the time.
fn say_what_it_is(subject: &mut Subject) {
    let Some(mut error) = subject.report.error.take_if(|error| error.kind == ErrorKind::TimedOut) else {
        return;
    };
    subject::refresh(std::slice::from_mut(subject), Deadline::after(LAST_LOOK));
    if let Some(status) = &subject.report.status {
        error.message = format!("{}: it is {}{}", error.message, status.state, subject::because(status));
    }
    subject.fail(error);
}

fn is_probed(subject: &Subject) -> bool {
    let ready = subject.spec.as_ref().and_then(|spec| spec.service.ready.as_ref());
    ready.is_some_and(|ready| ready.check.is_some() || ready.port.is_some() || ready.http.is_some())
}

/// A service that is there and says in no way how it becomes ready can't be waited for.
fn refuse_what_says_nothing(subjects: &mut [Subject], deadline: Deadline) {
    subject::read_status(subjects, deadline);
    for subject in subjects.iter_mut().filter(|subject| subject.fine()) {
        let by_spec = subject.spec.as_ref().and_then(|spec| spec.service.ready_timeout()).is_some();
        let by_manager = subject.report.ready().is_some();
        if !by_spec && !by_manager {
            let name = subject.name().escape_debug();
            let message = format!("nothing says how `{name}` becomes ready");
            subject.fail(Error::unsupported(message).with_hint(
                "wait --for up, or register it with --ready-port, --ready-http, --ready-check, or --ready-notify-fd or \
                 --ready-sd-notify, whichever its program and the backend know",
            ));
        }
    }
}

/// Tries again and again; the pauses are spent on watching whether it still can become ready.
fn probe_until_ready(session: &Session, subject: &mut Subject, deadline: Deadline) {
    let Some((backend, spec)) = subject.backend.clone().zip(subject.spec.clone()) else { return };
    let probe = match Probe::of(&spec.service, session.env.caller().is_root()) {
        Ok(Some(probe)) => probe,
        Ok(None) => return,
        Err(error) => return subject.fail(error),
    };
    let mut pause = PAUSES.0;
    let mut last = None;
    loop {
        wait_for(std::slice::from_mut(subject), |_| true, Goal::Up, deadline);
        let Some(status) = subject.report.status.clone().filter(|_| subject.fine()) else { return };
        if status.state != State::Running {
            return;
        }
        let Err(reason) = probe.again(deadline, last) else {
            return subject.report.probed = Some(true);
        };
        if deadline.passed() {
            subject.report.probed = Some(false);
            let message = format!("`{}` is not ready yet: {reason}", subject.name().escape_debug());
            return subject.fail(Error::timed_out(message));
        }
        last = Some(reason);
        let left = WaitRequest { name: subject.name().to_owned(), goal: Goal::Left, pid: status.pid };
        let _ = backend.remote.wait(vec![left], Deadline::after(pause).min(deadline));
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// What a status that was waited for, and is not as wished, means: failed for good is an error, held back
/// or stopped is not.
fn code(subjects: &mut [Subject], goal: Goal) -> u8 {
    let mut code = 0;
    for subject in subjects.iter_mut().filter(|subject| subject.fine()) {
        let Some(status) = &subject.report.status else { continue };
        let reached = match goal {
            Goal::Up => status.state == State::Running,
            Goal::Ready => status.state == State::Running && subject.report.ready() == Some(true),
            _ => true,
        };
        if reached {
            continue;
        }
        if status.state == State::Failed && !status.held_back {
            let error = failed(status);
            subject.fail(error);
        } else if code == 0 {
            code = exit_code::NOT_RUNNING;
        }
    }
    code
}

fn failed(status: &Status) -> Error {
    let (name, reason) = (status.name.escape_debug(), subject::because(status));
    Error::new(ErrorKind::Died, format!("`{name}` has failed and won't be started again by itself{reason}"))
        .with_hint(format!("`anysvc logs {name}` may say why, `anysvc start {name}` tries again"))
}

fn sentence(subject: &Subject, goal: Goal) -> String {
    let name = subject.name();
    let Some(status) = &subject.report.status else { return format!("{name}: gone") };
    match goal {
        Goal::Ready if subject.report.ready() == Some(true) => format!("{name}: ready"),
        _ => format!("{name}: {}{}", status.state, subject::because(status)),
    }
}
