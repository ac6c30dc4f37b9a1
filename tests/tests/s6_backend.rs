//! What is particular to s6, as the command line shows it: which scandir, whose, what it warns of, and
//! what else lives there.

use anysvc_tests::{APP, S6Lab};

const FOREVER: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];

fn register<'a>(lab: &'a S6Lab, name: &'a str) -> anysvc_tests::Enter<'a> {
    lab.anysvc(["register", name, "--settle", "0"]).args(FOREVER)
}

#[test]
fn a_shared_scandir_is_warned_of_and_a_nested_one_is_not() {
    let shared = S6Lab::new().shared().start();
    let explained = shared.anysvc(["detect", "--explain"]).uid(APP).run().success();
    explained.stdout_contains("/run/service").stdout_contains("shared").stdout_contains("nested tree");
    let nested = S6Lab::new().nested().start();
    let explained = nested.anysvc(["detect", "--explain"]).uid(APP).run().success();
    explained.stdout_contains("/run/app/service").stdout_contains("nested (s6-svscan runs as the caller)");
    let explained = nested.anysvc(["detect", "--explain"]).run().success();
    explained.stdout_contains("scandir /run/service: that of process 1");
}

#[test]
fn who_has_no_rights_in_the_scandir_may_look_and_is_told_what_to_do() {
    let lab = S6Lab::new().start();
    register(&lab, "roots").run().success();
    lab.anysvc(["list"]).uid(APP).run().success();
    register(&lab, "web").uid(APP).run().fails(7).stderr_contains("hint");
    lab.anysvc(["stop", "roots"]).uid(APP).run().fails(7);
    lab.anysvc(["status", "roots", "--json"]).uid(APP).run().fails(1);
    assert!(!lab.exists("/run/service/web"));
    lab.s6("s6-svstat", ["-o", "up", "/run/service/roots"]).run().success().stdout_contains("true");
}

#[test]
fn other_services_of_the_scandir_are_driven_and_left_where_they_are() {
    let lab = S6Lab::new().start();
    lab.publish("/run/service", 0, "theirs", "#!/bin/sh\nexec sleep 1000\n");
    lab.s6("s6-svscanctl", ["-a", "/run/service"]).run().success();
    lab.anysvc(["wait", "theirs", "--for", "up"]).run().success();
    lab.anysvc(["list"]).run().success().stdout_is("");
    lab.anysvc(["list", "--foreign"]).run().success().stdout_contains("theirs");
    lab.anysvc(["stop", "theirs"]).run().success();
    lab.s6("s6-svstat", ["-o", "up,wantedup", "/run/service/theirs"])
        .run()
        .success()
        .stdout_contains("false false");
    lab.anysvc(["restart", "theirs"]).run().success();
    lab.anysvc(["unregister", "theirs"]).run().fails(5);
    register(&lab, "theirs").run().fails(5);
    lab.s6("s6-svstat", ["-o", "up", "/run/service/theirs"]).run().success().stdout_contains("true");
}

#[test]
fn nested_trees_and_the_links_of_s6_rc_are_services_among_others() {
    let lab = S6Lab::new().nested().start();
    lab.write("/run/s6-rc/servicedirs/db/run", 0, 0o755, "#!/bin/sh\nexec sleep 1000\n");
    lab.command("ln").args(["-s", "/run/s6-rc/servicedirs/db", "/run/service/db"]).run().success();
    lab.s6("s6-svscanctl", ["-a", "/run/service"]).run().success();
    register(&lab, "web").run().success();
    register(&lab, "web").uid(APP).run().success();
    lab.anysvc(["wait", "db", "--for", "up"]).run().success();
    lab.anysvc(["list", "--foreign"]).run().success().stdout_contains("app-tree").stdout_contains("db");
    let told = lab.anysvc(["status", "app-tree", "db", "web", "--json"]).run().success().json();
    let services = told["services"].as_array().into_iter().flatten();
    let seen: Vec<_> = services.map(|s| (s["name"].clone(), s["ours"].clone(), s["state"].clone())).collect();
    let expected = [("app-tree", false), ("db", false), ("web", true)];
    assert_eq!(seen, expected.map(|(name, ours)| (name.into(), ours.into(), "running".into())));
    // Two of one name in two trees have nothing to do with each other, and s6-rc's link is s6-rc's.
    lab.anysvc(["unregister", "web"]).run().success();
    lab.anysvc(["status", "web"]).uid(APP).run().success();
    lab.anysvc(["unregister", "db"]).run().fails(5);
    lab.anysvc(["register", "db", "--adopt", "--", "/usr/bin/sleep", "1000"]).run().fails(5);
    assert!(lab.exists("/run/s6-rc/servicedirs/db/run") && lab.exists("/run/service/db"));
}

#[test]
fn the_service_that_s6_svscan_would_not_take_is_refused_before_it_is_there() {
    let lab = S6Lab::new().svscan_args("-c 2").start();
    register(&lab, "one").run().success();
    register(&lab, "two").run().success();
    let refused = register(&lab, "three").run().fails(9);
    refused.stderr_contains("takes 2 services").stderr_contains("-c");
    assert!(!lab.exists("/run/service/three"));
    lab.anysvc(["status", "three"]).run().fails(4);
}
