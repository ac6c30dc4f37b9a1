//! `container`: puts into a container's files what brings its services back when it starts, and takes it out
//! again. Which files those are, a backend says.

use std::{path::Path, rc::Rc, time::Duration};

use anysvc_backend_api::{BootFiles, BootQuery, Error, ErrorKind, Result};

use crate::{
    cli::{Container, Install},
    container::{self, Change, Root, Step},
    output::{
        Output, escape,
        json::{self, Object},
    },
    session::{Opened, Session},
};

/// Where programs are in a container, if this one is not in it.
const PROGRAMS: [&str; 3] = ["/usr/local/bin/anysvc", "/usr/bin/anysvc", "/opt/anysvc/bin/anysvc"];

/// Runs the command.
pub fn run(session: &Session, what: &Container, out: &mut Output) -> Result<u8> {
    let (path, dry_run) = match what {
        Container::Install(install) => (&install.root, install.dry_run),
        Container::Remove { root, dry_run } => (root, *dry_run),
    };
    let root = Root::open(path, session.env.caller().euid)?;
    let (change, files) = match what {
        Container::Install(install) => {
            refuse_what_reconcile_is_not_told(session)?;
            let (backend, mut files) = files(session, install)?;
            // Before what reads it: a start in between finds the one that is to be recognised.
            let config = container::config_file(&root, &backend.id, &files.settings)?;
            files.files.splice(0..0, config);
            warn_of_nobody(session, &root, install)?;
            (container::install(&root, files.files.clone())?, Some((backend, files)))
        }
        Container::Remove { .. } => (container::remove(&root)?, None),
    };
    if !dry_run {
        change.apply(&root)?;
    }
    if out.json() {
        out.document(document(&root, &change, files.as_ref(), dry_run));
    } else {
        show(&root, &change, files.as_ref().map(|(_, files)| files), dry_run, out);
    }
    Ok(0)
}

/// At the start of the container each user's `reconcile` finds its own store. Options of this command that say
/// otherwise would be without effect there, and no service would come back.
fn refuse_what_reconcile_is_not_told(session: &Session) -> Result<()> {
    let usage = |message: &str, hint: &str| Err(Error::new(ErrorKind::Usage, message).with_hint(hint));
    if session.env.overrides().state_dir.is_some() {
        return usage(
            "`--state-dir` says nothing to the container's start",
            "say where services are remembered in the container's configuration, or by ANYSVC_STATE_DIR",
        );
    }
    if session.scope != session.env.default_scope() {
        return usage(
            "`--scope` says nothing to the container's start",
            "--user says whose services come back",
        );
    }
    Ok(())
}

/// What the first backend that knows this container has for it.
fn files(session: &Session, install: &Install) -> Result<(Rc<Opened>, BootFiles)> {
    let query = BootQuery {
        form: install.form.clone(),
        root: install.root.clone(),
        program: program(session, install)?,
        users: if install.users.is_empty() { vec!["root".to_owned()] } else { install.users.clone() },
        after: install.after.clone(),
    };
    let ids: Vec<String> = match session.requested() {
        Some(id) => vec![id.to_owned()],
        None => session.catalog().found.iter().map(|found| found.id.clone()).collect(),
    };
    let mut refused: Option<Error> = None;
    for id in ids {
        let asked = session.backend(&id, session.scope).and_then(|backend| {
            let files = backend.remote.boot_files(query.clone(), session.working_deadline(Duration::ZERO))?;
            Ok((backend, files))
        });
        match asked {
            Ok(found) => return Ok(found),
            // Who has such files says more of why not than who has none at all.
            Err(error) if refused.as_ref().is_none_or(|known| known.hint.is_none()) => refused = Some(error),
            Err(_) => {}
        }
    }
    let mut error = refused.unwrap_or_else(|| Error::new(ErrorKind::NoBackend, "no backend is installed"));
    error.service = None;
    Err(error)
}

/// Whoever is not in the container's list of accounts may come from elsewhere, or be a slip of the pen.
fn warn_of_nobody(session: &Session, root: &Root, install: &Install) -> Result<()> {
    for user in &install.users {
        if root.lists_account(user)? == Some(false) {
            session.warn(format!(
                "{} lists no `{user}`: unless there is one when the container starts, nothing comes back for it",
                root.shown(Path::new(container::ACCOUNTS)).display()
            ));
        }
    }
    Ok(())
}

/// The program, as the container sees it.
fn program(session: &Session, install: &Install) -> Result<String> {
    if let Some(program) = &install.program {
        return Ok(program.clone());
    }
    let root = install.root.canonicalize().map_err(|e| Error::io("open", &install.root, &e))?;
    let own = session.env.program().and_then(|program| program.strip_prefix(&root).ok());
    let own = own.and_then(Path::to_str).map(|inner| format!("/{inner}"));
    let there = |path: &&&str| root.join(&path[1..]).symlink_metadata().is_ok();
    own.or_else(|| PROGRAMS.iter().find(there).map(|path| (*path).to_owned())).ok_or_else(|| {
        let message = format!("there is no anysvc in {}", root.display());
        Error::new(ErrorKind::Usage, message)
            .with_hint("put it there first, or say with --program where it will be")
    })
}

fn document(root: &Root, change: &Change, files: Option<&(Rc<Opened>, BootFiles)>, dry_run: bool) -> Object {
    let content = |path: &Path| {
        let file = files.iter().flat_map(|(_, files)| &files.files).find(|file| file.path == path)?;
        Some((format!("{:04o}", file.mode), String::from_utf8_lossy(&file.content).into_owned()))
    };
    let steps = change.steps.iter().map(|(step, path)| {
        let (mode, text) = content(path).unzip();
        Object::new()
            .with("path", root.shown(path).to_string_lossy().into_owned())
            .with("action", step.as_str())
            .known("mode", mode)
            .known("content", text)
    });
    let advice = files.iter().flat_map(|(_, files)| files.advice.iter().map(String::as_str));
    Object::new()
        .maybe("backend", files.map(|(backend, _)| backend.id.as_str()))
        .maybe("form", files.map(|(_, files)| files.form.as_str()))
        .with("dry_run", dry_run)
        .with("files", json::list(steps))
        .with("advice", json::list(advice))
}

fn show(root: &Root, change: &Change, files: Option<&BootFiles>, dry_run: bool, out: &mut Output) {
    for (step, path) in change.steps.iter().filter(|(step, _)| *step != Step::Keep) {
        let word = match (step, dry_run) {
            (Step::Remove, true) => "to be removed",
            (Step::Remove, false) => "removed",
            (_, true) => "to be written",
            (_, false) => "written",
        };
        out.say(&format!("{word}: {}", root.shown(path).display()));
        let file = files.iter().flat_map(|files| &files.files).find(|file| dry_run && file.path == *path);
        for line in file.iter().flat_map(|file| file.content.split_inclusive(|&byte| byte == b'\n')) {
            out.text("    ");
            out.foreign_line(line.strip_suffix(b"\n").unwrap_or(line));
        }
    }
    if change.is_nothing() {
        out.say(match files {
            Some(_) => "all of it is there already",
            None => "nothing of it is there",
        });
    }
    for line in files.iter().flat_map(|files| &files.advice) {
        out.say(&escape::line(line));
    }
}
