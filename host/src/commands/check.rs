//! `check`: is everything up that is wanted up, and ready where it says how? For scripts and health checks.

use std::time::Duration;

use anysvc_backend_api::{ErrorKind, Result, State};

use super::{
    select, status,
    subject::{self, Subject},
};
use crate::{
    cli::Selected,
    output::{Output, exit_code},
    session::Session,
    store::Desired,
};

/// Runs the command.
pub fn run(session: &Session, which: &Selected, out: &mut Output) -> Result<u8> {
    let mut subjects = select::looked_at(session, which)?;
    let named = !which.names.is_empty() || which.instance.is_some();
    if subjects.is_empty() {
        // Where nothing could run, nothing is healthy.
        session.selected_id()?;
        session.must_answer_if_requested()?;
    }
    let look = if out.json() { subject::read_status } else { subject::glance };
    look(&mut subjects, session.working_deadline(Duration::ZERO));
    status::probe(session, &mut subjects);
    let sick: Vec<(&Subject, String)> =
        subjects.iter().filter_map(|subject| Some((subject, complaint(subject)?))).collect();
    if out.json() {
        out.document(subject::document(session, &subjects).with("healthy", sick.is_empty()));
    }
    for (subject, complaint) in &sick {
        match &subject.report.error {
            Some(error) if error.kind != ErrorKind::NotRegistered || named => out.error(error),
            _ => out.say(complaint),
        }
    }
    if sick.is_empty() {
        out.say(&format!("healthy: {}", counted(subjects.len())));
    }
    let failed = |(subject, _): &(&Subject, String)| match &subject.report.error {
        Some(error) if error.kind != ErrorKind::NotRegistered || named => exit_code::of(error),
        _ => exit_code::NOT_RUNNING,
    };
    Ok(sick.iter().map(failed).next().unwrap_or(0))
}

fn counted(services: usize) -> String {
    if services == 1 { "1 service".to_owned() } else { format!("{services} services") }
}

/// What is wrong with a service. What is not wanted up is as it should be, and so is what its condition
/// holds back. What we did not make is wanted up if somebody asks for it.
fn complaint(subject: &Subject) -> Option<String> {
    let report = &subject.report;
    if let Some(error) = &report.error {
        if error.kind == ErrorKind::NotRegistered && report.desired() == Some(Desired::Down) {
            return None;
        }
        return Some(error.message.clone());
    }
    let status = report.status.as_ref()?;
    if report.desired() == Some(Desired::Down) || status.held_back {
        return None;
    }
    let reason = subject::because(status);
    match (status.state, report.ready()) {
        (State::Running, Some(false)) => Some(format!("{} is not ready{reason}", report.name)),
        (State::Running, _) => None,
        (state, _) => Some(format!("{} should run and is {state}{reason}", report.name)),
    }
}

#[cfg(test)]
mod tests {
    use anysvc_backend_api::{Error, Status};

    use super::*;
    use crate::output::Service;

    fn subject(state: State, change: impl Fn(&mut Status)) -> Subject {
        let mut status = Status::new("web", state);
        change(&mut status);
        let report = Service { status: Some(status), ..Service::named("web") };
        Subject { report, backend: None, spec: None, implied: false, origin: None }
    }

    #[test]
    fn what_runs_and_is_not_unready_is_healthy() {
        assert_eq!(complaint(&subject(State::Running, |_| {})), None);
        assert_eq!(complaint(&subject(State::Running, |s| s.ready = Some(true))), None);
        let unready = complaint(&subject(State::Running, |s| s.ready = Some(false)));
        assert_eq!(unready.as_deref(), Some("web is not ready"));
    }

    #[test]
    fn what_does_not_run_is_not_unless_its_condition_holds_it_back() {
        let failed = complaint(&subject(State::Failed, |s| s.reason = Some("gave up".into())));
        assert_eq!(failed.as_deref(), Some("web should run and is failed (gave up)"));
        assert_eq!(complaint(&subject(State::Stopped, |s| s.held_back = true)), None);
        let mut absent = subject(State::Running, |_| {});
        absent.report.error = Some(Error::not_registered("web"));
        assert!(complaint(&absent).is_some());
    }
}
