//! Killed at each of its changes to the file system, no command leaves anything that systemd reads half of,
//! or that the next command can't mend.

use anysvc_tests::crash::{Traced, sweep};
use anysvc_tests::{APP, SystemdLab};

struct World {
    lab: SystemdLab,
    uid: u32,
    units: &'static str,
}

impl World {
    fn root() -> Self {
        Self { lab: SystemdLab::start(), uid: 0, units: "/etc/systemd/system" }
    }

    fn app() -> Self {
        Self { lab: SystemdLab::start(), uid: APP, units: "/home/app/.config/systemd/user" }
    }

    fn run(&self, args: &[&str]) -> i32 {
        self.lab.anysvc(args).uid(self.uid).run().any().code().expect("nobody kills it")
    }

    fn kill(&self, args: &[&str], n: usize) -> Traced {
        self.lab.anysvc(args).uid(self.uid).killed_at(n)
    }

    fn must(&self, args: &[&str]) {
        self.lab.anysvc(args).uid(self.uid).run().success();
    }

    /// What the manager has read of the service: `loaded`, `not-found`, ...
    fn load(&self) -> String {
        let scope = if self.uid == 0 { "--system" } else { "--user" };
        let show = [scope, "show", "--value", "--property=LoadState", "web"];
        self.lab.systemctl(show).uid(self.uid).run().success().stdout().trim().to_owned()
    }

    fn file(&self, name: &str) -> Option<String> {
        let path = format!("{}/{name}", self.units);
        self.lab.exists(&path).then(|| self.lab.read(&path))
    }

    /// All of a unit is there, or none of it; and the manager takes what is there.
    fn is_whole(&self) {
        if let Some(unit) = self.file("web.service") {
            assert!(unit.starts_with("# anysvc ") && unit.ends_with(".target\n"), "half a unit: {unit}");
            if unit.contains("EnvironmentFile=") {
                let values = self.file("web.service.env").expect("the values were published before");
                assert!(values.ends_with("\"\n"), "half of the values: {values:?}");
            }
        }
        self.lab
            .systemctl([if self.uid == 0 { "--system" } else { "--user" }, "daemon-reload"])
            .uid(self.uid)
            .run()
            .success();
        assert!(["loaded", "not-found"].contains(&&*self.load()), "systemd reads it as {}", self.load());
    }

    fn runs(&self) {
        let status = self.lab.anysvc(["status", "web", "--json"]).uid(self.uid).run().success().json();
        let service = &status["services"][0];
        assert_eq!((&service["state"], &service["desired"]), (&"running".into(), &"up".into()), "{service}");
    }

    fn is_gone(&self) {
        let listed =
            self.lab.command("find").args([self.units, "-name", "*web*", "-o", "-name", ".anysvc-*"]);
        listed.run().success().stdout_is("");
        assert_eq!(self.load(), "not-found");
        assert_eq!(self.run(&["status", "web"]), 4);
    }
}

const SECRET: [&str; 3] = ["--settle", "0", "--env=TOKEN=secret"];
const PROGRAM: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];

fn sweep_all(world: &World) {
    let register = [&["register", "web"], &SECRET[..], &PROGRAM].concat();
    let replace = [&["register", "web", "--replace", "--umask=0077"], &SECRET[..], &PROGRAM].concat();
    let prepare_absent = || assert_eq!(world.run(&["unregister", "web"]), 0);
    let uid = world.uid;
    let mended = || {
        match world.run(&register) {
            0 => (),
            5 => world.must(&["start", "web", "--settle", "0"]),
            code => panic!("registering again ended with {code}"),
        }
        world.runs();
        world.must(&["unregister", "web"]);
        world.is_gone();
    };
    let one = |n| {
        prepare_absent();
        world.kill(&register, n)
    };
    let look = || {
        world.is_whole();
        mended();
    };
    assert!(sweep(&format!("register, uid {uid}"), one, look) > 5);

    let one = |n| {
        prepare_absent();
        world.must(&register);
        world.kill(&replace, n)
    };
    let look = || {
        world.is_whole();
        world.must(&replace);
        world.must(&["start", "web", "--settle", "0"]);
        world.runs();
        let unit = world.file("web.service").expect("it is registered");
        assert!(unit.contains("UMask=0077"), "{unit}");
        let pid = world.lab.anysvc(["status", "web", "--json"]).uid(uid).run().success().json();
        let pid = pid["services"][0]["pid"].as_u64().expect("it runs");
        let status = world.lab.read(format!("/proc/{pid}/status"));
        assert!(status.contains("Umask:\t0077"), "what runs is the old one: {status}");
    };
    assert!(sweep(&format!("register --replace, uid {uid}"), one, look) > 5);

    let one = |n| {
        if world.file("web.service").is_none() {
            prepare_absent();
            world.must(&register);
        }
        world.kill(&["unregister", "web"], n)
    };
    let look = || {
        world.is_whole();
        world.must(&["unregister", "web"]);
        world.is_gone();
    };
    assert!(sweep(&format!("unregister, uid {uid}"), one, look) > 3);
}

#[test]
fn root_can_mend_what_was_killed() {
    sweep_all(&World::root());
}

#[test]
fn app_can_mend_what_was_killed() {
    sweep_all(&World::app());
}

/// From the folder of units that last to the one of those that do not, or back.
fn sweep_move(from: &[&'static str], to: &[&'static str], left: &str) {
    let world = World::root();
    let register = [&["register", "web"], from, &SECRET, &PROGRAM].concat();
    let replace = [&["register", "web", "--replace"], to, &SECRET, &PROGRAM].concat();
    let one = |n| {
        world.must(&["unregister", "web"]);
        world.must(&register);
        world.kill(&replace, n)
    };
    let look = || {
        world.must(&["reconcile"]);
        world.runs();
        world.must(&replace);
        world.runs();
        let moved = world.lab.command("find").args([left, "-name", "*web*", "-o", "-name", ".anysvc-*"]);
        moved.run().success().stdout_is("");
    };
    assert!(sweep(&format!("register --replace {to:?}"), one, look) > 5);
}

#[test]
fn a_move_to_where_it_lasts_that_was_killed_is_completed() {
    sweep_move(&["--transient"], &[], "/run/systemd/system");
}

#[test]
fn a_move_to_where_it_does_not_last_that_was_killed_is_completed() {
    sweep_move(&[], &["--transient"], "/etc/systemd/system");
}
