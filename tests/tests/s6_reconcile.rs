//! `anysvc reconcile` under a real s6: after a restart of the container everything is as its operator left
//! it, at other times what somebody did by hand is told and nothing is started that ended for good.

use anysvc_tests::{APP, Container, Facts, Running, S6Lab, Scandir, words};

fn container(uid: u32, scandir: Scandir) -> Container {
    Container::start(S6Lab::new().scandir(scandir), uid)
}

fn app() -> Container {
    container(APP, Scandir::Nested)
}

fn comes_back_after_a_restart_of_the_container(uid: u32, scandir: Scandir) {
    let first = container(uid, scandir);
    first.one_of_each();
    let second = first.restart();
    let reconciled = second.comes_back();
    for name in ["ran", "rested", "always", "never"] {
        assert_eq!(reconciled.said(name), words("register", "absent"), "{reconciled:?}");
    }
    let log = second.lab.read(format!("{}/boot.log", second.state()));
    assert_eq!(log.matches(" prior=absent action=register exit=-\n").count(), 4, "{log}");
}

/// Its supervisor stays until s6-svscan is told to prune.
#[test]
fn one_whose_directory_was_removed_while_it_ran_comes_back_once() {
    for command in [&["reconcile"][..], &["register", "web", "--replace", "--", "sleep", "3333"]] {
        let container = container(0, Scandir::Root);
        let lab = &container.lab;
        container.must(&["register", "web", "--", "sleep", "3333"]);
        container.is_at_work("web");
        let logs = || lab.s6("s6-svstat", ["-u", "/run/service/web/log"]).run().any().stdout() == "true\n";
        lab.wait_until("its logger is noted", logs);
        lab.command("/bin/rm").args(["-r", "/run/service/web"]).run().success();
        container.must(command);
        container.is_at_work("web");
        let list = "for p in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$p; echo; done";
        let all = lab.command("/bin/sh").args(["-c", list]).run().any().stdout();
        assert_eq!(
            all.lines().filter(|line| line.starts_with("sleep 3333")).count(),
            1,
            "{command:?}: {all}"
        );
        container.must(&["status", "web"]);
        lab.wait_until("its logger runs", logs);
    }
}

#[test]
fn root_s_services_come_back_after_a_restart_of_the_container() {
    comes_back_after_a_restart_of_the_container(0, Scandir::Root);
}

#[test]
fn a_user_s_services_come_back_in_a_tree_of_its_own() {
    comes_back_after_a_restart_of_the_container(APP, Scandir::Nested);
}

#[test]
fn a_user_s_services_come_back_in_the_shared_tree() {
    comes_back_after_a_restart_of_the_container(APP, Scandir::Shared);
}

#[test]
fn a_user_s_services_come_back_in_a_container_that_is_all_its_own() {
    comes_back_after_a_restart_of_the_container(APP, Scandir::User);
}

#[test]
fn what_was_done_by_hand_is_told_and_put_right_by_force_alone() {
    let container = app();
    container.sleeper("stopped", &[]);
    container.sleeper("started", &["--down"]);
    let slot = |name: &str| format!("{}/{name}", container.lab.scandir());
    container.lab.s6("s6-svc", ["-wD", "-d", &slot("stopped")]).uid(APP).run().success();
    // What is started within some ticks of its registration passes for a stop that was cut short.
    let told = std::fs::metadata(container.lab.path(format!("{}/down", slot("started"))));
    let told = told.and_then(|down| down.modified()).expect("it was registered down");
    let age = || told.elapsed().unwrap_or_default();
    container.lab.wait_until("a hand comes later", || age() > std::time::Duration::from_millis(100));
    container.lab.s6("s6-svc", ["-wu", "-u", &slot("started")]).uid(APP).run().success();
    for options in [&[][..], &["--dry-run"], &["--dry-run", "--force"]] {
        let reconciled = container.reconciled(options);
        let force = options.contains(&"--force");
        assert_eq!(reconciled.said("stopped").0, if force { "start" } else { "drift" }, "{reconciled:?}");
        assert_eq!(reconciled.said("started").0, if force { "stop" } else { "drift" }, "{reconciled:?}");
        assert_eq!(reconciled.service("stopped")["why"], "it was stopped by hand");
        assert_eq!(reconciled.service("started")["why"], "it was started by hand");
        assert_ne!(container.state_of("stopped"), "running", "it is left");
        assert_eq!(container.state_of("started"), "running", "it is left");
    }
    container.must(&["reconcile"]).stdout_contains("by hand").stderr_contains("--force");
    assert_eq!(container.reconciled(&["--force"]).code, Some(0));
    assert_eq!(container.is("stopped"), words("running", "up"));
    assert_eq!(container.is("started"), words("stopped", "down"));
    assert!(container.reconciled(&[]).is_idle());
}

#[test]
fn what_ended_for_good_is_tried_once_at_boot_and_left_otherwise() {
    const REFUSES: &str = "echo run >>/home/app/.local/refusals; exit 78";
    const CRASHES: &str = "echo run >>/home/app/.local/crashes; kill -KILL $$";
    let first = app();
    let prepare = |container: &Container| {
        container.script("/srv/refuses", REFUSES);
        container.script("/srv/crashes", CRASHES);
    };
    prepare(&first);
    first.run(&["register", "refuses", "--settle", "0", "--", "/srv/refuses"]);
    let give_up = ["--give-up", "2/60s"];
    first.run(&[&["register", "crashes", "--settle", "0"][..], &give_up, &["--", "/srv/crashes"]].concat());
    first.run(&["register", "done", "--settle", "0", "--", "true"]);
    let ended = |container: &Container, name: &str, state: &str| {
        container.lab.wait_until(&format!("{name} is {state}"), || container.state_of(name) == state);
    };
    let all_ended = |container: &Container| {
        ended(container, "refuses", "failed");
        ended(container, "crashes", "failed");
        ended(container, "done", "stopped");
    };
    all_ended(&first);
    let runs = |container: &Container, what: &str| {
        container.lab.read(format!("/home/app/.local/{what}")).lines().count()
    };
    for options in [&[][..], &["--force"]] {
        let reconciled = first.reconciled(options);
        for name in ["refuses", "crashes", "done"] {
            assert_eq!(reconciled.said(name).0, "leave", "{reconciled:?}");
        }
    }
    assert_eq!((runs(&first, "refusals"), runs(&first, "crashes")), (1, 2));
    let second = first.restart();
    prepare(&second);
    assert_eq!(second.reconciled(&[]).said("refuses"), words("register", "absent"));
    all_ended(&second);
    assert_eq!((runs(&second, "refusals"), runs(&second, "crashes")), (2, 4), "a boot tries");
    assert!(!second.reconciled(&["--force"]).at_boot());
    assert_eq!((runs(&second, "refusals"), runs(&second, "crashes")), (2, 4), "once");
}

#[test]
fn what_its_condition_holds_back_is_as_it_should_be() {
    let container = app();
    // Until it is known, and no longer.
    container.must(&["register", "web", "--settle", "50s", "--when-env", "DASHBOARD", "--", "sleep", "1000"]);
    let reconciled = container.reconciled(&["--force"]);
    assert_eq!(reconciled.said("web"), words("none", "stopped"), "{reconciled:?}");
    assert_eq!(reconciled.service("web")["why"], "condition not met");
}

#[test]
fn what_the_manager_lost_is_registered_again_at_any_time() {
    let container = app();
    container.sleeper_at_work("lost", &[]);
    container.sleeper_at_work("rested", &["--down"]);
    for name in ["lost", "rested"] {
        container.lab.command("/bin/rm").args(["-r", &format!("/run/app/service/{name}")]).run().success();
    }
    container.lab.s6("s6-svscanctl", ["-an", "/run/app/service"]).uid(APP).run().success();
    let reconciled = container.reconciled(&[]);
    assert!(!reconciled.at_boot(), "{reconciled:?}");
    assert_eq!(reconciled.said("lost"), words("register", "absent"), "{reconciled:?}");
    assert_eq!(container.is("lost"), words("running", "up"));
    assert_eq!(container.is("rested"), words("stopped", "down"));
}

#[test]
fn what_somebody_else_made_is_left_alone() {
    let container = app();
    container.sleeper_at_work("web", &[]);
    container.sleeper("mine", &[]);
    container.lab.command("/bin/rm").args(["-r", "/run/app/service/web"]).run().success();
    container.lab.s6("s6-svscanctl", ["-an", "/run/app/service"]).uid(APP).run().success();
    container.lab.publish("/run/app/service", APP, "web", "#!/bin/sh\nexec sleep 2000\n");
    container.lab.s6("s6-svscanctl", ["-a", "/run/app/service"]).uid(APP).run().success();
    container.lab.wait_until("it is theirs", || container.state_of("web") == "running");
    let reconciled = container.reconciled(&["--force"]);
    assert_eq!(reconciled.code, Some(5), "{reconciled:?}");
    assert_eq!(reconciled.service("web")["error"]["kind"], "not-ours", "{reconciled:?}");
    assert_eq!(reconciled.said("mine").0, "none");
    assert!(container.lab.read("/run/app/service/web/run").contains("2000"));
}

/// A container whose s6-svscan is started by its own script, after reconcile.
fn with_a_late_svscan() -> Container {
    Container::prepared(S6Lab::new().facts(Facts::OtherPid1), APP, |lab| {
        lab.write("/etc/anysvc/config.toml", 0, 0o644, "[backend.s6]\nscandir = \"/run/later\"\n");
        lab.command("/bin/install").args(["-d", "-o", "app", "/run/later"]).run().success();
    })
}

/// Its script: perhaps a line, then the s6-svscan.
fn svscan<'c>(container: &'c Container, line: &str) -> Running<'c> {
    let script = format!("{line}exec /command/s6-svscan /run/later");
    let path = "/opt/anysvc/bin:/command:/usr/bin:/bin";
    container.lab.command("/bin/sh").args(["-c", &script]).env("PATH", path).uid(APP).spawn()
}

#[test]
fn before_there_is_an_s6_svscan_all_is_made_ready_for_it() {
    let first = with_a_late_svscan();
    let running = svscan(&first, "");
    first.lab.wait_until("it listens", || first.lab.listens("/run/later"));
    first.sleeper("ran", &[]);
    first.sleeper("after", &["--after", "ran"]);
    first.sleeper("rested", &["--down"]);
    drop(running);
    let second = first.restart();
    let reconciled = second.reconciled(&[]);
    assert!(reconciled.at_boot() && reconciled.code == Some(0), "{reconciled:?}");
    assert!(!second.lab.listens("/run/later"), "nothing was started for it");
    let down = |name: &str| second.lab.exists(format!("/run/later/{name}/down"));
    assert_eq!((down("ran"), down("after"), down("rested")), (false, false, true));
    let _running = svscan(&second, "anysvc reconcile --json >/home/app/again; ");
    second.lab.wait_until("both run", || {
        second.state_of("ran") == "running" && second.state_of("after") == "running"
    });
    let supervised = || second.status("rested")["native"]["supervised"] == true;
    second.lab.wait_until("the other one is supervised", supervised);
    assert_eq!(second.is("rested"), words("stopped", "down"));
    let again = second.reconciled(&[]);
    assert!(!again.at_boot() && again.is_idle(), "its start is no other boot: {again:?}");
}

#[test]
fn what_was_made_ready_in_one_container_is_not_for_the_next() {
    let first = with_a_late_svscan();
    let running = svscan(&first, "");
    first.lab.wait_until("it listens", || first.lab.listens("/run/later"));
    first.sleeper("ran", &[]);
    drop(running);
    let second = first.restart();
    assert!(second.reconciled(&[]).at_boot());
    // Its s6-svscan never came. In the next container, on the same kernel, it does before reconcile.
    let third = second.restart();
    let _running = svscan(&third, "");
    third.lab.wait_until("it listens", || third.lab.listens("/run/later"));
    let reconciled = third.reconciled(&[]);
    assert!(reconciled.at_boot(), "another container is another boot: {reconciled:?}");
    assert_eq!(third.is("ran"), words("running", "up"));
}

#[test]
fn where_processes_are_hidden_another_start_of_the_container_is_a_boot_all_the_same() {
    let hidden = S6Lab::new().shared().facts(Facts::HidePid);
    let first = Container::prepared(hidden, APP, |lab| {
        lab.write("/etc/anysvc/config.toml", 0, 0o644, "[backend.s6]\nscandir = \"/run/service\"\n");
    });
    first.script("/srv/ends", "exit 78");
    // It may be seen to end, and is registered either way.
    first.run(&["register", "ended", "--settle", "0", "--", "/srv/ends"]);
    first.lab.wait_until("it is over", || first.state_of("ended") == "failed");
    let reconciled = first.reconciled(&[]);
    assert!(!reconciled.at_boot(), "{reconciled:?}");
    assert_eq!(reconciled.said("ended"), words("leave", "failed"), "{reconciled:?}");
    let second = first.restart();
    second.script("/srv/ends", "exit 78");
    let reconciled = second.reconciled(&[]);
    assert!(reconciled.at_boot(), "{reconciled:?}");
    second.lab.wait_until("it was tried", || second.state_of("ended") == "failed");
    let again = second.reconciled(&[]);
    assert!(!again.at_boot(), "{again:?}");
    assert_eq!(again.said("ended"), words("leave", "failed"), "{again:?}");
}
