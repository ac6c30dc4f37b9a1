//! What the command line does that takes a real manager and more than one user: acting for others, services
//! of others, following logs, conditions, not waiting.

use std::io::{BufRead as _, BufReader};

use anysvc_tests::{APP, OTHER, S6Lab, Signal};

#[test]
fn root_acts_for_a_user_as_that_user() {
    let lab = S6Lab::new().nested().start();
    let script = lab.script("id -u; echo \"$HOME\"; exec sleep 1000\n");
    lab.anysvc(["register", "web", "--scope", "user:app", "--", &script]).run().success();
    assert!(lab.exists("/run/app/service/web/run") && !lab.exists("/run/service/web"));
    assert!(lab.exists("/home/app/.local/state/anysvc/services/web.toml"));
    lab.anysvc(["status", "web"]).uid(APP).run().success().stdout_contains("web: running");
    lab.anysvc(["status", "web"]).run().fails(4);
    lab.wait_until("it has said who it is", || {
        let logs = lab.anysvc(["logs", "web", "--scope=user:app"]).run().success().stdout();
        logs.contains(" 10000\n") && logs.contains(" /home/app\n")
    });
    // Nothing of root's session counts.
    let elsewhere = lab.anysvc(["list", "--scope", "user:app"]).env("ANYSVC_STATE_DIR", "/root/state");
    elsewhere.env("XDG_STATE_HOME", "/root/xdg").run().success().stdout_is("web\n");
    lab.anysvc(["stop", "web", "--scope", "user:app"]).run().success();
    lab.anysvc(["status", "web", "--scope", "user:app"]).run().fails(3);
    lab.anysvc(["status", "--scope", "user:app"]).uid(OTHER).run().fails(7);
    lab.anysvc(["status", "--scope", "user:nobody-of-that-name"]).run().fails(2);
}

#[test]
fn a_service_of_roots_runs_as_another_user_and_logs() {
    let lab = S6Lab::new().start();
    let script = lab.script("id -u; exec sleep 1000\n");
    lab.anysvc(["register", "web", "--user", "app", "--", &script]).run().success();
    lab.wait_until("its line is in the log", || {
        lab.anysvc(["logs", "web"]).run().success().stdout().contains(" 10000\n")
    });
    lab.anysvc(["register", "web2", "--user", "root", "--", "true"]).uid(APP).run().fails(7);
    lab.anysvc(["register", "web2", "--user", "nobody-of-that-name", "--", "true"]).run().fails(2);
}

#[test]
fn readiness_is_probed_as_the_services_user() {
    let lab = S6Lab::new().start();
    let check = |uid: u32| lab.script(&format!("test \"$(id -u)\" = {uid} && test \"$(id -G)\" = {uid}\n"));
    let register = |name: &str, check: &str, timeout: &str| {
        let args = ["register", name, "--user", "app", "--ready-check", check, "--ready-timeout", timeout];
        lab.anysvc(args).args(["--", "sleep", "1000"]).run()
    };
    register("mine", &check(APP), "30s").success().stdout_contains("ready");
    register("roots", &check(0), "1s").fails(11);
}

#[test]
fn a_service_that_its_condition_holds_back_was_started() {
    let lab = S6Lab::new().start();
    // Until it is known, and no longer.
    let args = ["register", "web", "--settle", "50s", "--when-env", "NEVER_SET", "--", "sleep", "1000"];
    lab.anysvc(args).run().success().stdout_contains("condition not met");
    let status = lab.anysvc(["status", "web", "--json"]).run().fails(3).json();
    assert_eq!(
        (&status["services"][0]["state"], &status["services"][0]["desired"]),
        (&"stopped".into(), &"up".into())
    );
    lab.anysvc(["check"]).run().success();
    lab.anysvc(["wait", "web", "--for", "up"]).run().fails(3).stdout_contains("condition not met");
}

#[test]
fn following_gives_an_object_a_line_and_ends_with_its_reader() {
    let lab = S6Lab::new().start();
    let script = lab.script("while :; do echo tick; sleep 0.05; done\n");
    lab.anysvc(["register", "web", "--", &script]).run().success();
    let mut following = lab.anysvc(["logs", "web", "-f", "--json"]).spawn();
    let mut lines = BufReader::new(following.stdout().expect("it is piped")).lines();
    for _ in 0..3 {
        let line = lines.next().expect("a line").expect("text");
        let record: serde_json::Value = serde_json::from_str(&line).expect("an object");
        assert_eq!((&record["service"], &record["line"]), (&"web".into(), &"tick".into()));
    }
    drop(lines);
    following.wait().success().stderr_is("");
}

#[test]
fn who_does_not_want_to_wait_is_not_kept() {
    let lab = S6Lab::new().start();
    let script = lab.script(
        "trap '' TERM; echo $$ >/srv/pid.new; mv /srv/pid.new /srv/pid; while :; do sleep 0.05; done\n",
    );
    lab.anysvc(["register", "web", "--no-wait", "--stop-timeout", "1000s", "--", &script]).run().success();
    lab.wait_until("it ignores TERM", || lab.exists("/srv/pid"));
    lab.wait_until("it runs", || lab.anysvc(["status", "web"]).run().any().code() == Some(0));
    lab.anysvc(["stop", "web", "--timeout", "0"]).run().success();
    // Its supervisor may not have heard it yet.
    lab.wait_until("it is stopping", || lab.anysvc(["status", "web"]).run().any().code() == Some(3));
    lab.anysvc(["status", "web"]).run().fails(3).stdout_contains("stopping");
    lab.kill(lab.read("/srv/pid").trim().parse().expect("its pid"), Signal::KILL);
    lab.anysvc(["wait", "web", "--for", "down"]).run().success();
}

#[test]
fn becoming_ready_by_itself_is_told_and_dying_before_is_too() {
    let lab = S6Lab::new().start();
    let good = lab.script("sleep 0.3; echo >&3; exec sleep 1000\n");
    let register = |name: &str, script: &str| {
        lab.anysvc(["register", name, "--ready-notify-fd", "3", "--restart", "never", "--", script]).run()
    };
    register("good", &good).success().stdout_contains("ready");
    lab.anysvc(["status", "good"]).run().success().stdout_contains("ready");
    // On a busy machine a line takes longer to the log than a command waits for it.
    let log = "/var/lib/anysvc/logs/bad/current";
    let bad = format!("echo giving up; until grep -q 'giving up' {log}; do sleep 0.05; done; exit 4\n");
    let bad = lab.script(&bad);
    register("bad", &bad).fails(11).stderr_contains("exit code 4").stderr_contains("giving up");
}

#[test]
fn a_signal_for_all_passes_over_what_does_not_run() {
    let lab = S6Lab::new().start();
    lab.anysvc(["register", "up", "--", "sleep", "1000"]).run().success();
    lab.anysvc(["register", "rests", "--down", "--", "sleep", "1000"]).run().success();
    let sent = lab.anysvc(["signal", "CONT", "--all"]).run().success().stdout_is("sent CONT to up\n");
    sent.stderr_contains("passed over, as they don't run: rests");
    lab.anysvc(["signal", "CONT", "rests"]).run().fails(9);
}

/// Waits until nothing of a service of root's is on its way any more: its program runs, and its logger.
fn is_at_work(lab: &S6Lab, name: &str) {
    lab.wait_until("it is its program, and its logger writes", || {
        let status = lab.anysvc(["status", name, "--json"]).run().any().json();
        let pid = status["services"][0]["pid"].as_u64().and_then(|pid| pid.try_into().ok());
        pid.and_then(|pid| lab.comm(pid)).is_some_and(|comm| comm == "sleep")
            && lab.exists(format!("/var/lib/anysvc/logs/{name}/current"))
    });
}

/// What says that a service is ours is a file in it, or a note in its lock, and somebody may remove both; and the
/// name may be somebody else's by now.
#[test]
fn what_is_stored_and_not_known_for_ours_is_no_success_to_unregister() {
    let lab = S6Lab::new().start();
    for name in ["unmarked", "others"] {
        lab.anysvc(["register", name, "--", "sleep", "1000"]).run().success();
        is_at_work(&lab, name);
    }
    lab.command("/bin/rm").args(["-r", "/run/service/unmarked/data"]).run().success();
    lab.write("/run/service/unmarked/supervise/lock", 0, 0o644, "");
    lab.command("/bin/rm").args(["-r", "/run/service/others"]).run().success();
    lab.s6("s6-svscanctl", ["-an", "/run/service"]).run().success();
    lab.publish("/run/service", 0, "others", "#!/bin/sh\nexec sleep 2000\n");
    let runs = |name: &str| lab.anysvc(["status", name]).run().any().stdout().contains("running");
    lab.s6("s6-svscanctl", ["-a", "/run/service"]).run().success();
    lab.wait_until("somebody else's runs", || runs("others"));
    for which in [&["unmarked"][..], &["others"], &["--all"]] {
        let refused = lab.anysvc(["unregister"]).args(which).run().fails(5).stderr_contains("did not make");
        refused.stderr_contains("delete /var/lib/anysvc/services/").stdout_is("");
        assert!(["unmarked", "others"].into_iter().all(runs), "they are left as they are");
    }
    for name in ["unmarked", "others"] {
        lab.anysvc(["register", name, "--replace", "--adopt", "--", "sleep", "3000"]).run().success();
        lab.anysvc(["unregister", name]).run().success();
        lab.anysvc(["status", name]).run().fails(4);
    }
}

#[test]
fn a_foreign_service_can_be_used_and_is_never_removed() {
    let lab = S6Lab::new().nested().start();
    let listed = lab.anysvc(["list", "--foreign"]).run().success().stdout();
    let foreign = listed.lines().next().expect("root's tree has a service of its own").to_owned();
    let status = lab.anysvc(["status", &foreign, "--json"]).run().success().json();
    assert_eq!(
        (&status["services"][0]["ours"], &status["services"][0]["desired"]),
        (&false.into(), &serde_json::Value::Null)
    );
    lab.anysvc(["unregister", &foreign]).run().fails(5);
    lab.anysvc(["register", &foreign, "--", "true"]).run().fails(5);
    lab.anysvc(["show", &foreign]).run().success();
    lab.anysvc(["unregister", "--all"]).run().success();
    lab.anysvc(["status", &foreign]).run().success();
}
