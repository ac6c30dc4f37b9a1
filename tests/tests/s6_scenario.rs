//! The common contract on a real s6: as root, and as an unprivileged user in each of the worlds that such a
//! user may be in.

use anysvc_tests::{
    APP, S6Lab, Signal, scenario,
    scenario::{Ran, Stage},
};

/// Somebody in a laboratory.
struct Somebody {
    lab: S6Lab,
    uid: u32,
}

impl Stage for Somebody {
    fn backend(&self) -> &str {
        "s6"
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

scenario!(root_in_the_tree_of_process_1, Somebody { lab: S6Lab::new().start(), uid: 0 });
scenario!(app_in_a_tree_of_its_own, Somebody { lab: S6Lab::new().nested().start(), uid: APP });
scenario!(app_in_the_shared_tree, Somebody { lab: S6Lab::new().shared().start(), uid: APP });
scenario!(app_in_a_container_that_is_all_its_own, Somebody { lab: S6Lab::new().user().start(), uid: APP });
