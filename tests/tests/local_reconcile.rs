//! `anysvc reconcile` with the embedded default: after a restart of the container, and after the supervisor
//! is gone, everything is as its operator left it.

use anysvc_tests::{APP, Ended, Facts, S6Lab, Signal};
use serde_json::Value;

/// A user's services, and the container that they are in now.
struct Container {
    lab: S6Lab,
    uid: u32,
}

impl Container {
    fn start(uid: u32) -> Container {
        Container { lab: S6Lab::new().facts(Facts::NoBasedir).start(), uid }
    }

    /// The next start of the container, with the same volumes.
    fn restart(self) -> Container {
        let next = Container::start(self.uid);
        let state = if self.uid == 0 { "/var/lib/anysvc" } else { "/home/app/.local" };
        self.lab.carry(state, &next.lab);
        next
    }

    fn run(&self, args: &[&str]) -> Ended<'_> {
        self.lab.anysvc(args).env("WORD", "yes").uid(self.uid).run().any()
    }

    #[track_caller]
    fn must(&self, args: &[&str]) -> Ended<'_> {
        let ended = self.run(args);
        assert_eq!(ended.code(), Some(0), "{args:?}: {}\n{}", ended.stdout(), ended.stderr());
        ended
    }

    #[track_caller]
    fn sleeper(&self, name: &str, options: &[&str]) {
        self.must(&[&["register", name][..], options, &["--", "sleep", "1000"]].concat());
    }

    fn status(&self, name: &str) -> Value {
        self.run(&["status", name, "--json"]).json()["services"][0].clone()
    }

    fn state(&self, name: &str) -> String {
        self.status(name)["state"].as_str().unwrap_or("none").to_owned()
    }

    /// What one reconcile did with a service: the action, and its state before.
    fn said(document: &Value, name: &str) -> (String, String) {
        let services = document["services"].as_array().cloned().unwrap_or_default();
        let found = services.iter().find(|service| service["name"] == name);
        let word = |key: &str| found.and_then(|s| s[key].as_str()).unwrap_or("none at all").to_owned();
        (word("action"), word("prior"))
    }

    fn supervisor(&self, name: &str) -> u32 {
        let pid = self.status(name)["native"]["supervisor"].as_u64().expect("a supervisor runs");
        pid.try_into().expect("a pid")
    }
}

fn pair(action: &str, prior: &str) -> (String, String) {
    (action.to_owned(), prior.to_owned())
}

fn comes_back_after_a_restart_of_the_container(uid: u32) {
    let first = Container::start(uid);
    first.sleeper("ran", &[]);
    first.sleeper("rested", &[]);
    first.must(&["stop", "rested"]);
    first.sleeper("always", &["--boot", "up"]);
    first.must(&["stop", "always"]);
    first.sleeper("never", &["--boot", "down"]);
    let second = first.restart();
    for name in ["ran", "rested", "always", "never"] {
        assert_eq!(second.state(name), "stopped", "nothing starts {name} by itself");
    }
    let document = second.must(&["reconcile", "--json"]).json();
    assert_eq!(document["boot"], true, "{document}");
    assert_eq!(Container::said(&document, "ran"), pair("register", "stopped"));
    assert_eq!(Container::said(&document, "rested"), pair("none", "stopped"));
    let is = |name: &str| {
        let status = second.status(name);
        (
            status["state"].as_str().unwrap_or("").to_owned(),
            status["desired"].as_str().unwrap_or("").to_owned(),
        )
    };
    assert_eq!(is("ran"), pair("running", "up"));
    assert_eq!(is("rested"), pair("stopped", "down"));
    assert_eq!(is("always"), pair("running", "up"), "boot = up starts what was stopped");
    assert_eq!(is("never"), pair("stopped", "down"), "boot = down starts nothing");
    let again = second.must(&["reconcile", "--json"]).json();
    assert_eq!(again["boot"], false, "{again}");
    for name in ["ran", "rested", "always", "never"] {
        assert_eq!(Container::said(&again, name).0, "none", "{again}");
    }
}

#[test]
fn root_s_services_come_back_after_a_restart_of_the_container() {
    comes_back_after_a_restart_of_the_container(0);
}

#[test]
fn a_user_s_services_come_back_after_a_restart_of_the_container() {
    comes_back_after_a_restart_of_the_container(APP);
}

#[test]
fn what_ended_for_good_is_tried_once_at_boot_and_left_otherwise() {
    let first = Container::start(APP);
    let script = first.lab.script("echo run >>/home/app/.local/runs; exit 78\n");
    first.run(&["register", "web", "--settle", "0", "--", &script]);
    first.lab.wait_until("it refused for good", || first.state("web") == "failed");
    let runs = |container: &Container| container.lab.read("/home/app/.local/runs").lines().count();
    let document = first.must(&["reconcile", "--force", "--json"]).json();
    assert_eq!(Container::said(&document, "web"), pair("leave", "failed"), "{document}");
    assert_eq!(runs(&first), 1);
    let second = first.restart();
    second.lab.write(&script, APP, 0o755, "#!/bin/sh\necho run >>/home/app/.local/runs; exit 78\n");
    let document = second.must(&["reconcile", "--json"]).json();
    assert_eq!(Container::said(&document, "web"), pair("start", "failed"), "{document}");
    second.lab.wait_until("it refused again", || second.state("web") == "failed" && runs(&second) == 2);
    second.must(&["reconcile", "--force"]);
    assert_eq!(runs(&second), 2, "a boot is only once");
}

#[test]
fn after_the_supervisor_was_ended_what_ran_runs_again() {
    let container = Container::start(APP);
    container.sleeper("ran", &[]);
    container.sleeper("rested", &["--down"]);
    let supervisor = container.supervisor("ran");
    container.lab.kill(supervisor, Signal::TERM);
    container.lab.wait_until("it left", || container.lab.host_pid(supervisor).is_none());
    assert_eq!(container.state("ran"), "stopped");
    let document = container.must(&["reconcile", "--json"]).json();
    assert_eq!(document["boot"], false, "a supervisor that was ended is no boot: {document}");
    assert_eq!(Container::said(&document, "ran"), pair("register", "stopped"));
    assert_eq!((container.state("ran"), container.state("rested")), pair("running", "stopped"));
}

#[test]
fn after_a_kill_of_the_supervisor_nothing_is_doubled() {
    let container = Container::start(APP);
    container.sleeper("ran", &[]);
    container.lab.kill(container.supervisor("ran"), Signal::KILL);
    let document = container.must(&["reconcile", "--json"]).json();
    assert_eq!(document["boot"], false, "{document}");
    container.lab.wait_until("it runs again", || container.state("ran") == "running");
    let processes = container.lab.command("/bin/ps").args(["-o", "args", "-u", "10000"]).run().success();
    assert_eq!(processes.stdout().matches("sleep 1000").count(), 1, "{}", processes.stdout());
}

#[test]
fn without_its_records_everything_is_registered_again() {
    let container = Container::start(APP);
    container.sleeper("ran", &["--env", "WORD=kept"]);
    container.sleeper("rested", &["--down"]);
    container.lab.kill(container.supervisor("ran"), Signal::KILL);
    let records = "/home/app/.local/state/anysvc/backend-local";
    container.lab.command("/bin/rm").args(["-r", records]).run().success();
    let document = container.must(&["reconcile", "--json"]).json();
    assert_eq!(Container::said(&document, "ran"), pair("register", "absent"), "{document}");
    assert_eq!(Container::said(&document, "rested"), pair("register", "absent"), "{document}");
    assert_eq!((container.state("ran"), container.state("rested")), pair("running", "stopped"));
    container.must(&["show", "ran", "--reveal"]).stdout_contains("kept");
}

#[test]
fn people_are_told_what_was_done_and_it_is_in_the_boot_log() {
    let first = Container::start(APP);
    first.sleeper("web", &[]);
    let second = first.restart();
    second
        .must(&["reconcile"])
        .stdout_contains("web")
        .stdout_contains("1 service after a boot: 1 registered");
    second.must(&["reconcile"]).stdout_is("1 service: 1 as they should be\n");
    let log = second.lab.read("/home/app/.local/state/anysvc/boot.log");
    assert!(log.contains(" name=web prior=stopped action=register exit=-\n"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn with_nothing_registered_there_is_nothing_to_do() {
    let container = Container::start(APP);
    container.must(&["reconcile"]).stdout_contains("nothing is registered");
    let document = container.must(&["reconcile", "--json"]).json();
    assert_eq!(document["services"], Value::Array(Vec::new()), "{document}");
    assert!(!container.lab.exists("/home/app/.local"), "nothing is made for it");
}
