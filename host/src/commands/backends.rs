//! `backends`: what is installed, from where, whether it fits; all about one; whether a file would be
//! loaded. And `backend-main`, by which a backend's helper process begins.

use std::{ffi::OsString, path::Path, time::Duration};

use anysvc_backend_api::{Capability, Description, Error, ErrorKind, Result, Scope, remote};

use super::matrix;
use crate::{
    cli::Backends,
    discovery::Found,
    loader::{self, Loaded, Stage},
    manifest::Truth,
    output::{
        Cell, Output, Paint, Table, error, escape, exit_code,
        json::{self, Object},
    },
    selection::{self, Explained},
    session::Session,
};

/// Runs the command.
pub fn run(session: &Session, what: &Backends, out: &mut Output) -> Result<u8> {
    match what {
        Backends::List { matrix: false } => list(session, out),
        Backends::List { matrix: true } => matrix::run(session, out),
        Backends::Info(id) => info(session, id, out),
        Backends::Verify(path) => Ok(verify(session, path, out)),
    }
}

fn list(session: &Session, out: &mut Output) -> Result<u8> {
    let (env, config) = (&session.env, &session.config);
    let chain = selection::explain(session.catalog(), env, config, session.requested(), session.scope);
    if out.json() {
        let backends = json::list(chain.candidates.iter().map(object));
        out.document(
            Object::new()
                .maybe("backend", chain.chosen.as_deref())
                .with("scope", session.scope.as_str())
                .with("backends", backends),
        );
    } else if chain.candidates.is_empty() {
        out.say("no backend is installed");
        out.hint("`anysvc detect --explain` lists the folders that were searched");
    } else {
        out.table(&table(&chain.candidates));
    }
    let folders = chain.searched.iter().filter_map(|searched| searched.problem.as_ref());
    let problems = folders.chain(chain.candidates.iter().filter_map(|c| c.problem.as_ref()));
    problems.for_each(|problem| session.warn(problem.message.clone()));
    Ok(0)
}

fn table(candidates: &[Explained]) -> Table {
    let mut table = Table::new(&["ID", "PRIORITY", "SCOPES", "VERDICT", "FROM", "SUMMARY"]);
    for candidate in candidates {
        let manifest = candidate.found.manifest.as_ref().ok();
        let paint = match (candidate.verdict.as_str(), &candidate.problem) {
            ("chosen", _) => Paint::Good,
            (_, Some(_)) => Paint::Bad,
            _ => Paint::Plain,
        };
        let verdict = if candidate.problem.is_some() { "can't be used" } else { &candidate.verdict };
        table.row(vec![
            candidate.found.id.as_str().into(),
            candidate.priority.to_string().into(),
            manifest.map(|manifest| scopes(&manifest.scopes)).unwrap_or_default().into(),
            Cell::painted(verdict, paint),
            candidate.found.folder().to_string_lossy().into(),
            manifest.map(|manifest| manifest.summary.clone()).unwrap_or_default().into(),
        ]);
    }
    table
}

fn scopes(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

fn object(candidate: &Explained) -> Object {
    let fits = match candidate.fits {
        Truth::True => Some(true),
        Truth::False => Some(false),
        Truth::Unknown => None,
    };
    of_manifest(&candidate.found)
        .with("priority", candidate.priority)
        .with("disabled", candidate.disabled)
        .maybe("fits", fits)
        .with("verdict", candidate.verdict.as_str())
        .known("error", candidate.problem.as_ref().map(error::object))
}

fn of_manifest(found: &Found) -> Object {
    let manifest = found.manifest.as_ref().ok();
    Object::new()
        .with("id", found.id.as_str())
        .maybe("summary", manifest.map(|manifest| manifest.summary.as_str()))
        .with("manifest", found.path.to_string_lossy().into_owned())
        .maybe("library", found.library().ok().map(|path| path.to_string_lossy().into_owned()))
        .with("source", found.source.to_string())
        .with("scopes", json::list(manifest.iter().flat_map(|m| &m.scopes).map(|scope| scope.as_str())))
}

fn installed<'s>(session: &'s Session, id: &str) -> Result<&'s Found> {
    session.catalog().get(id).ok_or_else(|| {
        Error::new(ErrorKind::NoBackend, format!("the backend `{}` is not installed", id.escape_debug()))
            .with_hint("`anysvc backends` lists what is")
    })
}

/// Loads a backend that is installed, whether it fits or not.
pub(super) fn load(session: &Session, found: &Found) -> Result<Loaded> {
    loader::load(loader::examine(found, &session.env)?)
}

fn info(session: &Session, id: &str, out: &mut Output) -> Result<u8> {
    let found = installed(session, id)?;
    let loaded = load(session, found)?;
    let description = loaded.describe()?;
    let manager = manager_version(session, id);
    if out.json() {
        let backend = of_manifest(found)
            .with("version", description.version.as_str())
            .maybe("manager_version", manager.as_deref())
            .with("capabilities", json::list(names(&description)))
            .with("fields", matrix::fields(&description));
        let selected = session.selected_id().ok();
        let document = Object::new().maybe("backend", selected).with("scope", session.scope.as_str());
        out.document(document.with("info", backend));
        return Ok(0);
    }
    let manifest = found.manifest.as_ref().map_err(Clone::clone)?;
    out.painted(&escape::line(&description.id), Paint::Header);
    out.line(&escape::line(&format!(" {}: {}", description.version, description.summary)));
    let note = format!("{}.{}", loaded.note.major, loaded.note.minor);
    for (what, text) in [
        ("manifest", found.path.display().to_string()),
        ("library", loaded.path.display().to_string()),
        ("found", found.source.to_string()),
        ("API", note),
        ("scopes", scopes(&manifest.scopes)),
        ("priority", manifest.priority.to_string()),
        ("manager", manager.map_or_else(|| "not known".to_owned(), |version| format!("version {version}"))),
        ("can", names(&description).collect::<Vec<_>>().join(", ")),
    ] {
        out.line(&format!("  {what:<10}{}", escape::line(&text)));
    }
    out.text("\n");
    out.table(&matrix::of_one(&description));
    Ok(0)
}

/// The version of its service manager, where it is the one that serves here and tells.
fn manager_version(session: &Session, id: &str) -> Option<String> {
    let serves = session.selected_id().is_ok_and(|selected| selected == id);
    let backend = serves.then(|| session.selected().ok()).flatten()?;
    backend.remote.probe(session.working_deadline(Duration::ZERO)).ok()?.version
}

fn names(description: &Description) -> impl Iterator<Item = &'static str> {
    let known = |capability: &&Capability| **capability != Capability::Unknown;
    description.capabilities.iter().filter(known).map(|capability| capability.as_str())
}

fn verify(session: &Session, path: &Path, out: &mut Output) -> u8 {
    let report = loader::verify(path, &session.env);
    if out.json() {
        let stage = |stage: &Stage| {
            Object::new()
                .with("stage", stage.name)
                .with("passed", stage.outcome.is_ok())
                .maybe("found", stage.outcome.as_deref().ok())
        };
        let stages = json::list(report.stages.iter().map(stage));
        let error = report.error().map(error::object);
        let selected = session.selected_id().ok();
        let document = Object::new().maybe("backend", selected).with("scope", session.scope.as_str());
        let document = document.with("stages", stages);
        out.document(document.known("error", error));
    } else {
        for Stage { name, outcome } in &report.stages {
            let (word, paint) = if outcome.is_ok() { ("ok", Paint::Good) } else { ("failed", Paint::Bad) };
            out.text(&format!("{name:<10}"));
            out.painted(word, paint);
            let found = outcome.as_ref().map_or_else(|_| String::new(), |found| format!(": {found}"));
            out.line(&escape::line(&found));
        }
    }
    match report.error() {
        None => 0,
        Some(error) => {
            out.error(error);
            exit_code::of(error)
        }
    }
}

/// Becomes a helper process of a backend; the answer is its exit code.
///
/// # Errors
/// When there is no such backend, or it can't be used.
pub fn become_helper(session: &Session, id: &str, arguments: Vec<OsString>) -> Result<u8> {
    let loaded = load(session, installed(session, id)?)?;
    let arguments = arguments.into_iter().map(OsString::into_encoded_bytes).collect();
    let code = remote::serve(loaded.module, loader::host_fns(), arguments);
    Ok(u8::try_from(code).unwrap_or(1))
}
