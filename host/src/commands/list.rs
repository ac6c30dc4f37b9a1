//! `list`: the names alone, one a line.

use std::time::Duration;

use anysvc_backend_api::{ListQuery, Result};

use super::subject;
use crate::{
    output::{Output, escape, json, json::Object},
    session::Session,
};

/// Runs the command.
pub fn run(session: &Session, foreign: bool, out: &mut Output) -> Result<u8> {
    let ours = subject::headers(session, |_| true)?;
    let mut names: Vec<(String, bool)> = ours.into_iter().map(|header| (header.name, true)).collect();
    if foreign {
        let known: std::collections::HashSet<String> = names.iter().map(|(name, _)| name.clone()).collect();
        let deadline = session.working_deadline(Duration::ZERO);
        let listed = session.selected()?.remote.list(ListQuery { foreign: true }, deadline)?;
        let others = listed.into_iter().map(|status| status.name).filter(|name| !known.contains(name));
        names.extend(others.map(|name| (name, false)));
    }
    if out.json() {
        let service =
            |(name, ours): &(String, bool)| Object::new().with("name", name.as_str()).with("ours", *ours);
        let document = Object::new()
            .maybe("backend", session.selected_id().ok())
            .with("scope", session.scope.as_str())
            .with("services", json::list(names.iter().map(service)));
        out.document(document);
    } else {
        names.iter().for_each(|(name, _)| out.line(&escape::line(name)));
    }
    Ok(0)
}
