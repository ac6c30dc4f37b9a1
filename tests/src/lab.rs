//! A running s6 laboratory: entering it, its files, its processes, and its end.

use crate::enter::Enter;
use crate::start::{Builder, Scandir};
use crate::{APP, machine};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a condition may take to come true, and a command to end, before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A real s6-svscan as PID 1 of its own PID and mount namespaces. Dropping it kills all of it.
///
/// Inside are a tmpfs as root, the machine's `/usr` and `/dev`, the s6 commands in `/command`
/// alone, users `app` and `other`, `/run/service`, `/run/s6/basedir`, `with-contenv` with
/// `CONTAINER_VAR`, and `target/anysvc` in `/opt/anysvc`, all of it root's. The container's
/// output is `/var/log/container.log`.
#[derive(Debug)]
pub struct S6Lab {
    unshare: Child,
    pid1: u32,
    scandir: Scandir,
    /// So that files of tests in one laboratory do not meet.
    serial: AtomicU32,
}

impl S6Lab {
    /// A laboratory with root's own tree; more is said on the builder.
    #[allow(clippy::new_ret_no_self, reason = "`S6Lab::new().nested().start()` is how a test begins")]
    pub fn new() -> Builder {
        Builder::default()
    }

    pub(crate) fn from_parts(unshare: Child, pid1: u32, scandir: Scandir) -> Self {
        Self { unshare, pid1, scandir, serial: AtomicU32::new(0) }
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

    /// A command of s6's or execline's, from `/command`: the oracle.
    pub fn s6<I: IntoIterator<Item: AsRef<OsStr>>>(&self, name: &str, args: I) -> Enter<'_> {
        self.command(format!("/command/{name}")).args(args)
    }

    /// Polls until `condition` holds; panics with `what` after ten seconds.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < end, "waited {PATIENCE:?} in vain until {what}\n{}", self.scene());
            // Conditions here are anything at all, which no one notifies of.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The scandir that [`APP`] is to use here: the nested tree's, else root's.
    pub fn scandir(&self) -> &'static str {
        if self.scandir == Scandir::Nested { "/run/app/service" } else { "/run/service" }
    }

    /// Where `path`, absolute in there, is for the test. Absolute links on the way lead astray.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let inner = path.strip_prefix("/").unwrap_or(path);
        Path::new(&format!("/proc/{}/root", self.pid1)).join(inner)
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
        if let Err(error) = write() {
            panic!("writing {} in the laboratory: {error}", path.as_ref().display());
        }
    }

    /// An executable shell script of [`APP`]'s at a new path under `/srv`, which is returned.
    #[track_caller]
    pub fn script(&self, text: &str) -> String {
        let path = format!("/srv/script-{}", self.serial.fetch_add(1, Ordering::Relaxed));
        self.write(&path, APP, 0o755, format!("#!/bin/sh\n{text}"));
        path
    }

    /// Whether an s6-svscan reads the control FIFO of that scandir.
    pub fn listens(&self, scandir: &str) -> bool {
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let control = self.path(scandir).join(".s6-svscan/control");
        std::fs::OpenOptions::new().write(true).custom_flags(nonblock).open(control).is_ok()
    }

    /// What the container has put out so far, s6-svscan's own complaints included.
    pub fn log(&self) -> String {
        std::fs::read(self.path("/var/log/container.log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The id out here of PID 1 in there.
    pub fn pid1(&self) -> u32 {
        self.pid1
    }

    /// The id out here of process `pid` in there, if it lives.
    pub fn host_pid(&self, pid: u32) -> Option<u32> {
        machine::outer_pid(self.pid1, pid)
    }

    /// Sends a signal to process `pid`, as numbered in there. Panics if it does not live.
    #[track_caller]
    pub fn kill(&self, pid: u32, signal: Signal) {
        let outer = self.host_pid(pid);
        let outer =
            outer.unwrap_or_else(|| panic!("no process {pid} in the laboratory to send {signal:?} to"));
        machine::kill(outer, signal).unwrap_or_else(|error| panic!("sending {signal:?} to {pid}: {error}"));
    }

    /// What someone needs who reads of a failure here: the container's output and the scandirs.
    pub fn scene(&self) -> String {
        let listing = self
            .command("/usr/bin/find")
            .args(["/run/service", "/run/app"])
            .args(["-printf", "%M %u %s %p -> %l\\n"])
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_else(|error| error.to_string());
        format!("--- container's output\n{}--- scandirs\n{listing}", self.log())
    }

    /// Kills everything in there: the kernel takes all processes of the namespace with its PID 1.
    pub(crate) fn kill_all(&self) {
        // Not waited for yet, so that the number can be no one else's.
        let _ = machine::kill(self.pid1, Signal::KILL);
    }
}

impl Drop for S6Lab {
    fn drop(&mut self) {
        self.kill_all();
        // unshare ends when its child has, and that when all processes of the namespace have.
        let _ = self.unshare.wait();
    }
}
