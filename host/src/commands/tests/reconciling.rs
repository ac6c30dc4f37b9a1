//! Reconcile, with the instances that templates find on disk.

use super::{Stage, templates::discovering};

#[test]
fn an_instance_stays_the_one_it_is_when_its_template_is_changed_or_removed() {
    let stage = Stage::new();
    let register = discovering(&stage);
    stage.given(&register);
    stage.given("reconcile");
    let spec = stage.path().join("spec.toml");
    let text = std::fs::read_to_string(&spec).expect("it was written");
    let renamed = text.replacen("command", "name = \"gate-{instance}\"\ncommand", 1);
    std::fs::write(&spec, renamed).expect("it can be written");
    stage.given(&format!("{register} --replace"));
    let again = stage.json("reconcile");
    let names: Vec<_> = (0..3).map(|at| again["services"][at]["name"].clone()).collect();
    assert_eq!(names, ["gateway-coder".into(), "gateway-writer".into(), serde_json::Value::Null]);
    assert!(stage.journal().is_empty(), "nothing runs twice");
    assert_eq!(stage.run("stop --template gateway --instance coder").code, 0);
    assert_eq!(stage.journal(), ["stop gateway-coder, wanted down"]);
    stage.given("template remove gateway");
    assert_eq!(stage.run("start --template gateway --instance coder").code, 0);
    assert_eq!(stage.journal(), ["start gateway-coder, wanted up"]);
    assert_eq!(stage.run("stop --template gateway --instance nobody").code, 4);
}

#[test]
fn reconcile_looks_for_instances_when_nobody_else_changes_the_store() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    let late = stage.path().join("data/late");
    std::fs::create_dir(&late).expect("a folder");
    // The manager is asked with the lock held.
    stage.world(|world| world.meanwhile = Some(("probe", late.join("config.json"), String::new())));
    stage.given("reconcile");
    assert!(stage.stored("gateway-late").is_some());
}

#[test]
fn a_note_of_boots_that_cannot_be_read_keeps_nothing_down() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    std::fs::create_dir(stage.path().join("boots")).expect("a folder in its place");
    let ran = stage.run("reconcile");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.warnings[0].contains("boots is not used as a store: it is not a regular file"),
        "{:?}",
        ran.warnings
    );
    assert!(stage.stored("gateway-coder").is_some());
}

#[test]
fn what_reconcile_could_not_use_is_in_its_document_too() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    std::fs::write(stage.path().join("templates/broken.toml"), "x").expect("it can be written");
    std::fs::create_dir(stage.path().join("data/Wrong")).expect("a folder");
    std::fs::write(stage.path().join("data/Wrong/config.json"), "").expect("a file");
    let document = stage.json("reconcile");
    let problem = |at: usize| (document["problems"][at]["template"].clone(), &document["problems"][at]);
    let (template, broken) = problem(0);
    assert_eq!((template, &broken["kind"]), ("broken".into(), &"io".into()), "{document}");
    assert!(
        broken["hint"].as_str().is_some_and(|hint| hint.contains("template remove broken")),
        "{document}"
    );
    let (template, wrong) = problem(1);
    assert_eq!(template, "gateway");
    assert!(wrong["message"].as_str().is_some_and(|text| text.contains("Wrong: is no name")), "{document}");
}

#[test]
fn a_template_of_the_store_that_cannot_be_read_is_a_failure_as_a_service_is() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    std::fs::write(stage.path().join("templates/broken.toml"), "x").expect("it can be written");
    let ran = stage.run("reconcile");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("templates/broken.toml"), "{}", ran.stderr);
    assert!(stage.stored("gateway-coder").is_some(), "the rest goes on");
    let log = std::fs::read_to_string(stage.path().join("boot.log")).unwrap_or_default();
    assert!(log.contains("name=broken prior=absent action=set-aside"), "{log}");
    // Also where there is nothing else.
    let alone = Stage::new();
    alone.given(&discovering(&alone));
    std::fs::write(alone.path().join("templates/gateway.toml"), "x").expect("it can be written");
    assert_eq!(alone.run("reconcile").code, 1);
}

#[test]
fn reconcile_registers_what_is_on_disk_as_its_application_wants_it() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    let data = |path: &str| stage.path().join("data").join(path);
    std::fs::write(data("coder/gateway.pid"), "7").expect("a file");
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
    let file = std::fs::File::options().write(true).open(data("coder/gateway.pid"));
    file.and_then(|file| file.set_modified(yesterday)).expect("a date");
    std::fs::create_dir(data("Wrong")).expect("a folder");
    std::fs::write(data("Wrong/config.json"), "").expect("a file");
    let planned = stage.json("reconcile --dry-run");
    assert_eq!(planned["stale"][0], data("coder/gateway.pid").to_str().expect("text"), "{planned}");
    assert_eq!(planned["services"][0]["action"], "register", "{planned}");
    assert!(data("coder/gateway.pid").exists() && stage.stored("gateway-coder").is_none());
    assert!(stage.journal().is_empty());
    let ran = stage.run("reconcile");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("removed, left by the last boot: ") && ran.stdout.contains("2 registered"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("Wrong: is no name for an instance"), "{}", ran.stderr);
    assert_eq!(
        stage.journal(),
        ["register gateway-coder, wanted up", "register gateway-writer, wanted down"]
    );
    assert!(!data("coder/gateway.pid").exists());
    let log = std::fs::read_to_string(stage.path().join("boot.log")).unwrap_or_default();
    assert!(log.contains("name=gateway-coder prior=absent action=register"), "{log}");
    assert!(log.contains("name=gateway prior=absent action=passed-over exit=- error="), "{log}");
    let status = stage.json("status --template gateway");
    let states: Vec<_> = (0..2).map(|at| status["services"][at]["state"].clone()).collect();
    assert_eq!(states, ["running", "stopped"]);
    assert_eq!(status["services"][1]["instance"], "writer");
    // The file of what runs now is its own.
    std::fs::write(data("coder/gateway.pid"), "8").expect("a file");
    let again = stage.json("reconcile");
    assert_eq!((&again["services"][0]["action"], &again["stale"]), (&"none".into(), &serde_json::json!([])));
    assert!(data("coder/gateway.pid").exists());
}

#[test]
fn reconcile_takes_nothing_that_is_somebody_elses_and_completes_what_was_lost() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    stage.foreign("gateway-coder");
    stage.given("start gateway-writer");
    std::fs::remove_file(stage.path().join("services/gateway-writer.toml")).expect("it was there");
    stage.world(|world| world.differs.insert("gateway-writer"));
    let ran = stage.run("reconcile");
    assert!(ran.stderr.contains("there is a service `gateway-writer` already"), "{}", ran.stderr);
    assert!(
        stage.stored("gateway-writer").is_none() && stage.journal().is_empty(),
        "it may be another user's"
    );
    stage.world(|world| world.differs.clear());
    let ran = stage.run("reconcile");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(stage.stored("gateway-coder").is_none());
    // Its application says nothing, but it runs.
    assert_eq!(stage.journal(), ["register gateway-writer, wanted up"]);
}

#[test]
fn what_no_manager_takes_is_not_kept_and_is_tried_again() {
    let stage = Stage::new();
    let register = discovering(&stage);
    let spec = stage.path().join("spec.toml");
    let text = std::fs::read_to_string(&spec).expect("it was written");
    let refused = text.replacen("command", "umask = \"0077\"\ncommand", 1);
    std::fs::write(&spec, refused).expect("it can be written");
    stage.given(&register);
    let ran = stage.run("reconcile");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(ran.stderr.contains("mock can't honour `umask`"), "{}", ran.stderr);
    assert!(stage.stored("gateway-coder").is_none() && stage.journal().is_empty());
    std::fs::write(&spec, text).expect("it can be written");
    stage.given(&format!("{register} --replace"));
    assert_eq!(stage.run("reconcile").code, 0);
    assert!(stage.stored("gateway-coder").is_some());
    assert_eq!(
        stage.journal(),
        ["register gateway-coder, wanted up", "register gateway-writer, wanted down"]
    );
}
