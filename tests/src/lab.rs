//! What every laboratory has: a process 1 in namespaces of its own, to enter, to look into, and to
//! send signals in. It must not know which service manager runs there.

use crate::begin::while_nothing_begins;
use crate::enter::Enter;
use crate::{APP, machine};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a condition may take to come true before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the laboratories differ in.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The namespaces to enter, as options of nsenter.
    pub(crate) namespaces: &'static [&'static str],
    /// Whether an ordinary user enters as one who has logged in: with XDG_RUNTIME_DIR.
    pub(crate) logged_in: bool,
    /// What someone needs who reads of a failure there.
    pub(crate) scene: fn(&Lab) -> String,
    /// What was put out on its console.
    pub(crate) console: fn(&Lab) -> String,
}

/// A laboratory as seen from outside; each kind of them derefs to it.
#[derive(Debug)]
pub struct Lab {
    kind: &'static Kind,
    pid1: AtomicU32,
    /// So that files of tests in one laboratory do not meet.
    serial: AtomicU32,
}

impl Lab {
    pub(crate) fn new(kind: &'static Kind, pid1: u32) -> Self {
        Self { kind, pid1: AtomicU32::new(pid1), serial: AtomicU32::new(0) }
    }

    pub(crate) fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// There is another process 1 now: it was started again.
    pub(crate) fn restarted(&self, pid1: u32) {
        self.pid1.store(pid1, Ordering::Relaxed);
    }

    /// A command to be run inside, as root unless told otherwise, found on the laboratory's PATH.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Enter<'_> {
        Enter::new(self, program.as_ref())
    }

    /// `anysvc` with these arguments. Panics if `./x build` has not made it.
    #[track_caller]
    pub fn anysvc<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Enter<'_> {
        assert!(
            self.exists("/opt/anysvc/bin/anysvc"),
            "no anysvc in the laboratory: {} does not exist; ./x build makes it",
            crate::target_dir().join("anysvc").display()
        );
        self.command("anysvc").args(args)
    }

    /// Polls until `condition` holds; panics with `what` after half a minute.
    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(
            holds_within(PATIENCE, condition),
            "waited {PATIENCE:?} in vain until {what}\n{}",
            self.scene()
        );
    }

    /// Where `path`, absolute in there, is for the test. Absolute links on the way lead astray.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let inner = path.strip_prefix("/").unwrap_or(path);
        Path::new(&format!("/proc/{}/root", self.pid1())).join(inner)
    }

    /// Whether there is something at `path`, a dangling link included.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// The text of a file in there, with what is not UTF-8 replaced. Panics if it can't be read.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = path.as_ref();
        let bytes = std::fs::read(self.path(path))
            .unwrap_or_else(|error| panic!("reading {} in the laboratory: {error}", path.display()));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Writes a file in there, making the folders it needs: owner, group and mode as said.
    #[track_caller]
    pub fn write(&self, path: impl AsRef<Path>, uid: u32, mode: u32, content: impl AsRef<[u8]>) {
        use std::os::unix::fs::PermissionsExt;
        let outer = self.path(path.as_ref());
        let write = || {
            std::fs::create_dir_all(outer.parent().unwrap_or(Path::new("/")))?;
            std::fs::write(&outer, content.as_ref())?;
            std::os::unix::fs::chown(&outer, Some(uid), Some(uid))?;
            std::fs::set_permissions(&outer, std::fs::Permissions::from_mode(mode))
        };
        if let Err(error) = while_nothing_begins(write) {
            panic!("writing {} in the laboratory: {error}", path.as_ref().display());
        }
    }

    /// Makes a file one that was written yesterday.
    #[track_caller]
    pub fn age(&self, path: impl AsRef<Path>) {
        let yesterday = std::time::SystemTime::now() - Duration::from_secs(86_400);
        let file = std::fs::File::options().write(true).open(self.path(path.as_ref()));
        if let Err(error) = file.and_then(|file| file.set_modified(yesterday)) {
            panic!("dating {} in the laboratory: {error}", path.as_ref().display());
        }
    }

    /// Copies a folder into another laboratory, with owners and modes: what a volume keeps over a restart of
    /// its container. What was there under that name is gone.
    #[track_caller]
    pub fn carry(&self, folder: impl AsRef<Path>, to: &Lab) {
        let (from, target) = (self.path(folder.as_ref()), to.path(folder.as_ref()));
        let above = target.parent().unwrap_or(Path::new("/"));
        let made = std::fs::create_dir_all(above).and_then(|()| match std::fs::remove_dir_all(&target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => std::process::Command::new("/bin/cp").arg("-a").args([&from, &target]).status(),
        });
        match made {
            Ok(status) if status.success() => (),
            other => panic!("carrying {} to another laboratory: {other:?}", folder.as_ref().display()),
        }
    }

    /// An executable shell script of [`APP`]'s at a new path under `/srv`, which is returned.
    #[track_caller]
    pub fn script(&self, text: &str) -> String {
        let path = format!("/srv/script-{}", self.serial.fetch_add(1, Ordering::Relaxed));
        self.write(&path, APP, 0o755, format!("#!/bin/sh\n{text}"));
        path
    }

    /// The id out here of PID 1 in there.
    pub fn pid1(&self) -> u32 {
        self.pid1.load(Ordering::Relaxed)
    }

    /// The id out here of process `pid` in there, if it lives.
    pub fn host_pid(&self, pid: u32) -> Option<u32> {
        machine::outer_pid(self.pid1(), pid)
    }

    /// Sends a signal to process `pid`, as numbered in there. Panics if it does not live.
    #[track_caller]
    pub fn kill(&self, pid: u32, signal: Signal) {
        let outer = self.host_pid(pid);
        let outer =
            outer.unwrap_or_else(|| panic!("no process {pid} in the laboratory to send {signal:?} to"));
        machine::kill(outer, signal).unwrap_or_else(|error| panic!("sending {signal:?} to {pid}: {error}"));
    }

    /// Kills process `pid`, as numbered in there, and waits until it is gone.
    #[track_caller]
    pub fn kill_and_wait(&self, pid: u32) {
        self.kill(pid, Signal::KILL);
        self.wait_until("who was killed is gone", || self.host_pid(pid).is_none());
    }

    /// The name of process `pid`, as numbered in there, if it lives: that of who began it, until it becomes its
    /// program.
    pub fn comm(&self, pid: u32) -> Option<String> {
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", self.host_pid(pid)?)).ok()?;
        Some(comm.trim_end().to_owned())
    }

    /// What someone needs who reads of a failure here.
    pub fn scene(&self) -> String {
        (self.kind.scene)(self)
    }

    /// What was put out so far on its console: by process 1, and by whom it lets.
    pub fn console(&self) -> String {
        (self.kind.console)(self)
    }

    /// Kills everything in there: the kernel takes all processes of the namespace with its PID 1.
    pub(crate) fn kill_all(&self) {
        // Not waited for yet, so that the number can be no one else's.
        let _ = machine::kill(self.pid1(), Signal::KILL);
    }
}

/// Whether `condition` comes true before the patience ends. Asks again and again: conditions here
/// are anything at all, which no one notifies of.
pub(crate) fn holds_within(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    loop {
        match condition() {
            true => return true,
            false if Instant::now() >= end => return false,
            false => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}
