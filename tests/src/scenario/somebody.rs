//! The stage in a laboratory: the real program, run there as somebody.

use super::{Ran, Stage};
use crate::{APP, Lab, S6Lab, Signal};
use std::ops::Deref;

/// Somebody in a laboratory.
pub struct Somebody<L = S6Lab> {
    /// Where.
    pub lab: L,
    /// Who.
    pub uid: u32,
    /// The backend that is chosen there.
    pub backend: &'static str,
}

impl<L: Deref<Target = Lab> + Sync> Stage for Somebody<L> {
    fn backend(&self) -> &str {
        self.backend
    }

    fn scope(&self) -> &str {
        if self.uid == 0 { "system" } else { "user" }
    }

    fn anysvc(&self, args: &[&str]) -> Ran {
        // Where there is no container with an environment, this is what services start from.
        let entered = self.lab.anysvc(args).uid(self.uid).env("CONTAINER_VAR", "from the container");
        let ran = entered.run().any();
        Ran {
            what: format!("anysvc {args:?} as {}", self.uid),
            code: ran.code(),
            stdout: ran.stdout(),
            stderr: ran.stderr(),
        }
    }

    fn script(&self, text: &str) -> String {
        self.lab.script(&format!("{text}\n"))
    }

    fn kill(&self, pid: u64) {
        self.lab.kill(pid.try_into().expect("a pid"), Signal::KILL);
    }

    fn read(&self, path: &str) -> Option<String> {
        self.lab.exists(path).then(|| self.lab.read(path))
    }

    fn folder(&self) -> String {
        "/home/app".to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        self.lab.write(path, APP, 0o644, text);
    }

    fn look(&self, command: &[&str]) -> String {
        let (program, args) = command.split_first().expect("a command");
        self.lab.command(program).args(args).run().any().stdout()
    }

    fn manager_log(&self) -> String {
        match self.backend {
            "systemd" => self.look(&["journalctl", "--no-pager", "-o", "cat"]),
            _ => self.console(),
        }
    }

    fn console(&self) -> String {
        self.lab.console()
    }

    fn has_console(&self) -> bool {
        // The embedded one writes to the output of process 1, which is root's.
        self.backend != "local" || self.uid == 0
    }
    fn takes_any_bytes(&self) -> bool {
        // systemd drops what is not UTF-8, and starts the service without it.
        self.backend != "systemd"
    }
}
