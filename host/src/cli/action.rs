//! What a command line asks for, as plain data: checked for its form, and nothing done yet.

use std::{
    ffi::OsString,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Goal, Signal};

pub use super::selected::Selected;
use crate::spec::SpecOptions;

/// What to do.
#[derive(Debug)]
pub enum Action {
    /// Print a text: the help, the version.
    Print(String),
    /// Say which backend is chosen.
    Detect {
        /// And why.
        explain: bool,
    },
    /// Say what is installed.
    Backends(Backends),
    /// Create services.
    Register(Box<Register>),
    /// Remove services.
    Unregister(Selected),
    /// Start services.
    Start(Start),
    /// Stop services.
    Stop(Selected),
    /// Restart services.
    Restart(Start),
    /// Send a signal.
    Signal(Signal, Selected),
    /// Say how services are.
    Status(Status),
    /// Name services.
    List {
        /// Which; all without.
        services: Selected,
        /// Foreign ones too.
        foreign: bool,
    },
    /// Show all about one service.
    Show {
        /// The service.
        service: Selected,
        /// With the values of variables.
        reveal: bool,
    },
    /// Say whether all is well.
    Check(Selected),
    /// Print logs.
    Logs(Logs),
    /// Wait.
    Wait(Wait),
    /// Make the manager match the store.
    Reconcile(Reconcile),
    /// Say what registering would do.
    Render {
        /// Of what.
        what: Render,
        /// With the values of variables.
        reveal: bool,
    },
    /// Look at templates, or forget one.
    Template(Template),
    /// Have services come back when a container starts.
    Container(Container),
    /// Become a helper process of a backend.
    BackendMain {
        /// The backend.
        id: String,
        /// What it is told.
        arguments: Vec<OsString>,
    },
}

/// What to say of the installed backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backends {
    /// Name them all.
    List {
        /// With the fields that each honours.
        matrix: bool,
    },
    /// All about one.
    Info(String),
    /// Whether a file would be loaded.
    Verify(PathBuf),
}

/// What to do about templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// Name them all.
    List,
    /// Show all about one.
    Show {
        /// Which.
        name: String,
        /// With the values of variables.
        reveal: bool,
    },
    /// Forget one.
    Remove(String),
}

/// What to do about the files of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    /// Put there what brings services back when it starts.
    Install(Install),
    /// Take it out again.
    Remove {
        /// The container's root folder.
        root: PathBuf,
        /// Only say what would be done.
        dry_run: bool,
    },
}

/// What to put into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// `--for`.
    pub form: Option<String>,
    /// `--root`.
    pub root: PathBuf,
    /// `--user`, each time it was given.
    pub users: Vec<String>,
    /// `--after`, each time it was given.
    pub after: Vec<String>,
    /// `--program`.
    pub program: Option<String>,
    /// `--dry-run`.
    pub dry_run: bool,
}

/// Where a service's spec comes from.
#[derive(Debug)]
pub enum Source {
    /// The command line.
    Command {
        /// Its name.
        name: String,
        /// What it runs.
        argv: Vec<OsString>,
        /// Everything else.
        options: SpecOptions,
    },
    /// A file.
    File(PathBuf),
    /// A template.
    Template {
        /// Its name.
        template: String,
        /// What `{instance}` stands for.
        instance: String,
        /// What differs.
        options: SpecOptions,
    },
}

/// What to register.
#[derive(Debug)]
pub struct Register {
    /// The services.
    pub source: Source,
    /// `--down`.
    pub down: bool,
    /// `--replace`.
    pub replace: bool,
    /// `--if-absent`.
    pub if_absent: bool,
    /// `--adopt`.
    pub adopt: bool,
    /// `--settle`.
    pub settle: Option<Duration>,
}

/// What to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The services.
    pub services: Selected,
    /// `--settle`.
    pub settle: Option<Duration>,
}

/// What to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The services; all without.
    pub services: Selected,
    /// Foreign ones too.
    pub foreign: bool,
    /// Probe readiness.
    pub probe: bool,
}

/// Which lines to print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// The services; all without.
    pub services: Selected,
    /// Wait for more.
    pub follow: bool,
    /// Only so many of the last.
    pub lines: Option<u64>,
    /// Only from then on.
    pub since: Option<SystemTime>,
}

/// What to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The services.
    pub services: Selected,
    /// The state.
    pub goal: Goal,
}

/// How to reconcile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconcile {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Also put right what was done by hand.
    pub force: bool,
}

/// What to render.
#[derive(Debug)]
pub enum Render {
    /// A service that is registered.
    Registered(String),
    /// What `register` would be given.
    New(Source),
}
