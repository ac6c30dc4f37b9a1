//! The systemd laboratory: a small Debian, booted by systemd-nspawn, with root's service manager
//! and an ordinary user's.

mod cgroups;
mod tree;
mod way;

use crate::enter::Enter;
use crate::lab::{Kind, Lab, holds_within};
use crate::{APP, keeper, machine};
use cgroups::Cgroups;
use rustix::process::Signal;
use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;
pub use way::{Socket, Way};

/// How long a boot may take before it counts as failed. Alone it takes a second.
const BOOT: Duration = Duration::from_secs(180);

static KIND: Kind = Kind {
    namespaces: &["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"],
    logged_in: true,
    scene,
    console,
};

/// A real systemd as PID 1 of a machine of its own. Dropping it kills all of it.
///
/// Inside are Debian 12's `systemd`, `dbus` and `dbus-user-session` with what they need; users
/// `app`, who lingers, so that his user manager runs, and `other`, who does not; and
/// `target/anysvc` in `/opt/anysvc`. Whatever is changed in there goes with the laboratory, and
/// outlasts a [`reboot`](SystemdLab::reboot). There is no network.
#[derive(Debug)]
pub struct SystemdLab {
    lab: Lab,
    unshare: Child,
    /// Dropped after the processes are gone.
    _cgroups: Cgroups,
}

/// Makes the tree that laboratories boot from, unless it is there: a minute, before the first of them.
///
/// # Errors
/// Where it can't be made, with the reason.
pub fn prepare() -> Result<(), String> {
    tree::tree().map(drop)
}

impl std::ops::Deref for SystemdLab {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl SystemdLab {
    /// Boots one. Panics with the reason and the fix where that fails.
    #[track_caller]
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Boots one, or says why not and what to do.
    pub fn try_start() -> Result<Self, String> {
        machine::unfit(&machine::SYSTEMD)?;
        let tree = tree::tree()?;
        let anysvc = crate::target_dir().join("anysvc");
        let cgroups = Cgroups::make().map_err(|error| format!("making control groups: {error}"))?;
        let folders: Vec<_> = cgroups.folders.iter().filter_map(|folder| folder.to_str()).collect();
        let mut command = keeper::unshare();
        command
            .args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "/bin/sh", "-c"])
            .arg(include_str!("../../lab/systemd-setup.sh"))
            .env("LAB_TREE", tree)
            .env("LAB_ANYSVC", if anysvc.is_dir() { anysvc } else { "".into() })
            .env("LAB_NAME", &cgroups.name)
            .env("LAB_CGROUPS", folders.join("\n"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let unshare = keeper::spawn(command).map_err(|error| format!("unshare could not be run: {error}"))?;
        let mut this = Self { lab: Lab::new(&KIND, 0), unshare, _cgroups: cgroups };
        match this.boots(0) {
            true => Ok(this),
            false => Err(this.why_not()),
        }
    }

    /// `systemctl` with these arguments, as root: the oracle. (`.uid(APP)` and a first argument
    /// `--user` for the user's manager.)
    pub fn systemctl<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Enter<'_> {
        self.command("/usr/bin/systemctl").args(args)
    }

    /// How often process 1 has read all units again since it started, by its own word.
    #[track_caller]
    pub fn reloads(&self) -> usize {
        self.command("/usr/bin/journalctl").arg("--sync").run().success();
        let log = ["--boot", "--no-pager", "--output=cat", "_PID=1"];
        let log = self.command("/usr/bin/journalctl").args(log).run().success().stdout();
        log.lines().filter(|line| line.starts_with("Reloading")).count()
    }

    /// Restarts the machine, until both managers are there again. What is on its disk stays.
    #[track_caller]
    pub fn reboot(&self) {
        let before = self.pid1();
        // It may be killed by what it asks for before it can say so.
        self.systemctl(["reboot"]).run().any();
        assert!(self.boots(before), "waited {BOOT:?} in vain for the reboot\n{}", self.scene());
    }

    /// Waits until another process 1 than `before` has done all it does at boot, and so has the
    /// user's manager.
    fn boots(&self, before: u32) -> bool {
        holds_within(BOOT, || match self.init() {
            Some(pid) if pid != before => {
                self.lab.restarted(pid);
                true
            }
            _ => !self.alive(),
        }) && holds_within(BOOT, || !self.alive() || (self.is_up(0) && self.is_up(APP)))
            && self.alive()
    }

    /// (unshare is not waited for before the end, so that its number stays its own.)
    fn alive(&self) -> bool {
        !machine::has_ended(self.unshare.id())
    }

    /// What runs the set-up.
    fn setup(&self) -> Option<u32> {
        machine::children(self.unshare.id()).first().copied()
    }

    /// The machine's process 1, by its id out here: below the set-up and nspawn.
    fn init(&self) -> Option<u32> {
        let only = |pid: u32| machine::children(pid).first().copied();
        let pid = only(only(self.setup()?)?)?;
        let is_init = std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == b"systemd\n");
        (is_init && machine::inner_pid(pid) == Some(1)).then_some(pid)
    }

    /// Whether the manager of that user has finished starting, with a failed unit or without.
    fn is_up(&self, uid: u32) -> bool {
        let scope = if uid == 0 { "--system" } else { "--user" };
        let said = self.systemctl([scope, "is-system-running", "--wait"]).uid(uid).said();
        ["running\n", "degraded\n"].contains(&&*said)
    }

    /// Kills all of it: the set-up is PID 1 of the namespace that everything is in, and the kernel
    /// has taken everything before unshare sees its end.
    fn end(&mut self) {
        if let Some(setup) = self.setup() {
            let _ = machine::kill(setup, Signal::KILL);
        }
        let _ = self.unshare.wait();
    }

    fn why_not(&mut self) -> String {
        let console = self.setup().map(console_of).unwrap_or_default();
        let short = machine::short_of_inotify().unwrap_or_default();
        let scene = if self.pid1() == 0 { String::new() } else { self.scene() };
        self.end();
        let mut why = String::new();
        if let Some(pipe) = self.unshare.stderr.as_mut() {
            let _ = pipe.read_to_string(&mut why);
        }
        format!(
            "the laboratory did not boot; its set-up (tests/lab/systemd-setup.sh) said:\n{why}\n\
             --- console\n{console}{scene}\n{short}\
             It needs mount, overlayfs and control groups: in a container, run that with --privileged."
        )
    }
}

impl Drop for SystemdLab {
    fn drop(&mut self) {
        self.end();
    }
}

/// What failed, and what the journal says.
fn scene(lab: &Lab) -> String {
    let failed = lab.command("/usr/bin/systemctl").args(["--failed", "--no-legend", "--plain"]).said();
    let journal = lab.command("/usr/bin/journalctl").args(["--no-pager", "-o", "short", "-n", "60"]).said();
    format!("--- failed units\n{failed}--- journal\n{journal}")
}

/// What the machine's console got, which nspawn passes on to a file.
fn console(lab: &Lab) -> String {
    machine::parent(lab.pid1()).map(console_of).unwrap_or_default()
}

/// The same, in the files of the set-up, as `outside` sees them.
fn console_of(outside: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{outside}/root/media/console.log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
