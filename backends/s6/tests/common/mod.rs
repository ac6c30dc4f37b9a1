//! A private s6-svscan on a temporary scandir, in each of the three worlds that the backend serves, and
//! the backend driven as whoever lives there. The s6 commands are the oracle.
//!
//! Credentials belong to threads on Linux: a test as uid 10000 is a thread that dropped to it.
#![allow(dead_code, unused_imports, reason = "no test uses all of it")]

mod single;

use std::{
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anysvc_backend_api::{
    Backend, Context, Error, ErrorKind, LogTo, Registration, Result, ServiceSpec, User, Value,
};
use anysvc_s6::S6;
use rustix::{
    process::{Gid, Pid, Uid, kill_process},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};
pub use single::{Single, batch};

/// The user of the shared and the nested world.
pub const APP: u32 = 10_000;

/// Whose s6-svscan it is, and who uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Root uses root's.
    Root,
    /// Uid 10000 uses root's, whose scandir was handed over.
    Shared,
    /// Uid 10000 uses his own.
    Nested,
}

/// A running s6-svscan.
pub struct World {
    pub kind: Kind,
    pub scandir: PathBuf,
    dir: PathBuf,
    svscan: Child,
}

static SERIAL: AtomicU32 = AtomicU32::new(0);

/// Runs a test in every world, each in its own thread with the right credentials. Without root there is
/// only the nested one.
pub fn in_each_world(test: impl Fn(&World) + Send + Sync + Copy) {
    let root = rustix::process::geteuid().is_root();
    let kinds: &[Kind] = if root { &[Kind::Root, Kind::Shared, Kind::Nested] } else { &[Kind::Nested] };
    for &kind in kinds {
        in_world(kind, &[], test);
    }
}

/// Runs a test in one world, whose s6-svscan gets more arguments.
pub fn in_world(kind: Kind, arguments: &[&str], test: impl Fn(&World) + Send + Sync) {
    in_world_prepared(kind, arguments, |_| (), test);
}

/// The same, with something that is done first as whoever runs the tests.
pub fn in_world_prepared(
    kind: Kind,
    arguments: &[&str],
    prepare: impl Fn(&World),
    test: impl Fn(&World) + Send + Sync,
) {
    let world = World::start(kind, arguments);
    prepare(&world);
    let failed = std::thread::scope(|scope| {
        let run = || {
            world.become_user();
            test(&world);
        };
        scope.spawn(run).join().is_err()
    });
    assert!(!failed, "failed in the world {kind:?}");
}

impl World {
    fn start(kind: Kind, arguments: &[&str]) -> World {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("anysvc-s6-{}-{serial}", std::process::id()));
        let scandir = dir.join("service");
        fs::create_dir_all(scandir.join(".s6-svscan")).unwrap();
        fs::create_dir_all(dir.join("log")).unwrap();
        for folder in [&dir, &scandir, &scandir.join(".s6-svscan"), &dir.join("log")] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let control = scandir.join(".s6-svscan/control");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &control,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let root = rustix::process::geteuid().is_root();
        if kind != Kind::Root && root {
            for path in [&scandir, &control, &dir.join("log")] {
                std::os::unix::fs::chown(path, Some(APP), Some(APP)).unwrap();
            }
        }
        let mut command = Command::new(s6_command("s6-svscan"));
        let errors = fs::File::create(dir.join("stderr")).unwrap();
        command.args(arguments).arg(&scandir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let path = format!("{}:/usr/bin:/bin", s6_command("").display());
        command.env_clear().env("PATH", path).process_group(0);
        if kind == Kind::Nested && root {
            std::os::unix::fs::chown(scandir.join(".s6-svscan"), Some(APP), Some(APP)).unwrap();
            command.uid(APP).gid(APP);
        }
        let world = World { kind, dir, svscan: command.spawn().unwrap(), scandir };
        eventually("s6-svscan listens", || {
            world.s6("s6-svscanctl", ["-z", world.text(&world.scandir)]).status.success()
        });
        world
    }

    /// Makes the calling thread the one who lives here.
    pub fn become_user(&self) {
        if self.kind != Kind::Root && rustix::process::geteuid().is_root() {
            let (uid, gid) = (Uid::from_raw(APP), Gid::from_raw(APP));
            set_thread_groups(&[]).unwrap();
            set_thread_res_gid(gid, gid, gid).unwrap();
            set_thread_res_uid(uid, uid, uid).unwrap();
        }
    }

    fn text<'a>(&self, path: &'a Path) -> &'a str {
        path.to_str().unwrap()
    }

    /// Holds the lock that changes of the scandir are made under.
    pub fn lock(&self) -> fs::File {
        let fifo = fs::OpenOptions::new().write(true).open(self.control()).unwrap();
        rustix::fs::flock(&fifo, rustix::fs::FlockOperation::LockExclusive).unwrap();
        fifo
    }

    /// The FIFO by which s6-svscan is told things.
    pub fn control(&self) -> PathBuf {
        self.scandir.join(".s6-svscan/control")
    }

    /// Has s6-svscan look for what is gone; until it has heard that, and no supervisor is left.
    pub fn prune(&self) {
        assert!(self.s6("s6-svscanctl", ["-an", self.text(&self.scandir)]).status.success());
        let control = fs::File::open(self.control()).unwrap();
        let unheard = || rustix::io::ioctl_fionread(&control).unwrap();
        eventually("no supervisor is left", || unheard() == 0 && self.supervisors().is_empty());
    }

    /// Sends a signal to the s6-svscan.
    pub fn signal(&self, signal: rustix::process::Signal) {
        kill_process(Pid::from_child(&self.svscan), signal).unwrap();
    }

    /// Where a service's directory is.
    pub fn slot(&self, name: &str) -> PathBuf {
        self.scandir.join(name)
    }

    /// What s6-svscan and its children complained of.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.dir.join("stderr")).unwrap_or_default()
    }

    /// A backend on this scandir.
    pub fn backend(&self) -> S6 {
        let mut context = Context::for_tests();
        context.user = User {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            groups: Vec::new(),
            name: None,
            home: None,
        };
        context.settings = Value::Map(vec![("scandir".into(), self.text(&self.scandir).into())]);
        S6::open(context).unwrap()
    }

    /// A registration of a shell script, without a log.
    pub fn script(&self, name: &str, script: &str) -> Registration {
        self.registration(name, &["/bin/sh", "-c", script])
    }

    /// A registration, without a log.
    pub fn registration(&self, name: &str, command: &[&str]) -> Registration {
        let mut spec = ServiceSpec { name: name.to_owned(), ..ServiceSpec::default() };
        spec.command = command.iter().map(|&argument| argument.into()).collect();
        spec.log.to = Some(LogTo::None);
        let mut registration = Registration::new(spec);
        registration.log_directory = self.dir.join("log").join(name);
        registration
    }

    /// One with a log.
    pub fn logged(&self, name: &str, script: &str) -> Registration {
        let mut registration = self.script(name, script);
        registration.spec.log.to = None;
        registration
    }

    /// Runs a command of s6's as whoever the thread is.
    pub fn s6<'a>(&self, name: &str, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        let mut command = Command::new(s6_command(name));
        // A thread's credentials are inherited by what it starts.
        command.args(arguments).output().unwrap()
    }

    /// The words of `s6-svstat -o up,wantedup,pid`.
    pub fn svstat(&self, name: &str, fields: &str) -> String {
        let output = self.s6("s6-svstat", ["-o", fields, self.text(&self.slot(name))]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
            + String::from_utf8_lossy(&output.stderr).trim()
    }

    /// Whether `s6-svok` finds a supervisor.
    pub fn supervised(&self, name: &str) -> bool {
        self.s6("s6-svok", [self.text(&self.slot(name))]).status.success()
    }

    /// What the scandir holds, but for s6-svscan's own.
    pub fn entries(&self) -> Vec<String> {
        let names = fs::read_dir(&self.scandir).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> =
            names.map(|n| n.to_string_lossy().into_owned()).filter(|n| n != ".s6-svscan").collect();
        names.sort();
        names
    }

    /// The processes whose working folder is below the scandir: supervisors, and what they start.
    pub fn supervisors(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
            let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            if pid == self.svscan.id() || comm.trim() != "s6-supervise" {
                continue;
            }
            if parent(pid) == Some(self.svscan.id()) {
                found.push(pid);
            }
        }
        found
    }

    /// A service directory that somebody else made.
    pub fn foreign(&self, name: &str, run: &str) {
        let staging = self.scandir.join(format!(".{name}"));
        fs::create_dir(&staging).unwrap();
        fs::write(staging.join("run"), format!("#!/bin/sh\n{run}\n")).unwrap();
        fs::set_permissions(staging.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&staging, self.slot(name)).unwrap();
        assert!(self.s6("s6-svscanctl", ["-a", self.text(&self.scandir)]).status.success());
        // In the shared world root's supervisor lets nobody in where it made the folder itself.
        eventually("the foreign service runs", || self.slot(name).join("supervise").exists());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.svscan.id() as i32) {
            let mut left = self.supervisors();
            let _ = kill_process(pid, rustix::process::Signal::TERM);
            let end = Instant::now() + Duration::from_secs(3);
            while matches!(self.svscan.try_wait(), Ok(None)) && Instant::now() < end {
                tick();
            }
            let _ = self.svscan.kill();
            let _ = self.svscan.wait();
            left.retain(|&pid| Path::new(&format!("/proc/{pid}")).exists());
            for pid in left {
                let _ = Pid::from_raw(pid as i32).map(|pid| kill_process(pid, rustix::process::Signal::KILL));
            }
        }
        if std::thread::panicking() {
            // Not by the macros, whose output the threads of a test would lose.
            let text = format!("--- s6-svscan's standard error\n{}\n", self.stderr());
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Where a command of s6's is: `S6_BIN` names the folder of another version.
fn s6_command(name: &str) -> PathBuf {
    std::env::var_os("S6_BIN").map_or("/usr/bin".into(), PathBuf::from).join(name)
}

/// What nobody tells of is looked at now and then: a poll of nothing is a timer.
fn tick() {
    let two_ms = rustix::event::Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
    let _ = rustix::event::poll(&mut [], Some(&two_ms));
}

/// Waits for something that nobody tells of.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "in vain waited until {what}");
        tick();
    }
}

/// The kind of an error, which there has to be.
#[track_caller]
pub fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    let error: Error = result.unwrap_err();
    error.kind
}

fn masks(pid: u32, what: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or("0");
    u64::from_str_radix(line.trim(), 16).unwrap_or(0) & (1 << 14) != 0
}

/// Whether TERM does nothing to a process.
pub fn ignores_term(pid: u32) -> bool {
    masks(pid, "SigIgn:")
}

/// Whether TERM is no sudden end of a process.
pub fn handles_term(pid: u32) -> bool {
    masks(pid, "SigIgn:") || masks(pid, "SigCgt:")
}
