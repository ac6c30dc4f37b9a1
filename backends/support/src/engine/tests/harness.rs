//! A supervisor of real processes, for tests: it is driven until a condition holds.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anysvc_backend_api::{Bytes, LogTo, ServiceSpec, State, Status};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::scratch::Scratch;
use crate::engine::{Config, Service, Supervisor, Unix};

/// Longer than anything here takes on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Real {
    pub(super) supervisor: Supervisor<Unix>,
    pub(super) scratch: Scratch,
    pub(super) seen: Vec<(String, Option<Status>)>,
}

/// A service that a shell runs. Its log is in files.
pub(super) fn shell(name: &str, script: &str) -> ServiceSpec {
    let command = ["/bin/sh", "-c", script].map(Bytes::from).to_vec();
    ServiceSpec { name: name.to_owned(), command, ..ServiceSpec::default() }
}

/// The same, without a log.
pub(super) fn quiet(name: &str, script: &str) -> ServiceSpec {
    let mut spec = shell(name, script);
    spec.log.to = Some(LogTo::None);
    spec
}

/// This process's environment, as services get it.
pub(super) fn environment() -> Vec<(Bytes, Bytes)> {
    use std::os::unix::ffi::OsStringExt as _;
    std::env::vars_os().map(|(n, v)| (Bytes(n.into_vec()), Bytes(v.into_vec()))).collect()
}

impl Real {
    pub(super) fn new() -> Real {
        Real::on(Unix::new().unwrap(), Scratch::new())
    }

    pub(super) fn on(unix: Unix, scratch: Scratch) -> Real {
        Real::build(unix, scratch, None)
    }

    pub(super) fn with_console(scratch: Scratch, console: fs::File) -> Real {
        Real::build(Unix::new().unwrap(), scratch, Some(console))
    }

    fn build(unix: Unix, scratch: Scratch, console: Option<fs::File>) -> Real {
        let config = Config {
            records: scratch.path().join("records"),
            environment: environment(),
            directory: scratch.path().to_owned(),
            console,
        };
        Real { supervisor: Supervisor::new(unix, config).unwrap(), scratch, seen: Vec::new() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub(super) fn service(&self, spec: ServiceSpec) -> Service {
        let log_directory = self.path("logs").join(&spec.name);
        Service { spec, log_directory }
    }

    pub(super) fn add(&mut self, spec: ServiceSpec) {
        self.supervisor.add(self.service(spec), true).unwrap();
    }

    pub(super) fn status(&self, name: &str) -> Status {
        self.supervisor.status(name).unwrap()
    }

    pub(super) fn pid(&self, name: &str) -> u32 {
        self.status(name).pid.expect("it runs")
    }

    /// Handles what happens until something holds.
    #[track_caller]
    pub(super) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Real) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.supervisor.turn().unwrap();
            for change in self.supervisor.changes() {
                self.seen.push((change.name, change.status));
            }
            if holds(self) {
                return;
            }
            let names: Vec<&str> = self.supervisor.names().collect();
            let all: Vec<_> = names.iter().take(5).map(|name| self.supervisor.status(name)).collect();
            assert!(Instant::now() < end, "never came: {what}; {all:#?}");
            // What a test waits for may be outside of what the supervisor hears of: it looks often.
            let wait = self.supervisor.timeout().unwrap_or(PATIENCE).min(Duration::from_millis(5));
            let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
            let woken = poll(&mut [PollFd::new(&self.supervisor, PollFlags::IN)], Some(&wait));
            assert!(matches!(woken, Ok(_) | Err(Errno::INTR)), "{woken:?}");
        }
    }

    #[track_caller]
    pub(super) fn until_state(&mut self, name: &str, state: State) -> Status {
        self.until(&format!("`{name}` {state}"), |real| real.status(name).state == state);
        self.status(name)
    }

    /// Until a file has some text.
    #[track_caller]
    pub(super) fn until_file(&mut self, path: &Path, text: &str) {
        let what = format!("{text:?} in {}", path.display());
        self.until(&what, |_| fs::read_to_string(path).is_ok_and(|found| found.contains(text)));
    }

    /// The text of the lines in a service's log, oldest first, without their times.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let Some(folder) = self.supervisor.log_folder(name) else { return Vec::new() };
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        // `@` is before `c`.
        files.sort();
        let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        text.lines().map(|line| line[31..].to_owned()).collect()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // Nothing that a test started survives it.
        for name in self.supervisor.names().map(str::to_owned).collect::<Vec<_>>() {
            if let Ok(Status { pid: Some(pid), .. }) = self.supervisor.status(&name) {
                // SAFETY: numbers only: the group of a child that was not asked how it ended.
                unsafe { libc::kill(-(pid as i32), libc::SIGKILL) };
            }
        }
    }
}

/// Whether a process is there and is no zombie.
pub(super) fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
    state.is_some_and(|state| !"ZX".contains(state))
}

/// The number in a file.
pub(super) fn number(path: &Path) -> u32 {
    fs::read_to_string(path).unwrap().trim().parse().unwrap()
}
