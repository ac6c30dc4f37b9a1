//! A running s6 laboratory: what is s6's own about it, and its end.

use crate::enter::Enter;
use crate::lab::{Kind, Lab};
use crate::s6_start::{Builder, Scandir};
use std::ffi::OsStr;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Child;

static KIND: Kind = Kind { namespaces: &["--mount", "--pid"], logged_in: false, scene, console };

/// A real s6-svscan as PID 1 of its own PID and mount namespaces. Dropping it kills all of it.
///
/// Inside are a tmpfs as root, the machine's `/usr` and `/dev`, the s6 commands in `/command`
/// alone, users `app` and `other`, `/run/service`, `/run/s6/basedir`, `with-contenv` with
/// `CONTAINER_VAR`, and `target/anysvc` in `/opt/anysvc`, all of it root's. The container's
/// output is `/var/log/container.log`.
#[derive(Debug)]
pub struct S6Lab {
    lab: Lab,
    unshare: Child,
    scandir: Scandir,
}

impl std::ops::Deref for S6Lab {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl S6Lab {
    /// A laboratory with root's own tree; more is said on the builder.
    #[allow(clippy::new_ret_no_self, reason = "`S6Lab::new().nested().start()` is how a test begins")]
    pub fn new() -> Builder {
        Builder::default()
    }

    pub(crate) fn from_parts(unshare: Child, pid1: u32, scandir: Scandir) -> Self {
        Self { lab: Lab::new(&KIND, pid1), unshare, scandir }
    }

    /// A command of s6's or execline's, from `/command`: the oracle.
    pub fn s6<I: IntoIterator<Item: AsRef<OsStr>>>(&self, name: &str, args: I) -> Enter<'_> {
        self.command(format!("/command/{name}")).args(args)
    }

    /// Puts a service directory made by hand into a scandir, in one piece: nobody finds it without its `run`.
    #[track_caller]
    pub fn publish(&self, scandir: &str, uid: u32, name: &str, run: &str) {
        self.write(format!("{scandir}/.new/run"), uid, 0o755, run);
        let (from, to) = (self.path(format!("{scandir}/.new")), self.path(format!("{scandir}/{name}")));
        std::os::unix::fs::chown(&from, Some(uid), Some(uid)).expect("the slot is handed over");
        std::fs::rename(from, to).expect("the slot is published");
    }

    /// The scandir that [`APP`](crate::APP) is to use here: the nested tree's, else root's.
    pub fn scandir(&self) -> &'static str {
        if self.scandir == Scandir::Nested { "/run/app/service" } else { "/run/service" }
    }

    /// Whether an s6-svscan reads the control FIFO of that scandir.
    pub fn listens(&self, scandir: &str) -> bool {
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let control = self.path(scandir).join(".s6-svscan/control");
        std::fs::OpenOptions::new().write(true).custom_flags(nonblock).open(control).is_ok()
    }
}

/// What the container has put out so far, s6-svscan's own complaints included.
fn console(lab: &Lab) -> String {
    std::fs::read(lab.path("/var/log/container.log"))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// The container's output and the scandirs.
fn scene(lab: &Lab) -> String {
    let listing = lab
        .command("/usr/bin/find")
        .args(["/run/service", "/run/app"])
        .args(["-printf", "%M %u %s %p -> %l\\n"])
        .said();
    format!("--- container's output\n{}--- scandirs\n{listing}", console(lab))
}

impl Drop for S6Lab {
    fn drop(&mut self) {
        self.kill_all();
        // unshare ends when its child has, and that when all processes of the namespace have.
        let _ = self.unshare.wait();
    }
}
