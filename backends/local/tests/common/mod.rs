//! A state folder of a test's own, its backend as the host would call it, and the end of its supervisor.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anysvc_backend_api::{
    Bytes, Context, Deadline, Error, Facts, Goal, LogQuery, Registration, Result, Scope, ServiceSpec, State,
    Status, Target, User, WaitRequest, abi::HostFns, export::module, remote::Remote,
};
use anysvc_local::Local;

struct Quiet;

impl log::Log for Quiet {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }
    fn log(&self, _: &log::Record<'_>) {}
    fn flush(&self) {}
}

/// Long enough for anything that works.
pub fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// One state folder and its backend.
pub struct Lab {
    pub backend: Remote,
    pub state_dir: PathBuf,
    context: Context,
}

impl Lab {
    /// A fresh one.
    pub fn new() -> Lab {
        let state_dir = fresh_folder();
        Lab::at(&state_dir)
    }

    /// One for a folder that is there.
    pub fn at(state_dir: &Path) -> Lab {
        // With a logger in place the backend leaves this process's panic hook alone, which is the one
        // that says where a test failed.
        let _ = log::set_logger(&Quiet);
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let user = User { uid, gid, groups: Vec::new(), name: None, home: None };
        let scope = if uid == 0 { Scope::System } else { Scope::User };
        let facts = Facts { program: Some(helper()), ..Facts::default() };
        let state_dir = state_dir.to_owned();
        let context = Context { scope, user, facts, state_dir: state_dir.clone(), ..Context::for_tests() };
        let backend = Remote::open(module::<Local>(), HostFns::silent(), context.clone());
        Lab { backend: backend.expect("it opens"), state_dir, context }
    }

    /// Where the supervisor keeps its things.
    pub fn folder(&self) -> PathBuf {
        self.state_dir.join("backend-local")
    }

    /// Registers and starts a shell script.
    pub fn register(&self, name: &str, script: &str) -> Result<()> {
        self.put(self.registration(name, script))
    }

    /// A registration of a shell script.
    pub fn registration(&self, name: &str, script: &str) -> Registration {
        let command = ["/bin/sh", "-c", script].map(Bytes::from).into();
        let spec = ServiceSpec { name: name.into(), command, ..ServiceSpec::default() };
        Registration { log_directory: self.state_dir.join("log").join(name), ..Registration::new(spec) }
    }

    pub fn put(&self, registration: Registration) -> Result<()> {
        self.backend.register(vec![registration], soon()).remove(0).map(drop)
    }

    pub fn start(&self, name: &str) -> Result<()> {
        self.backend.start(vec![Target::new(name)], soon()).remove(0)
    }

    pub fn stop(&self, name: &str) -> Result<()> {
        self.backend.stop(vec![Target::new(name)], soon()).remove(0)
    }

    pub fn restart(&self, name: &str) -> Result<()> {
        self.backend.restart(vec![Target::new(name)], soon()).remove(0)
    }

    pub fn unregister(&self, name: &str) -> Result<()> {
        self.backend.unregister(vec![Target::new(name)], soon()).remove(0).map(drop)
    }

    pub fn status(&self, name: &str) -> Result<Status> {
        self.backend.status(vec![Target::new(name)], soon()).remove(0)
    }

    pub fn wait(&self, name: &str, goal: Goal) -> Result<Status> {
        let request = WaitRequest { name: name.into(), goal, pid: None };
        self.backend.wait(vec![request], soon()).remove(0)
    }

    /// The process of a service that runs.
    #[track_caller]
    pub fn pid(&self, name: &str) -> u32 {
        let status = self.status(name).expect("it is registered");
        assert_eq!(status.state, State::Running, "{status:?}\n{}", self.log());
        status.pid.expect("what runs has a process")
    }

    /// Waits for the first line that a service writes.
    #[track_caller]
    pub fn first_line(&self, name: &str) -> String {
        let query = LogQuery { follow: true, names: vec![name.into()], ..LogQuery::default() };
        let mut log = self.backend.logs(query).expect("a log");
        let mut chunk = log.next(soon()).expect("its records");
        assert!(!chunk.records.is_empty(), "nothing was written\n{}", self.log());
        chunk.records.remove(0).line.to_string()
    }

    /// The supervisor's process, if one runs.
    pub fn supervisor(&self) -> Option<i32> {
        let probe = self.backend.probe(soon()).expect("a probe");
        probe.facts.iter().find_map(|fact| fact.strip_prefix("process ")?.parse().ok())
    }

    /// What the supervisor had to say.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("supervisor.log")).unwrap_or_default()
    }

    /// Kills the supervisor, and waits until it is gone.
    pub fn kill_supervisor(&self) {
        let pid = self.supervisor().expect("a supervisor runs");
        kill(pid, rustix::process::Signal::KILL);
        self.wait_for_its_end();
    }

    /// Waits until no supervisor has the folder any more.
    pub fn wait_for_its_end(&self) {
        if let Ok(lock) = File::open(self.folder().join("lock")) {
            rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("the lock");
        }
    }

    /// The error of a probe.
    pub fn refusal(&self) -> Error {
        self.backend.probe(soon()).expect_err("the folder is refused")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // One whose folder is refused has no supervisor.
        if let Ok(probe) = self.backend.probe(soon()) {
            let process = probe.facts.iter().find_map(|fact| fact.strip_prefix("process ")?.parse().ok());
            if let Some(pid) = process {
                kill(pid, rustix::process::Signal::TERM);
                self.wait_for_its_end();
            } else if let Ok(all) = self.backend.list(Default::default(), soon()) {
                // A killed one is back now.
                if let Some(pid) = self.supervisor().filter(|_| !all.is_empty()) {
                    kill(pid, rustix::process::Signal::TERM);
                    self.wait_for_its_end();
                }
            }
        }
        if std::thread::panicking() {
            eprintln_log(&self.log());
        }
        let _ = fs::remove_dir_all(&self.state_dir);
    }
}

#[allow(clippy::print_stderr, reason = "a failed test shows what its supervisor said")]
fn eprintln_log(log: &str) {
    eprintln!("--- the supervisor's log\n{log}");
}

/// Sends a signal to a process that this test started.
pub fn kill(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    // One that is gone already is as wanted.
    let _ = rustix::process::kill_process(pid, signal);
}

/// Whether a process is there and not dead.
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A folder that nobody else has.
pub fn fresh_folder() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("anysvc-local-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("its mode");
    path
}

/// The stand-in for the installed program.
fn helper() -> PathBuf {
    let own = std::env::current_exe().expect("this test has a path");
    let profile = own.parent().and_then(Path::parent).expect("target/PROFILE/deps/TEST");
    profile.join("examples/helper")
}

/// Waits until something is so that nothing tells of.
#[track_caller]
pub fn until(mut so: impl FnMut() -> bool) {
    let end = soon();
    while !so() {
        assert!(!end.passed(), "it did not become so in time");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
