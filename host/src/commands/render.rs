//! `render`: every file and call that registering would make. Nothing is changed, nothing is asked of the
//! manager.

use std::time::Duration;

use anysvc_backend_api::{Error, Registration, RenderedFile, Rendering, Result};

use super::{
    refusals,
    sources::{self, Wanted},
    subject::{self, Subject},
};
use crate::{
    cli::Render,
    output::{
        Output, Paint,
        json::{self, Object},
    },
    session::{Opened, Session},
};

/// Runs the command.
pub fn run(session: &Session, what: Render, reveal: bool, out: &mut Output) -> Result<u8> {
    let mut subjects = subjects(session, what)?;
    let deadline = session.working_deadline(Duration::ZERO);
    refusals::refuse(session, &mut subjects, deadline);
    let store = session.store()?;
    let registration = |subject: &&Subject| {
        let log_directory = store.log_directory(subject.name());
        Some(Registration { log_directory, ..Registration::new(refusals::for_backend(subject)?) })
    };
    let mut renderings: Vec<(String, Rendering)> = Vec::new();
    subject::each(
        &mut subjects,
        |subject| subject.spec.is_some(),
        |backend: &Opened, asked: &[&Subject]| {
            backend.remote.render(asked.iter().filter_map(registration).collect(), deadline)
        },
        |subject, answer| match answer {
            Ok(rendering) => renderings.push((subject.name().to_owned(), rendering)),
            Err(error) => subject.fail(error),
        },
    );
    if out.json() {
        out.document(document(session, &subjects, &renderings, reveal));
    } else {
        renderings.iter().for_each(|(_, rendering)| print(rendering, reveal, out));
    }
    subjects.iter().filter_map(|subject| subject.report.error.as_ref()).for_each(|error| out.error(error));
    Ok(subject::code(&subjects))
}

fn subjects(session: &Session, what: Render) -> Result<Vec<Subject>> {
    match what {
        Render::Registered(name) => {
            let entry = session.store()?.entry(&name)?.ok_or_else(|| Error::not_registered(&name))?;
            Ok(vec![Subject::with_spec(session, entry)])
        }
        Render::New(source) => {
            let backend = session.selected()?;
            let described = sources::describe(session, source)?;
            let subject = |Wanted { spec, origin }: Wanted| {
                let mut subject = Subject::unstored(&spec.service.name, backend.clone());
                (subject.spec, subject.origin) = (Some(Box::new(spec)), origin);
                subject
            };
            Ok(described.services.into_iter().map(subject).collect())
        }
    }
}

fn print(rendering: &Rendering, reveal: bool, out: &mut Output) {
    for file in &rendering.files {
        out.painted(&format!("# {} (mode {:04o})", file.path.display(), file.mode), Paint::Header);
        out.text("\n");
        match content(file, reveal) {
            Some(content) => content.split_inclusive(|&b| b == b'\n').for_each(|line| {
                out.foreign_line(line.strip_suffix(b"\n").unwrap_or(line));
            }),
            None => out.line(&hidden(file)),
        }
        out.text("\n");
    }
    for call in &rendering.calls {
        out.line(&format!("$ {}", crate::output::escape::line(call)));
    }
}

fn content(file: &RenderedFile, reveal: bool) -> Option<&[u8]> {
    (reveal || !file.secret).then_some(&file.content)
}

fn hidden(file: &RenderedFile) -> String {
    format!("[{} bytes that --reveal shows]", file.content.len())
}

fn document(
    session: &Session,
    subjects: &[Subject],
    renderings: &[(String, Rendering)],
    reveal: bool,
) -> Object {
    let service = |subject: &Subject| {
        let rendering = renderings.iter().find(|(name, _)| name == subject.name()).map(|(_, r)| r);
        let files = rendering.iter().flat_map(|r| &r.files).map(|file| {
            let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
            Object::new()
                .with("path", file.path.to_string_lossy().into_owned())
                .with("mode", format!("{:04o}", file.mode))
                .with("secret", file.secret)
                .maybe("content", content(file, reveal).map(text))
        });
        Object::new()
            .with("name", subject.name())
            .with("files", json::list(files))
            .with("calls", json::list(rendering.iter().flat_map(|r| &r.calls).map(String::as_str)))
            .known("error", subject.report.error.as_ref().map(crate::output::error::object))
    };
    Object::new()
        .maybe("backend", session.selected_id().ok())
        .with("scope", session.scope.as_str())
        .with("services", json::list(subjects.iter().map(service)))
}
