//! What the verbs take and give: one small structure each.

use std::{path::PathBuf, time::SystemTime};

use super::{Bytes, ServiceSpec, Signal, State, Status, Value};
use crate::{
    error::{Error, Result},
    wire::{wire_enum, wire_struct},
};

/// A request for one service.
pub trait Named {
    /// The service's name.
    fn name(&self) -> &str;
}

wire_struct! { must:
    /// A service that is to be registered.
    pub struct Registration {
        /// How to run it.
        pub spec: ServiceSpec,
        /// Start it now; otherwise it stays down until it is started.
        pub start: bool,
        /// It may exist already, made by us: update it, without a restart where nothing changed.
        pub replace: bool,
        /// It may exist already, made by somebody else: take it over.
        pub adopt: bool,
        /// Where its log files go if the spec does not say.
        pub log_directory: PathBuf,
        /// The manager does not run yet: leave it for the manager to find, and wait for nothing. Only asked
        /// of backends that are capable of it.
        pub offline: bool,
    }
}

wire_struct! { must:
    /// A service by name.
    pub struct Target {
        /// Its name; a native one for a foreign service.
        pub name: String,
    }
}

wire_struct! { lenient:
    /// What was done for a service, beside what was asked for.
    #[derive(Default, Eq)]
    pub struct Done {
        /// What its operator ought to know: that a copy of his file was kept, say, and where.
        pub warnings: Vec<String>,
    }
}

impl Done {
    /// The answers of who has nothing to tell beside what was asked for.
    pub fn plainly(answers: Vec<Result<()>>) -> Vec<Result<Done>> {
        answers.into_iter().map(|answer| answer.map(|()| Done::default())).collect()
    }
}

wire_struct! { must:
    /// A signal for the main process of a service.
    pub struct SignalRequest {
        /// The service.
        pub name: String,
        /// The signal.
        pub signal: Signal,
    }
}

wire_enum! {
    /// What to wait for.
    pub enum Goal {
        /// It runs.
        Up = 1 "up",
        /// It said that it is ready.
        Ready = 2 "ready",
        /// It does not run and is not about to.
        Down = 3 "down",
        /// It does not exist.
        Gone = 4 "gone",
        /// It runs no longer as the process that the request names.
        Left = 5 "left",
    }
}

wire_struct! { must:
    /// A wait for one service.
    pub struct WaitRequest {
        /// The service.
        pub name: String,
        /// What for.
        pub goal: Goal,
        /// The process, for [`Goal::Left`].
        pub pid: Option<u32>,
    }
}

impl WaitRequest {
    /// Whether a status is what is waited for.
    pub fn met_by(&self, status: &Status) -> bool {
        match self.goal {
            Goal::Up => status.state == State::Running,
            Goal::Ready => status.state == State::Running && status.ready == Some(true),
            Goal::Down => matches!(status.state, State::Stopped | State::Failed),
            Goal::Gone => false,
            Goal::Left => status.pid != self.pid || status.state != State::Running,
        }
    }

    /// The error for a goal that was not reached by the deadline.
    pub fn late(&self) -> Error {
        Error::timed_out(format!("`{}` was not {} in time", self.name, self.goal)).with_service(&self.name)
    }

    /// Whether a status says that the goal can't be reached any more without somebody acting.
    pub fn hopeless(&self, status: &Status) -> bool {
        matches!(self.goal, Goal::Up | Goal::Ready)
            && (status.held_back
                || matches!(status.state, State::Failed)
                || (status.state == State::Stopped && status.wanted_up == Some(false)))
    }
}

wire_struct! { must:
    /// Which services to list.
    #[derive(Default)]
    pub struct ListQuery {
        /// Also those that we did not make.
        pub foreign: bool,
    }
}

wire_struct! { must:
    /// Which records of the log to read.
    #[derive(Default)]
    pub struct LogQuery {
        /// The services.
        pub names: Vec<String>,
        /// Only so many of the last lines of each; all without.
        pub lines: Option<u64>,
        /// Only those from then on.
        pub since: Option<SystemTime>,
        /// Then wait for more.
        pub follow: bool,
    }
}

wire_struct! { lenient:
    /// One line of a log.
    pub struct LogRecord {
        /// The service.
        pub service: String,
        /// When it was written.
        pub time: Option<SystemTime>,
        /// The line, without its end.
        pub line: Bytes,
    }
}

wire_struct! { lenient:
    /// What a stream gave.
    #[derive(Default)]
    pub struct LogChunk {
        /// The records, in order; empty when the deadline passed first.
        pub records: Vec<LogRecord>,
        /// There will be no more.
        pub end: bool,
    }
}

wire_struct! { lenient:
    /// A file that registering would write.
    pub struct RenderedFile {
        /// Where.
        pub path: PathBuf,
        /// Its mode.
        pub mode: u32,
        /// What it holds.
        pub content: Bytes,
        /// Whether it holds values that are not for everybody's eyes.
        pub secret: bool,
    }
}

wire_struct! { lenient:
    /// All that registering would do.
    #[derive(Default)]
    pub struct Rendering {
        /// The files it would write.
        pub files: Vec<RenderedFile>,
        /// The calls it would make, in words.
        pub calls: Vec<String>,
    }
}

wire_struct! { lenient:
    /// In what a service differs from what registering it would make.
    #[derive(Default)]
    pub struct Difference {
        /// The parts that differ, in the manager's own words; nothing where it is the same.
        pub parts: Vec<String>,
        /// All of that is as we wrote it, from the same spec: by an older version, say. Nobody's hand.
        pub outdated: bool,
    }
}

wire_struct! { must:
    /// What the start of a container is to do.
    pub struct BootQuery {
        /// In which way, by its name; as what is found there wants it without.
        pub form: Option<String>,
        /// The container's root folder, as seen from here.
        pub root: PathBuf,
        /// The program, as the container sees it.
        pub program: String,
        /// The users whose services come back, in this order.
        pub users: Vec<String>,
        /// What has to be up before, in the manager's own words.
        pub after: Vec<String>,
    }
}

wire_struct! { lenient:
    /// The files by which a container's services come back.
    #[derive(Default)]
    pub struct BootFiles {
        /// The way, by its name.
        pub form: String,
        /// The files, by their paths in the container, in the order in which they are to appear.
        pub files: Vec<RenderedFile>,
        /// What whoever makes the image has to know.
        pub advice: Vec<String>,
        /// What the configuration has to say of this backend there, so that it is taken for the one that
        /// fits: a map of texts, which do unless something else is written.
        pub settings: Value,
    }
}

macro_rules! named {
    ($($ty:ty),*) => {$(
        impl Named for $ty {
            fn name(&self) -> &str {
                &self.name
            }
        }
    )*};
}
named!(Target, SignalRequest, WaitRequest, ServiceSpec);

impl Named for Registration {
    fn name(&self) -> &str {
        &self.spec.name
    }
}

impl Named for BootQuery {
    fn name(&self) -> &str {
        self.form.as_deref().unwrap_or_default()
    }
}

impl Target {
    /// The service of that name.
    pub fn new(name: impl Into<String>) -> Target {
        Target { name: name.into() }
    }
}

impl LogQuery {
    /// The last lines of one service.
    pub fn tail(name: impl Into<String>, lines: u64) -> LogQuery {
        LogQuery { names: vec![name.into()], lines: Some(lines), ..LogQuery::default() }
    }
}

impl Registration {
    /// A new service that is started at once.
    pub fn new(spec: ServiceSpec) -> Registration {
        let (replace, adopt, offline) = (false, false, false);
        Registration { spec, start: true, replace, adopt, log_directory: PathBuf::new(), offline }
    }
}
