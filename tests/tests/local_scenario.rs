//! The common contract on the embedded default, on a machine where no service manager fits: as root, and
//! as an unprivileged user.

use anysvc_tests::{
    APP, Facts, S6Lab, Signal, scenario,
    scenario::{Ran, Stage},
};

/// Somebody on a machine that has no service manager of his.
struct Somebody {
    lab: S6Lab,
    uid: u32,
}

impl Somebody {
    fn new(uid: u32) -> Somebody {
        Somebody { lab: S6Lab::new().facts(Facts::NoBasedir).start(), uid }
    }
}

impl Stage for Somebody {
    fn backend(&self) -> &str {
        "local"
    }

    fn scope(&self) -> &str {
        if self.uid == 0 { "system" } else { "user" }
    }

    fn anysvc(&self, args: &[&str]) -> Ran {
        let ran = self.lab.anysvc(args).uid(self.uid).run().any();
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
}

scenario!(root, Somebody::new(0));
scenario!(app, Somebody::new(APP));
