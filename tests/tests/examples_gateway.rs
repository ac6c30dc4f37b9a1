//! `examples/profile-gateway`: its story is told on a real s6 and on the embedded default, and goes on after
//! a restart of the container.

use anysvc_tests::{APP, Builder, Facts, S6Lab, examples};

/// Where its user keeps the application's data.
const DATA: &str = "/home/app/data";

/// A laboratory with the application where its image has it.
fn lab(builder: &Builder) -> S6Lab {
    let lab = builder.clone().start();
    examples::install(&lab, "profile-gateway");
    lab
}

#[track_caller]
fn tells_its_story(builder: &Builder, uid: u32) {
    let lab = lab(builder);
    let told = lab.command("/opt/profile-gateway/story").uid(uid).run().success();
    let parts = [
        "registered dashboard: stopped (condition not met)",
        "registered gateway-coder: running",
        "\"greeting\": \"hello from the coder\"",
        "registered gateway-writer: running",
        "<td>writer</td><td>running</td>",
        "removed gateway\n",
    ];
    let told = parts.into_iter().fold(told, |told, part| told.stdout_contains(part));
    // The only one that fails says why.
    told.stderr_contains("gateway-broken").stderr_contains("exit code 78");
    lab.anysvc(["list"]).uid(uid).run().success().stdout_is("");
}

#[test]
fn under_s6_as_its_user() {
    tells_its_story(&S6Lab::new().nested(), APP);
}

#[test]
fn under_s6_as_root() {
    tells_its_story(&S6Lab::new(), 0);
}

#[test]
fn where_there_is_no_service_manager() {
    let builder = S6Lab::new().facts(Facts::NoBasedir);
    for uid in [APP, 0] {
        tells_its_story(&builder, uid);
    }
}

/// A container dies with its gateways, as containers do, and is started again on the same volumes.
#[track_caller]
fn goes_on_after_a_restart(builder: &Builder) {
    let first = lab(builder);
    first.command("/opt/profile-gateway/story").arg(DATA).env("KEEP", "1").uid(APP).run().success();
    let next = lab(builder);
    for folder in ["/home/app/.local", DATA] {
        first.carry(folder, &next);
    }
    drop(first);
    // The pid in this file is somebody's by now: without its removal the gateway would refuse to start.
    let pid_file = format!("{DATA}/profiles/coder/gateway.pid");
    next.write(&pid_file, APP, 0o644, "1");
    next.age(&pid_file);
    let done = next.anysvc(["reconcile"]).uid(APP).run().success();
    done.stdout_contains(&format!("removed, left by the last boot: {pid_file}"));
    let wait = ["wait", "gateway-coder", "gateway-writer", "dashboard", "--for", "ready"];
    next.anysvc(wait).uid(APP).run().success();
    next.anysvc(["status", "gateway-default"])
        .uid(APP)
        .run()
        .fails(3)
        .stdout_contains("gateway-default: stopped");
    let ask = next.command("/opt/profile-gateway/gateway").args(["ask", "coder"]).env("GATEWAY_HOME", DATA);
    ask.uid(APP).run().success().stdout_contains("hello from the coder");
    next.anysvc(["check"]).uid(APP).run().success();
}

#[test]
fn after_a_restart_under_s6_it_is_as_it_was() {
    goes_on_after_a_restart(&S6Lab::new().nested());
}

#[test]
fn after_a_restart_without_a_service_manager_it_is_as_it_was() {
    goes_on_after_a_restart(&S6Lab::new().facts(Facts::NoBasedir));
}
