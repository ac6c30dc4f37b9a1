//! Several users of the embedded default on one machine: the same names, and no contact.

use anysvc_tests::{APP, Ended, Facts, OTHER, S6Lab};

fn lab() -> S6Lab {
    S6Lab::new().facts(Facts::NoBasedir).start()
}

/// The pid of a service that runs.
fn pid(ended: &Ended<'_>) -> u64 {
    ended.json()["services"][0]["pid"].as_u64().expect("it runs")
}

#[test]
fn the_same_name_is_another_service_for_each_user() {
    let lab = lab();
    let users = [0, APP, OTHER];
    let pids: Vec<_> = users
        .iter()
        .map(|uid| {
            lab.anysvc(["register", "web", "--", "sleep", "1000"]).uid(*uid).run().success();
            pid(&lab.anysvc(["status", "web", "--json"]).uid(*uid).run().success())
        })
        .collect();
    assert!(pids[0] != pids[1] && pids[1] != pids[2] && pids[0] != pids[2], "{pids:?}");
    lab.anysvc(["unregister", "--all"]).uid(APP).run().success();
    for (uid, before) in [(0, pids[0]), (OTHER, pids[2])] {
        assert_eq!(pid(&lab.anysvc(["status", "web", "--json"]).uid(uid).run().success()), before);
    }
    lab.anysvc(["status", "web"]).uid(APP).run().fails(4);
}

#[test]
fn a_folder_of_somebody_else_is_refused_with_its_owner() {
    let lab = lab();
    lab.command("/bin/mkdir").args(["-m", "1777", "/srv/shared"]).run().success();
    lab.anysvc(["--state-dir", "/srv/shared/state", "register", "web", "--", "sleep", "1000"])
        .uid(APP)
        .run()
        .success();
    // What is its own, its owner alone may enter: others are told so, and root does not act on it.
    for uid in [0, OTHER] {
        let refused = lab.anysvc(["--state-dir", "/srv/shared/state", "start", "web"]).uid(uid).run();
        refused.fails(7).stderr_contains("/srv/shared/state");
    }
    lab.anysvc(["--state-dir", "/srv/shared/state", "status", "web"]).uid(APP).run().success();
}

#[test]
fn what_another_user_put_in_place_of_the_supervisors_folder_is_refused() {
    for (made, complaint) in [
        (["/bin/ln", "-s", "/srv", "/home/app/state/backend-local"].as_slice(), "is a link"),
        (&["/bin/mkdir", "-m", "755", "/home/app/state/backend-local"], "mode 0755"),
    ] {
        let lab = lab();
        lab.command("/bin/mkdir").args(["-m", "700", "/home/app/state"]).uid(APP).run().success();
        lab.command(made[0]).args(&made[1..]).uid(APP).run().success();
        lab.anysvc(["--state-dir", "/home/app/state", "register", "web", "--", "sleep", "1000"])
            .uid(APP)
            .run()
            .fails(7)
            .stderr_contains(complaint)
            .stderr_contains("backend-local");
    }
}

#[test]
fn after_a_kill_of_the_supervisor_everything_is_back_for_its_user() {
    let lab = lab();
    lab.anysvc(["register", "web", "--", "sleep", "1000"]).uid(APP).run().success();
    let document = lab.anysvc(["status", "web", "--json"]).uid(APP).run().success().json();
    let supervisor = document["services"][0]["native"]["supervisor"].as_u64().expect("its supervisor");
    lab.kill_and_wait(supervisor.try_into().expect("a pid"));
    lab.anysvc(["wait", "web", "--for", "up"]).uid(APP).run().success();
    let again = pid(&lab.anysvc(["status", "web", "--json"]).uid(APP).run().success());
    assert_ne!(Some(again), document["services"][0]["pid"].as_u64());
    let processes = lab.command("/bin/ps").args(["-o", "args", "-u", "10000"]).run().success().stdout();
    assert_eq!(processes.matches("sleep 1000").count(), 1, "{processes}");
}
