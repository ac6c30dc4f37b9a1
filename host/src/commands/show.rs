//! `show`: how a service is to run, where that is stored, and what the manager has.

use std::{slice, time::Duration};

use anysvc_backend_api::Result;

use super::{
    select,
    subject::{self, Subject},
};
use crate::{
    cli::Selected,
    output::{Output, Paint, escape, json},
    session::Session,
    spec::{Reveal, to_toml},
};

/// Runs the command.
pub fn run(session: &Session, service: &Selected, reveal: bool, out: &mut Output) -> Result<u8> {
    let store = session.store()?;
    let name = &select::name_of(session, service)?;
    let mut subject = match store.entry(name)? {
        Some(entry) => Subject::with_spec(session, entry),
        None => Subject::unstored(name, session.selected()?),
    };
    subject::read_status(slice::from_mut(&mut subject), session.working_deadline(Duration::ZERO));
    if subject.spec.is_none() {
        subject.report.error.take().map_or(Ok(()), Err)?;
    }
    let reveal = if reveal { Reveal::Values } else { Reveal::Nothing };
    let text = subject.spec.as_ref().map(|spec| to_toml(spec, reveal));
    let path = subject.spec.as_ref().map(|_| store.file_of(name));
    if out.json() {
        out.document(
            subject::document(session, slice::from_ref(&subject))
                .maybe("spec", text)
                .maybe("path", path.map(|path| path.to_string_lossy().into_owned())),
        );
    } else {
        if let Some(path) = path {
            comment(out, &format!("stored in {}", path.display()));
        }
        print(&subject, text.as_deref(), out);
    }
    subject.report.error.iter().for_each(|error| out.error(error));
    Ok(subject::code(slice::from_ref(&subject)))
}

fn print(subject: &Subject, spec: Option<&str>, out: &mut Output) {
    let report = &subject.report;
    let (backend, scope) =
        (report.backend.as_deref().unwrap_or("?"), report.scope.map(|scope| scope.as_str()));
    comment(out, &format!("backend {backend}, scope {}", scope.unwrap_or("?")));
    if let Some(desired) = report.desired() {
        comment(out, &format!("wanted {}", desired.as_str()));
    }
    if let Some(status) = &report.status {
        comment(
            out,
            &format!("is {}{}", status.state, if report.ours() { "" } else { ", not made by anysvc" }),
        );
        let mut native = String::new();
        json::write(&mut native, &status.native);
        comment(out, &format!("native {native}"));
    }
    if let Some(spec) = spec {
        out.text("\n");
        out.text(&escape::block(spec));
    }
}

fn comment(out: &mut Output, text: &str) {
    out.painted(&format!("# {}", escape::line(text)), Paint::Faint);
    out.text("\n");
}
