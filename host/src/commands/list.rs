//! `list`: the names alone, one a line.

use std::{collections::HashSet, time::Duration};

use anysvc_backend_api::{ListQuery, Result};

use super::{subject, template};
use crate::{
    cli::Selected,
    output::{Output, escape, exit_code, json, json::Object},
    session::Session,
    store::Header,
};

/// Runs the command.
pub fn run(session: &Session, which: &Selected, foreign: bool, out: &mut Output) -> Result<u8> {
    let wanted = |header: &Header| {
        which.template.is_none()
            || (header.template == which.template
                && (which.instance.is_none() || header.instance == which.instance))
    };
    let (ours, problems) = subject::headers(session, wanted)?;
    if let (true, Some(template)) = (ours.is_empty(), &which.template) {
        template::find(session, template)?;
    }
    let mut names: Vec<(String, Option<Header>)> =
        ours.into_iter().map(|header| (header.name.clone(), Some(header))).collect();
    if foreign {
        let known: HashSet<String> = names.iter().map(|(name, _)| name.clone()).collect();
        let deadline = session.working_deadline(Duration::ZERO);
        let listed = session.selected()?.remote.list(ListQuery { foreign: true }, deadline)?;
        let others = listed.into_iter().map(|status| status.name).filter(|name| !known.contains(name));
        names.extend(others.map(|name| (name, None)));
    }
    if out.json() {
        let service = |(name, header): &(String, Option<Header>)| {
            let header = header.as_ref();
            Object::new()
                .with("name", name.as_str())
                .with("ours", header.is_some())
                .maybe("template", header.and_then(|header| header.template.as_deref()))
                .maybe("instance", header.and_then(|header| header.instance.as_deref()))
        };
        let document = Object::new()
            .maybe("backend", session.selected_id().ok())
            .with("scope", session.scope.as_str())
            .with("services", json::list(names.iter().map(service)));
        out.document(document);
    } else {
        names.iter().for_each(|(name, _)| out.line(&escape::line(name)));
    }
    problems.iter().for_each(|problem| out.error(&problem.error));
    Ok(problems.first().map_or(0, |problem| exit_code::of(&problem.error)))
}
