//! `signal`: to the main process of services.

use std::time::Duration;

use anysvc_backend_api::{Deadline, Result, Signal, SignalRequest, State};

use super::{
    select,
    subject::{self, Subject},
};
use crate::{
    cli::Selected,
    output::Output,
    session::{Opened, Session},
};

/// Runs the command.
pub fn run(session: &Session, signal: Signal, which: &Selected, out: &mut Output) -> Result<u8> {
    let mut subjects = select::services(session, which)?;
    let deadline = session.working_deadline(Duration::ZERO);
    if which.names.is_empty() && which.instance.is_none() {
        pass_over(session, &mut subjects, deadline);
    }
    let request = |subject: &&Subject| SignalRequest { name: subject.name().to_owned(), signal };
    subject::each(
        &mut subjects,
        |_| true,
        |backend: &Opened, asked: &[&Subject]| {
            backend.remote.signal(asked.iter().map(request).collect(), deadline)
        },
        |subject, answer| {
            if let Err(error) = answer {
                subject.fail(error);
            }
        },
    );
    if out.json() {
        subject::refresh(&mut subjects, deadline);
    }
    Ok(subject::report(session, &subjects, out, |subject| format!("sent {signal} to {}", subject.name())))
}

/// Of many that nobody named, those that have no process are not meant.
fn pass_over(session: &Session, subjects: &mut Vec<Subject>, deadline: Deadline) {
    subject::glance(subjects, deadline);
    let is_down = |s: &mut Subject| matches!(s.report.state(), Some(State::Stopped | State::Failed));
    let down: Vec<String> = subjects.extract_if(.., is_down).map(|s| s.name().to_owned()).collect();
    if !down.is_empty() {
        session.warn(format!("passed over, as they don't run: {}", down.join(", ")));
    }
}
