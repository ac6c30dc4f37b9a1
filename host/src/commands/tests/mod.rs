//! What commands do, in what order, with a backend that notes it.

mod looking;
mod mock;
mod orders;
mod others;
mod reconciling;
mod registering;
mod templates;

use std::{
    ffi::OsString,
    path::PathBuf,
    sync::{MutexGuard, PoisonError},
};

use anysvc_backend_api::{State, Status, export::module};

use super::act;
use crate::{
    cli,
    output::{Output, Style, error, exit_code, tests::Memory},
    session::Session,
};
use mock::{Mock, World};

/// A store, and a manager that is only the mock.
struct Stage {
    folder: tempfile::TempDir,
}

/// A command that ended.
struct Ran {
    code: u8,
    stdout: String,
    stderr: String,
    warnings: Vec<String>,
}

impl Stage {
    fn new() -> Stage {
        Stage { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Tells the mock something, or looks at what it noted.
    fn world<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let world = mock::world(self.folder.path());
        let mut world: MutexGuard<'_, World> = world.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut world)
    }

    /// What the mock was asked since this was last looked at.
    fn journal(&self) -> Vec<String> {
        self.world(|world| std::mem::take(&mut world.journal))
    }

    /// A service that somebody else made.
    fn foreign(&self, name: &str) {
        self.world(|world| world.services.insert(name.to_owned(), Status::new(name, State::Running)));
    }

    fn run(&self, line: &str) -> Ran {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let parsed = cli::parse(&args).unwrap_or_else(|refused| panic!("{line}: {}", refused.error));
        let session = Session::for_tests(&parsed.global, self.folder.path(), "mock", module::<Mock>());
        let (stdout, stderr) = (Memory::default(), Memory::default());
        let style: Style = parsed.global.style;
        let mut out = Output::to(Box::new(stdout.clone()), Box::new(stderr.clone()), style, false);
        let code = act(&session, parsed.action, &mut out).unwrap_or_else(|failure| {
            out.text(&error::for_people(&failure, false));
            exit_code::of(&failure)
        });
        out.finish().expect("memory takes all");
        Ran { code, stdout: stdout.text(), stderr: stderr.text(), warnings: session.take_warnings() }
    }

    /// Runs what has to succeed, and forgets what was noted.
    #[track_caller]
    fn given(&self, line: &str) {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
        self.journal();
    }

    /// The text of a service's entry in the store.
    fn stored(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path().join(format!("services/{name}.toml"))).ok()
    }
}
