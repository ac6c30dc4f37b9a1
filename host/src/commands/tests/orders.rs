//! Orders of effects: what comes before what, and what is taken back.

use serde_json::Value;

use super::Stage;

#[test]
fn the_store_is_written_before_the_manager_is_asked() {
    let stage = Stage::new();
    assert_eq!(stage.run("register web -- x").code, 0);
    assert_eq!(stage.journal(), ["register web, wanted up"]);
    assert_eq!(stage.run("register db --down -- x").code, 0);
    assert_eq!(stage.journal(), ["register db, wanted down"]);
}

#[test]
fn a_register_that_fails_takes_its_entry_back() {
    let stage = Stage::new();
    stage.world(|world| world.fails.insert(("register", "web")));
    let ran = stage.run("register web -- x");
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    assert_eq!(stage.journal(), ["register web, wanted up"]);
    assert_eq!(stage.stored("web"), None);
}

#[test]
fn a_replacement_that_fails_leaves_the_entry_as_it_was() {
    let stage = Stage::new();
    stage.given("register web -- first");
    let before = stage.stored("web").expect("it is stored");
    stage.world(|world| world.fails.insert(("register", "web")));
    assert_eq!(stage.run("register web --replace -- second").code, 9);
    assert_eq!(stage.stored("web"), Some(before));
}

#[test]
fn what_the_backend_refuses_is_named_before_anything_is_changed() {
    let stage = Stage::new();
    let ran = stage.run("register web --umask 077 -- x");
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("`umask`: it has no mask"), "{}", ran.stderr);
    assert!(stage.journal().is_empty());
    assert_eq!(stage.stored("web"), None);
}

#[test]
fn registering_twice_asks_nobody() {
    let stage = Stage::new();
    stage.given("register web -- first");
    let before = stage.stored("web");
    assert_eq!(stage.run("register web -- second").code, 5);
    assert_eq!(stage.run("register web --if-absent -- second").code, 0);
    assert!(stage.journal().is_empty());
    assert_eq!(stage.stored("web"), before);
}

#[test]
fn an_entry_without_a_native_object_is_completed() {
    let stage = Stage::new();
    stage.given("register web -- first");
    stage.world(|world| world.services.clear());
    assert_eq!(stage.run("register web -- second").code, 0);
    assert_eq!(stage.journal(), ["register web, wanted up"]);
    assert!(stage.stored("web").is_some_and(|text| text.contains("second")));
}

#[test]
fn what_is_wanted_is_noted_first_and_stays_when_the_manager_fails() {
    let stage = Stage::new();
    stage.given("register web -- x");
    assert_eq!(stage.run("stop web").code, 0);
    assert_eq!(stage.journal(), ["stop web, wanted down"]);
    stage.world(|world| world.fails.insert(("start", "web")));
    assert_eq!(stage.run("start web").code, 9);
    assert_eq!(stage.journal(), ["start web, wanted up"]);
    assert!(stage.stored("web").is_some_and(|text| text.contains("desired = \"up\"")));
}

#[test]
fn one_that_dies_is_told_with_its_last_lines_and_stays_registered() {
    let stage = Stage::new();
    stage.world(|world| world.dies.insert("web"));
    let ran = stage.run("register web -- x");
    assert_eq!(ran.code, 11);
    assert!(ran.stderr.contains("`web` died at once with exit code 3\n  | last words\n"), "{}", ran.stderr);
    assert!(stage.stored("web").is_some_and(|text| text.contains("desired = \"up\"")));
}

#[test]
fn who_does_not_wait_is_not_told_of_deaths() {
    let stage = Stage::new();
    stage.world(|world| world.dies.insert("web"));
    assert_eq!(stage.run("register web --no-wait -- x").code, 0);
}

#[test]
fn unregister_stops_removes_and_forgets() {
    let stage = Stage::new();
    stage.given("register web -- x");
    assert_eq!(stage.run("unregister web").code, 0);
    assert_eq!(stage.journal(), ["stop web, wanted up", "unregister web, wanted up"]);
    assert_eq!(stage.stored("web"), None);
}

#[test]
fn an_unregister_that_fails_forgets_nothing() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.world(|world| world.fails.insert(("unregister", "web")));
    assert_eq!(stage.run("unregister web").code, 9);
    assert!(stage.stored("web").is_some());
}

#[test]
fn foreign_services_can_be_stopped_and_not_removed() {
    let stage = Stage::new();
    stage.foreign("getty@tty1.service");
    assert_eq!(stage.run("unregister getty@tty1.service").code, 5);
    assert!(stage.journal().is_empty());
    assert_eq!(stage.run("stop getty@tty1.service").code, 0);
    assert_eq!(stage.journal(), ["stop getty@tty1.service, not stored"]);
    assert_eq!(stage.run("unregister nothing").code, 0);
}

#[test]
fn what_is_required_comes_first_and_stops_last() {
    let stage = Stage::new();
    stage.given("register db --down -- x");
    stage.given("register web --requires db --down -- x");
    assert_eq!(stage.run("start web").code, 0);
    assert_eq!(stage.journal(), ["start db, wanted up", "start web, wanted up"]);
    assert_eq!(stage.run("stop db web").code, 0);
    assert_eq!(stage.journal(), ["stop web, wanted down", "stop db, wanted down"]);
}

#[test]
fn what_requires_something_that_fails_is_not_tried() {
    let stage = Stage::new();
    stage.given("register db --down -- x");
    stage.given("register web --requires db --down -- x");
    stage.world(|world| world.dies.insert("db"));
    let ran = stage.run("start web");
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert_eq!(stage.journal(), ["start db, wanted up"]);
    assert!(ran.stderr.contains("it requires `db`"), "{}", ran.stderr);
}

#[test]
fn every_service_is_tried_and_the_first_failure_counts() {
    let stage = Stage::new();
    for name in ["a", "b", "c"] {
        stage.given(&format!("register {name} -- x"));
    }
    stage.world(|world| world.fails.insert(("restart", "b")));
    let ran = stage.run("restart a nothing b c");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let expected = [
        "restart a, wanted up",
        "restart nothing, not stored",
        "restart b, wanted up",
        "restart c, wanted up",
    ];
    assert_eq!(stage.journal(), expected);
    assert!(ran.stdout.contains("restarted a") && ran.stdout.contains("restarted c"), "{}", ran.stdout);
}

#[test]
fn unregister_has_to_wait() {
    let stage = Stage::new();
    stage.given("register web -- x");
    for how in ["--no-wait", "--timeout 0"] {
        let ran = stage.run(&format!("unregister web {how}"));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
    assert!(stage.journal().is_empty());
}

#[test]
fn what_is_gone_is_in_no_state() {
    let stage = Stage::new();
    stage.given("register web -- x");
    let gone = |line: &str| {
        let service = stage.json(line)["services"][0].clone();
        assert_eq!((&service["state"], &service["pid"]), (&Value::Null, &Value::Null), "{line}: {service}");
        assert_eq!(service.get("error"), None, "{line}: {service}");
    };
    gone("unregister web");
    gone("wait web --for gone");
}

#[test]
fn a_service_whose_file_is_corrupt_can_be_unregistered() {
    for text in ["nonsense", "spec"] {
        let stage = Stage::new();
        stage.given("register web -- x");
        let whole = stage.stored("web").expect("it is stored");
        let broken = if text == "spec" { format!("{whole}\nnonsense") } else { text.to_owned() };
        std::fs::write(stage.path().join("services/web.toml"), broken).expect("it can be written");
        let ran = stage.run("unregister web");
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "unregistered web\n"), "{}", ran.stderr);
        assert_eq!(stage.stored("web"), None);
        assert!(stage.world(|world| world.services.is_empty()));
    }
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.world(|world| world.services.clear());
    stage.foreign("web");
    std::fs::write(stage.path().join("services/web.toml"), "nonsense").expect("it can be written");
    assert_eq!(stage.run("unregister web").code, 5);
    assert_eq!(stage.world(|world| world.services.len()), 1);
}
