//! A command inside a laboratory: who runs it, with what, and for how long at most.

use crate::begin::while_nothing_is_written;
use crate::lab::Lab;
use crate::outcome::Outcome;
use crate::{APP, OTHER, machine};
use rustix::process::Signal;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// After this a command counts as hung. Far above any time-out that a test sets.
const HUNG: Duration = Duration::from_secs(180);

/// A command to be run inside. Its environment is only HOME, PATH (no `/command`), LANG and
/// what [`env`](Enter::env) adds; its directory is `/`.
#[must_use]
#[derive(Debug)]
pub struct Enter<'lab> {
    lab: &'lab Lab,
    program: OsString,
    args: Vec<OsString>,
    uid: u32,
    env: Vec<(OsString, OsString)>,
    dir: OsString,
    stdin: Vec<u8>,
}

impl<'lab> Enter<'lab> {
    pub(crate) fn new(lab: &'lab Lab, program: &OsStr) -> Self {
        let (program, dir) = (program.to_owned(), "/".into());
        Self { lab, program, args: Vec::new(), uid: 0, env: Vec::new(), dir, stdin: Vec::new() }
    }

    /// As this user and the group of the same number, with no other groups.
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = uid;
        self
    }

    /// With one more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// With more arguments.
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// With this variable in its environment, also in place of one of the fixed ones.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// In this directory.
    pub fn dir(mut self, dir: impl AsRef<OsStr>) -> Self {
        self.dir = dir.as_ref().to_owned();
        self
    }

    /// With this on its standard input, which is empty otherwise.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs it to its end. A command that can't be run, or hangs, is a failed test.
    #[track_caller]
    pub fn run(self) -> Outcome<'lab> {
        let (lab, what) = (self.lab, self.to_string());
        match self.output() {
            Ok(output) => Outcome::new(lab, what, output),
            Err(error) => panic!("{what}\nin the laboratory: {error}\n{}", lab.scene()),
        }
    }

    /// Runs it to its end, for those who judge for themselves.
    pub fn output(self) -> std::io::Result<Output> {
        let mut child = self.start(Stdio::piped(), Stdio::piped(), Stdio::piped())?;
        let stdin = child.stdin.take();
        let pid = child.id();
        std::thread::scope(|scope| {
            let (done, ended) = mpsc::channel::<()>();
            let watch = scope.spawn(move || {
                let hung = ended.recv_timeout(HUNG) == Err(mpsc::RecvTimeoutError::Timeout);
                hung.then(|| {
                    // Itself may be gone and only those who inherited its output live on; the
                    // laboratory's end is theirs too, and the test has failed anyway.
                    let scene = self.lab.scene();
                    kill_with_children(pid);
                    self.lab.kill_all();
                    scene
                })
            });
            scope.spawn(|| stdin.map(|mut pipe| pipe.write_all(&self.stdin)));
            let output = child.wait_with_output();
            let _ = done.send(());
            match watch.join() {
                Ok(None) => output,
                hung => Err(std::io::Error::other(format!(
                    "it, or who holds its output, lived after {HUNG:?}; the laboratory then was\n{}",
                    hung.ok().flatten().unwrap_or_default()
                ))),
            }
        })
    }

    /// What it says on its standard output, or why it could not be run.
    pub(crate) fn said(self) -> String {
        self.output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_else(|error| error.to_string())
    }

    /// Runs it on this terminal.
    pub fn interactive(self) -> std::io::Result<ExitStatus> {
        self.start(Stdio::inherit(), Stdio::inherit(), Stdio::inherit())?.wait()
    }

    /// Starts it in the background, its output piped; it is killed when dropped.
    #[track_caller]
    pub fn spawn(self) -> Running<'lab> {
        let (lab, what) = (self.lab, self.to_string());
        match self.start(Stdio::null(), Stdio::piped(), Stdio::piped()) {
            Ok(child) => Running { lab, what, child: Some(child) },
            Err(error) => panic!("{what}\nin the laboratory: {error}"),
        }
    }

    fn start(&self, stdin: Stdio, stdout: Stdio, stderr: Stdio) -> std::io::Result<Child> {
        let mut command = self.to_command();
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        while_nothing_is_written(|| command.spawn())
    }

    /// What enters the laboratory and becomes it.
    pub(crate) fn to_command(&self) -> Command {
        let home = match self.uid {
            0 => "/root",
            APP => "/home/app",
            OTHER => "/home/other",
            _ => "/",
        };
        let mut command = Command::new("/usr/bin/nsenter");
        command.arg(format!("--target={}", self.lab.pid1())).args(self.lab.kind().namespaces);
        if self.uid != 0 {
            // Drops the supplementary groups, and with the ids every capability.
            command.arg(format!("--setgid={0}", self.uid)).arg(format!("--setuid={0}", self.uid));
        }
        if self.dir != "/" {
            let mut wdns = OsString::from("--wdns=");
            wdns.push(&self.dir);
            command.arg(wdns);
        }
        command.arg("--").arg(&self.program).args(&self.args);
        command.env_clear().env("HOME", home).env("PATH", "/opt/anysvc/bin:/usr/bin:/bin").env("LANG", "C");
        if self.uid != 0 && self.lab.kind().logged_in {
            command.env("XDG_RUNTIME_DIR", format!("/run/user/{}", self.uid));
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl std::fmt::Display for Enter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}$ {}",
            if self.uid == 0 { "root".into() } else { self.uid.to_string() },
            self.program.display()
        )?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg:?}"))
    }
}

/// A command that runs in the background.
#[derive(Debug)]
pub struct Running<'lab> {
    lab: &'lab Lab,
    what: String,
    child: Option<Child>,
}

impl<'lab> Running<'lab> {
    /// Its id in there, once it has entered.
    pub fn pid(&self) -> Option<u32> {
        machine::inner_pid(self.outer()?)
    }

    /// Sends it a signal. Panics if it has not entered or has ended.
    #[track_caller]
    pub fn kill(&self, signal: Signal) {
        let Some(pid) = self.outer() else { panic!("{}\ndoes not run, to be sent {signal:?}", self.what) };
        machine::kill(pid, signal)
            .unwrap_or_else(|error| panic!("{}\nsending {signal:?}: {error}", self.what));
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Outcome<'lab> {
        match self.child.take().map(Child::wait_with_output) {
            Some(Ok(output)) => Outcome::new(self.lab, self.what.clone(), output),
            other => panic!("{}\ncould not be waited for: {other:?}", self.what),
        }
    }

    /// Its standard output, to be read as it comes.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.as_mut()?.stdout.take()
    }

    /// Reads its standard error until this is in it; what was read is not in its outcome. Panics where it
    /// ends before.
    #[track_caller]
    pub fn until_it_says(&mut self, text: &str) {
        let (mut said, mut more) = (String::new(), [0; 512]);
        let mut pipe = self.child.as_mut().and_then(|child| child.stderr.as_mut());
        while !said.contains(text) {
            match pipe.as_mut().map(|pipe| pipe.read(&mut more)) {
                Some(Ok(length @ 1..)) => said += &String::from_utf8_lossy(&more[..length]),
                _ => panic!("{}\nended before it said {text:?}, with\n{said}", self.what),
            }
        }
    }

    /// nsenter's child, which is the command itself.
    fn outer(&self) -> Option<u32> {
        machine::children(self.child.as_ref()?.id()).first().copied()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill_with_children(child.id());
            let _ = child.wait();
        }
    }
}

/// Kills nsenter and the command it waits for, which does not go with it.
fn kill_with_children(pid: u32) {
    for pid in machine::children(pid).into_iter().chain([pid]) {
        // It may have ended by itself in the meantime.
        let _ = machine::kill(pid, Signal::KILL);
    }
}
