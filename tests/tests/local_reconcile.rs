//! `anysvc reconcile` with the embedded default: after a restart of the container, and after the supervisor
//! is gone, everything is as its operator left it.

use anysvc_tests::{APP, Container, Facts, S6Lab, Signal, words};
use serde_json::Value;

fn container(uid: u32) -> Container {
    Container::start(S6Lab::new().facts(Facts::NoBasedir), uid)
}

fn supervisor(container: &Container, name: &str) -> u32 {
    let pid = container.status(name)["native"]["supervisor"].as_u64().expect("a supervisor runs");
    pid.try_into().expect("a pid")
}

fn comes_back_after_a_restart_of_the_container(uid: u32) {
    let first = container(uid);
    first.one_of_each();
    let second = first.restart();
    for name in ["ran", "rested", "always", "never"] {
        assert_eq!(second.state_of(name), "stopped", "nothing starts {name} by itself");
    }
    let reconciled = second.comes_back();
    assert_eq!(reconciled.said("ran"), words("register", "stopped"));
    assert_eq!(reconciled.said("rested"), words("none", "stopped"));
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
    const REFUSES: &str = "echo run >>/home/app/.local/runs; exit 78";
    let first = container(APP);
    first.script("/srv/refuses", REFUSES);
    first.run(&["register", "web", "--settle", "0", "--", "/srv/refuses"]);
    first.lab.wait_until("it refused for good", || first.state_of("web") == "failed");
    let runs = |container: &Container| container.lab.read("/home/app/.local/runs").lines().count();
    assert_eq!(first.reconciled(&["--force"]).said("web"), words("leave", "failed"));
    assert_eq!(runs(&first), 1);
    let second = first.restart();
    second.script("/srv/refuses", REFUSES);
    assert_eq!(second.reconciled(&[]).said("web"), words("start", "failed"));
    second.lab.wait_until("it refused again", || second.state_of("web") == "failed" && runs(&second) == 2);
    assert_eq!(second.reconciled(&["--force"]).said("web"), words("leave", "failed"));
    assert_eq!(runs(&second), 2, "a boot is only once");
}

#[test]
fn after_the_supervisor_was_ended_what_ran_runs_again() {
    let container = container(APP);
    container.sleeper("ran", &[]);
    container.sleeper("rested", &["--down"]);
    let supervisor = supervisor(&container, "ran");
    container.lab.kill(supervisor, Signal::TERM);
    container.lab.wait_until("it left", || container.lab.host_pid(supervisor).is_none());
    assert_eq!(container.state_of("ran"), "stopped");
    let reconciled = container.reconciled(&[]);
    assert!(!reconciled.at_boot(), "a supervisor that was ended is no boot: {reconciled:?}");
    assert_eq!(reconciled.said("ran"), words("register", "stopped"));
    assert_eq!(container.is("ran"), words("running", "up"));
    assert_eq!(container.is("rested"), words("stopped", "down"));
}

#[test]
fn after_a_kill_of_the_supervisor_nothing_is_doubled() {
    let container = container(APP);
    container.sleeper("ran", &[]);
    container.lab.kill_and_wait(supervisor(&container, "ran"));
    let reconciled = container.reconciled(&[]);
    assert!(!reconciled.at_boot(), "{reconciled:?}");
    let said = &reconciled.document["services"][0];
    assert_eq!(said["action"], "register", "{said}");
    assert_eq!(said["why"], "nobody kept it up", "{said}");
    container.must(&["check"]);
    let processes = container.lab.command("/bin/ps").args(["-o", "args", "-u", "10000"]).run().success();
    assert_eq!(processes.stdout().matches("sleep 1000").count(), 1, "{}", processes.stdout());
}

#[test]
fn without_its_records_everything_is_registered_again() {
    let container = container(APP);
    container.sleeper("ran", &["--env", "WORD=kept"]);
    container.sleeper("rested", &["--down"]);
    container.lab.kill_and_wait(supervisor(&container, "ran"));
    let records = "/home/app/.local/state/anysvc/backend-local";
    container.lab.command("/bin/rm").args(["-r", records]).run().success();
    let reconciled = container.reconciled(&[]);
    assert_eq!(reconciled.said("ran"), words("register", "absent"), "{reconciled:?}");
    assert_eq!(reconciled.said("rested"), words("register", "absent"), "{reconciled:?}");
    assert_eq!(container.is("ran"), words("running", "up"));
    assert_eq!(container.is("rested"), words("stopped", "down"));
    container.must(&["show", "ran", "--reveal"]).stdout_contains("kept");
}

#[test]
fn people_are_told_what_was_done_and_it_is_in_the_boot_log() {
    let first = container(APP);
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
    let container = container(APP);
    container.must(&["reconcile"]).stdout_contains("nothing is registered");
    assert_eq!(container.reconciled(&[]).document["services"], Value::Array(Vec::new()));
    assert!(!container.lab.exists("/home/app/.local"), "nothing is made for it");
}
