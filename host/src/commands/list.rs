//! `list`: the names alone, one a line.

use anysvc_backend_api::Result;

use super::{
    status,
    subject::{self, Subject},
};
use crate::{
    output::{Output, escape, json, json::Object},
    session::Session,
};

/// Runs the command.
pub fn run(session: &Session, foreign: bool, out: &mut Output) -> Result<u8> {
    let mut subjects = subject::all(session)?;
    if foreign {
        status::add_foreign(session, &mut subjects)?;
    }
    if out.json() {
        let names = |subject: &Subject| {
            Object::new().with("name", subject.name()).with("ours", subject.report.ours())
        };
        let document = Object::new()
            .maybe("backend", session.selected_id().ok())
            .with("scope", session.scope.as_str())
            .with("services", json::list(subjects.iter().map(names)));
        out.document(document);
    } else {
        subjects.iter().for_each(|subject| out.line(&escape::line(subject.name())));
    }
    Ok(0)
}
