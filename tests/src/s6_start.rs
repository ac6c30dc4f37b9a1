//! Starting an s6 laboratory: what kind, and until it is really up.

use crate::s6_lab::S6Lab;
use crate::{keeper, machine, whiteout};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// Who may use `/run/service`, and whose tree runs below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scandir {
    /// Root's alone.
    Root,
    /// Handed to [`APP`](crate::APP): the folder and `.s6-svscan/control`.
    Shared,
    /// Root's, and a second s6-svscan under it that runs as `app` on `/run/app/service`, which
    /// `/etc/anysvc/config.toml` names.
    Nested,
    /// All of it is `app`'s, PID 1 too: a container started with a USER.
    User,
}

/// What the machine looks like to detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facts {
    /// As under s6-overlay.
    Whole,
    /// No `/run/s6/basedir`.
    NoBasedir,
    /// PID 1 is `sleep`; s6-svscan runs below it.
    OtherPid1,
    /// `/proc` is empty.
    NoProc,
    /// `/proc` with `hidepid=2`: only root sees PID 1.
    HidePid,
    /// Reading `/proc/1/comm` fails: with EIO for root, EACCES for others.
    CommUnreadable,
}

/// How a laboratory is to be. [`S6Lab::new`] gives root's tree with all facts whole.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    scandir: Scandir,
    facts: Facts,
    svscan: String,
    image: Option<PathBuf>,
    boot: &'static str,
    tree: Option<PathBuf>,
    in_place: bool,
}

impl Default for Builder {
    fn default() -> Self {
        let tree = crate::target_dir().join("anysvc");
        Self {
            scandir: Scandir::Root,
            facts: Facts::Whole,
            svscan: String::new(),
            image: None,
            boot: "",
            tree: tree.is_dir().then_some(tree),
            in_place: false,
        }
    }
}

impl Builder {
    /// With the scandir handed to `app`.
    pub fn shared(self) -> Self {
        self.scandir(Scandir::Shared)
    }

    /// With a tree that runs as `app`.
    pub fn nested(self) -> Self {
        self.scandir(Scandir::Nested)
    }

    /// With an s6-svscan of `app`'s own as PID 1.
    pub fn user(self) -> Self {
        self.scandir(Scandir::User)
    }

    /// With this kind of scandir.
    pub fn scandir(mut self, scandir: Scandir) -> Self {
        self.scandir = scandir;
        self
    }

    /// With these facts for detection to find.
    pub fn facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// With more arguments for root's s6-svscan, such as `-c 12000`.
    pub fn svscan_args(mut self, args: &str) -> Self {
        self.svscan = args.into();
        self
    }

    /// With what is in this folder, owners and modes included: what an image and its volumes hold.
    pub fn image(mut self, folder: impl Into<PathBuf>) -> Self {
        self.image = Some(folder.into());
        self
    }

    /// With this program as process 1, which is given the command of the s6-svscan.
    pub fn boot(mut self, program: &'static str) -> Self {
        self.boot = program;
        self
    }

    /// With this built tree at `/opt/anysvc` instead of `target/anysvc`.
    pub fn tree(mut self, tree: impl Into<PathBuf>) -> Self {
        self.tree = Some(tree.into());
        self
    }

    /// With the built tree mounted where it lies, not copied into the laboratory's memory: a program on the
    /// same disk as s6's is started as fast as s6's are.
    pub fn in_place(mut self) -> Self {
        self.in_place = true;
        self
    }

    /// Starts it. Panics with the reason and the fix where that fails.
    #[track_caller]
    pub fn start(self) -> S6Lab {
        self.try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Starts it, or says why not and what to do.
    pub fn try_start(self) -> Result<S6Lab, String> {
        machine::unfit(&machine::S6)?;
        let mut unshare = self.spawn().map_err(|error| format!("unshare could not be run: {error}"))?;
        let pid1 = ready(&mut unshare)?;
        let lab = S6Lab::from_parts(unshare, pid1, self.scandir);
        if self.scandir == Scandir::Nested {
            // s6-svscan says ready through app-tree's supervisor; the FIFO's reader is what counts.
            lab.wait_until("app's s6-svscan listens", || lab.listens("/run/app/service"));
        }
        Ok(lab)
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let mut command = keeper::unshare();
        command
            .args(["-m", "-p", "-f", "--kill-child=SIGKILL", "/bin/sh", "-c"])
            .arg(include_str!("../lab/s6-setup.sh"))
            .env("LAB_SCANDIR", format!("{:?}", self.scandir).to_lowercase())
            .env("LAB_FACTS", self.facts.knob())
            .env("LAB_ANYSVC", self.tree.as_deref().unwrap_or("".as_ref()))
            .env("LAB_IN_PLACE", if self.in_place { "1" } else { "" })
            .env("LAB_SVSCAN", &self.svscan)
            .env("LAB_IMAGE", self.image.as_deref().unwrap_or("".as_ref()))
            .env("LAB_BOOT", self.boot)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = keeper::spawn(command)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&whiteout::archive(&commands_to_hide()?))?;
        }
        Ok(child)
    }
}

impl Facts {
    fn knob(self) -> &'static str {
        match self {
            Facts::Whole => "whole",
            Facts::NoBasedir => "no-basedir",
            Facts::OtherPid1 => "other-pid1",
            Facts::NoProc => "no-proc",
            Facts::HidePid => "hide-pid",
            Facts::CommUnreadable => "comm-unreadable",
        }
    }
}

/// Waits for s6-svscan's own word that it listens, and returns the id of its PID 1 out here.
fn ready(unshare: &mut Child) -> Result<u32, String> {
    let mut byte = [0];
    let said = unshare.stdout.as_mut().map(|pipe| pipe.read(&mut byte));
    if let Some(Ok(1)) = said
        && let [pid1] = machine::children(unshare.id())[..]
    {
        return Ok(pid1);
    }
    // The tree of processes is one child of unshare's, which goes with it.
    let _ = unshare.kill();
    let mut why = String::new();
    if let Some(pipe) = unshare.stderr.as_mut() {
        let _ = pipe.read_to_string(&mut why);
    }
    let _ = unshare.wait();
    Err(format!(
        "the laboratory did not come up; its set-up (tests/lab/s6-setup.sh) said:\n{why}\n\
         It needs unshare, mount and overlayfs: in a container, run that with --privileged."
    ))
}

/// What must not be found on PATH inside.
fn commands_to_hide() -> std::io::Result<Vec<String>> {
    let mut names = vec!["execlineb".to_owned()];
    for entry in std::fs::read_dir("/usr/bin")? {
        let name = entry?.file_name();
        names.extend(name.to_str().filter(|name| name.starts_with("s6")).map(str::to_owned));
    }
    Ok(names)
}
