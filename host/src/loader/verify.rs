//! Every check of a backend, stage by stage, for its author: `anysvc backends verify PATH`.

use std::{io, path::Path};

use anysvc_backend_api::{Description, Error, ErrorKind};

use super::{Examined, load};
use crate::{
    discovery::{self, Found},
    environment::Environment,
    look, trust,
};

/// Longer than any library takes to be loaded, in seconds.
const LONGEST: libc::c_uint = 20;

/// One stage and how it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// What was found out.
    pub outcome: Result<String, Error>,
}

/// All stages up to the first that failed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Verification {
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// What the backend says of itself, if it got so far.
    pub description: Option<Description>,
}

impl Verification {
    /// What is wrong; nothing when all is well.
    pub fn error(&self) -> Option<&Error> {
        self.stages.iter().find_map(|stage| stage.outcome.as_ref().err())
    }

    fn stage<T>(
        &mut self,
        name: &'static str,
        result: Result<T, Error>,
        say: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let outcome = result.as_ref().map(say).map_err(Clone::clone);
        self.stages.push(Stage { name, outcome });
        result.ok()
    }
}

/// Verifies a backend by its manifest, or by its library alone.
pub fn verify(path: &Path, env: &Environment) -> Verification {
    let mut report = Verification::default();
    let _ = stages(&mut report, path, env);
    report
}

fn stages(report: &mut Verification, path: &Path, env: &Environment) -> Option<()> {
    let found = if path.extension().is_some_and(|extension| extension == "toml") {
        let found = discovery::found_at(path, env);
        report.stage("manifest", found.manifest.clone(), |manifest| {
            format!("`{}`: {}", manifest.id, manifest.summary)
        })?;
        Some(found)
    } else {
        None
    };
    let library = found.as_ref().map_or_else(|| Ok(path.to_owned()), Found::library).ok()?;
    let file =
        report.stage("trust", trust::open(&library, env.owners()), |file| file.path.display().to_string())?;
    let note = report.stage("look", look::look(&file.file, &file.path), |note| {
        format!("API {}.{}, layout {:016x}", note.major, note.minor, note.fingerprint)
    })?;
    let id = found.as_ref().map_or_else(String::new, |found| found.id.clone());
    report
        .stage("rehearsal", rehearse(&library, env), |()| "another process survived loading it".to_owned())?;
    let loaded = load(Examined { id: id.clone(), note, file });
    let mut loaded = report.stage("load", loaded, |_| "its functions fit".to_owned())?;
    if found.is_none() {
        loaded.id =
            anysvc_backend_api::remote::describe(loaded.module, super::host_fns()).map_or(id, |d| d.id);
    }
    report.description =
        report.stage("describe", loaded.describe(), |d| format!("`{}` {}: {}", d.id, d.version, d.summary));
    Some(())
}

/// Loads the library in a process of its own first: what a look can't see, code that was damaged, ends
/// the process that loads it, and here that is to be told.
fn rehearse(library: &Path, env: &Environment) -> Result<(), Error> {
    let file = trust::open(library, env.owners())?;
    let note = look::look(&file.file, &file.path)?;
    let path = file.path.clone();
    let failed = |cause| Error::io("start a process for", &path, &cause);
    // SAFETY: the child loads a library and ends, as a new process would; of the C library's locks that
    // another thread may hold just now, the loader's and the allocator's are made anew by `fork`.
    match unsafe { libc::fork() } {
        -1 => Err(failed(io::Error::last_os_error())),
        0 => {
            silence();
            // What it says is told when it is loaded here.
            let rehearsed = load(Examined { id: String::new(), note, file });
            let described = rehearsed.map(|loaded| loaded.describe());
            drop(described);
            // SAFETY: ends the child at once, without running what belongs to the parent.
            unsafe { libc::_exit(0) }
        }
        pid => match ended(pid).map_err(failed)? {
            None => Ok(()),
            Some(how) => {
                let message = format!("{} {how}", path.display());
                let error = Error::new(ErrorKind::Plugin, message).with_path(&path);
                Err(error.with_hint("it is damaged, or does harm when it is loaded: install it again"))
            }
        },
    }
}

/// The child's part: nothing of it is shown, and it does not go on for ever.
fn silence() {
    // SAFETY: system calls on the child's own descriptors and timer.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for standard in 0..3 {
            libc::dup2(null, standard);
        }
        libc::alarm(LONGEST);
    }
}

/// How a child ended, if not by itself.
fn ended(pid: libc::pid_t) -> io::Result<Option<String>> {
    let mut status = 0;
    // SAFETY: `status` is live; the child is ours.
    while unsafe { libc::waitpid(pid, &raw mut status, 0) } == -1 {
        let cause = io::Error::last_os_error();
        if cause.kind() != io::ErrorKind::Interrupted {
            return Err(cause);
        }
    }
    Ok(match (libc::WIFSIGNALED(status), libc::WTERMSIG(status), libc::WEXITSTATUS(status)) {
        (true, libc::SIGALRM, _) => Some(format!("can't be loaded within {LONGEST} s")),
        (true, signal, _) => Some(format!("ends the process that loads it, with signal {signal}")),
        (false, _, 0) => None,
        (false, _, code) => Some(format!("ends the process that loads it, with code {code}")),
    })
}
