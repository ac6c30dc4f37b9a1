//! What commands show, and which services they are about.

use super::Stage;

#[test]
fn another_backend_than_the_stored_one_is_refused() {
    let stage = Stage::new();
    stage.given("register web -- x");
    let ran = stage.run("stop web --backend other");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("`web` belongs to the backend `mock`"), "{}", ran.stderr);
    assert!(stage.journal().is_empty());
}

#[test]
fn all_means_those_of_this_backend_and_the_others_are_named() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.given("register old -- x");
    let entry = stage.stored("old").expect("it is stored").replace("\"mock\"", "\"gone\"");
    std::fs::write(stage.path().join("services/old.toml"), entry).expect("it can be written");
    let ran = stage.run("stop --all");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(stage.journal(), ["stop web, wanted down"]);
    assert!(ran.warnings.iter().any(|warning| warning.contains("old (gone, user)")), "{:?}", ran.warnings);
}

#[test]
fn what_is_stored_and_not_there_is_missing() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.world(|world| world.services.clear());
    let ran = stage.run("status");
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("web   missing"), "{}", ran.stdout);
    let ran = stage.run("status web");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("`web` is stored, but mock has no service of that name"), "{}", ran.stderr);
    assert_eq!(stage.run("check").code, 3);
}

#[test]
fn an_entry_that_can_not_be_read_is_set_aside() {
    let stage = Stage::new();
    stage.given("register web -- x");
    std::fs::write(stage.path().join("services/bad.toml"), "nonsense").expect("it can be written");
    let ran = stage.run("status");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("web"), "{}", ran.stdout);
    assert!(ran.warnings.iter().any(|warning| warning.contains("bad")), "{:?}", ran.warnings);
}

#[test]
fn foreign_services_are_shown_on_demand_and_told_apart() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.foreign("getty");
    assert_eq!(stage.run("list").stdout, "web\n");
    assert_eq!(stage.run("list --foreign").stdout, "web\ngetty\n");
    let shown = stage.run("status --foreign").stdout;
    assert!(shown.contains("OURS"), "{shown}");
    assert_eq!(stage.run("status getty").code, 0);
}

#[test]
fn secrets_are_not_shown() {
    let stage = Stage::new();
    stage.given("register web --env KEY=hunter2 -- x");
    for line in ["show web", "show web --json", "status web --json"] {
        let ran = stage.run(line);
        assert!(!ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"), "{line}: {}", ran.stdout);
    }
    assert!(stage.run("show web --reveal").stdout.contains("hunter2"));
}

#[test]
fn logs_of_several_say_whose_each_line_is() {
    let stage = Stage::new();
    stage.given("register web -- x");
    assert_eq!(stage.run("logs web").stdout, "last words\n");
    stage.given("register db -- x");
    assert_eq!(stage.run("logs web db").stdout, "web: last words\ndb: last words\n");
    let ran = stage.run("logs web nothing");
    assert_eq!((ran.code, ran.stdout.as_str()), (4, "web: last words\n"));
}
