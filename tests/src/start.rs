//! Starting a laboratory: what kind, and until it is really up.

use crate::lab::S6Lab;
use crate::{machine, whiteout};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, mpsc};

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
    tree: Option<PathBuf>,
}

impl Default for Builder {
    fn default() -> Self {
        let tree = crate::target_dir().join("anysvc");
        Self {
            scandir: Scandir::Root,
            facts: Facts::Whole,
            svscan: String::new(),
            tree: tree.is_dir().then_some(tree),
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

    /// With this built tree at `/opt/anysvc` instead of `target/anysvc`.
    pub fn tree(mut self, tree: impl Into<PathBuf>) -> Self {
        self.tree = Some(tree.into());
        self
    }

    /// Starts it. Panics with the reason and the fix where that fails.
    #[track_caller]
    pub fn start(self) -> S6Lab {
        self.try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Starts it, or says why not and what to do.
    pub fn try_start(self) -> Result<S6Lab, String> {
        machine::unfit()?;
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
        // By env, because a signal that is ignored where the tests are run (by nohup, or by a shell in the
        // background) would stay ignored in every service.
        let mut command = Command::new("/usr/bin/env");
        command
            .args(["--default-signal=HUP,INT,QUIT,TERM", "/usr/bin/unshare"])
            .args(["-m", "-p", "-f", "--kill-child=SIGKILL", "/bin/sh", "-c"])
            .arg(include_str!("../lab/s6-setup.sh"))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LAB_SCANDIR", format!("{:?}", self.scandir).to_lowercase())
            .env("LAB_FACTS", self.facts.knob())
            .env("LAB_ANYSVC", self.tree.as_deref().unwrap_or("".as_ref()))
            .env("LAB_SVSCAN", &self.svscan)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = keeper_spawn(command)?;
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

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Spawns from a thread that lives as long as this process, so that the kernel can be told to
/// kill a laboratory when its test program dies, however that happens. (The "parent" whose
/// death counts is the thread, and a test's own thread may end before the laboratory does.)
fn keeper_spawn(mut command: Command) -> std::io::Result<Child> {
    static KEEPER: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    // SAFETY: between fork and exec this makes one system call (prctl) and allocates nothing.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
                .map_err(std::io::Error::from)
        });
    }
    let gone = |_| std::io::Error::other("the keeper of the laboratories is gone");
    let (reply, result) = mpsc::channel();
    let orders = KEEPER.lock().map_err(|_| std::io::Error::other("the keeper's door is broken"))?;
    orders.send((command, reply)).map_err(|_| gone(mpsc::RecvError))?;
    drop(orders);
    result.recv().map_err(gone)?
}
