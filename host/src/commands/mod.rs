//! What each command does. One file a command (or a family of them); what several share is beside them:
//! `subject` (the services a command is about), `select` (which those are), `settle` (whether what was started
//! lives), `plan` (in what order). Commands speak to people through `output` alone, and to managers through
//! `session` alone.

mod backends;
mod boots;
mod check;
mod container;
mod detect;
mod existing;
mod found;
mod list;
mod log_folder;
mod logs;
mod matrix;
mod plan;
mod reconcile;
mod refusals;
mod register;
mod render;
mod replacing;
mod required;
mod select;
mod settle;
mod show;
mod signal;
mod sources;
mod start;
mod status;
mod stop;
mod subject;
mod template;
#[cfg(test)]
mod tests;
mod unregister;
mod wait;

use anysvc_backend_api::{ErrorKind, Result};

use crate::{
    cli::{Action, Global},
    output::Output,
    session::Session,
};

/// Does what was asked for; the answer is the exit code.
///
/// # Errors
/// When the command failed as a whole. Failures of single services are reported by the command itself.
pub fn run(global: &Global, action: Action, out: &mut Output) -> Result<u8> {
    if let Action::Print(text) = action {
        out.text(&text);
        return Ok(0);
    }
    let session = Session::new(global)?;
    let code = act(&session, action, out);
    session.take_warnings().iter().for_each(|warning| out.warn(warning));
    code
}

fn act(session: &Session, action: Action, out: &mut Output) -> Result<u8> {
    let of_backends = matches!(
        action,
        Action::Print(_) | Action::Detect { .. } | Action::Backends(_) | Action::BackendMain { .. }
    );
    if session.requested().is_some() && !of_backends {
        // Whatever the command goes on to ask: a backend that is not there is a mistake in any case.
        session.selected_id().map(|_| ()).or_else(|e| match e.kind {
            ErrorKind::NoBackend => Err(e),
            _ => Ok(()),
        })?;
    }
    match action {
        Action::Print(_) => Ok(0),
        Action::Detect { explain } => detect::run(session, explain, out),
        Action::Backends(what) => backends::run(session, &what, out),
        Action::Register(what) => register::run(session, *what, out),
        Action::Unregister(which) => unregister::run(session, &which, out),
        Action::Start(what) => start::run(session, &what, start::Verb::Start, out),
        Action::Restart(what) => start::run(session, &what, start::Verb::Restart, out),
        Action::Stop(which) => stop::run(session, &which, out),
        Action::Signal(signal, which) => signal::run(session, signal, &which, out),
        Action::Status(what) => status::run(session, &what, out),
        Action::List { services, foreign } => list::run(session, &services, foreign, out),
        Action::Show { service, reveal } => show::run(session, &service, reveal, out),
        Action::Check(which) => check::run(session, &which, out),
        Action::Logs(what) => logs::run(session, &what, out),
        Action::Wait(what) => wait::run(session, &what, out),
        Action::Reconcile(what) => reconcile::run(session, &what, out),
        Action::Container(what) => container::run(session, &what, out),
        Action::Render { what, reveal } => render::run(session, what, reveal, out),
        Action::Template(what) => template::run(session, &what, out),
        Action::BackendMain { id, arguments } => backends::become_helper(session, &id, arguments),
    }
}
