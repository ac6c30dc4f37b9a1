//! `signal`: to the main process of services.

use std::time::Duration;

use anysvc_backend_api::{Result, Signal, SignalRequest};

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
