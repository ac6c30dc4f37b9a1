//! What commands show, and which services they are about.

use anysvc_backend_api::{Exit, Value};

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
fn what_is_stored_and_not_there_is_in_no_known_state() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.world(|world| world.services.clear());
    let ran = stage.run("status");
    assert_eq!(ran.code, 0);
    let reason = "stored, but mock has no service of that name: register it again";
    assert!(ran.stdout.contains("web   unknown") && ran.stdout.contains(reason), "{}", ran.stdout);
    let document = stage.run("status --json").stdout;
    assert!(document.replace(' ', "").contains("\"state\":\"unknown\""), "{document}");
    // Of other commands, and of what nobody has, there is no state.
    let state = |line: &str| stage.json(line)["services"][0]["state"].clone();
    assert_eq!(
        (state("check web"), state("status nobody")),
        (serde_json::Value::Null, serde_json::Value::Null)
    );
    let ran = stage.run("status web");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("`web` is stored, but mock has no service of that name"), "{}", ran.stderr);
    assert_eq!(stage.run("check").code, 3);
}

#[test]
fn details_and_documents_have_what_a_table_leaves_out() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.world(|world| {
        let status = world.services.get_mut("web").expect("it is registered");
        status.last_exit = Some(Exit { code: Some(7), signal: None, at: None });
        status.native = Value::Map(vec![("slot".into(), 3.into())]);
    });
    let table = stage.run("status").stdout;
    assert!(table.contains("running") && !table.contains("slot"), "{table}");
    let details = stage.run("status web").stdout;
    assert!(details.contains("slot") && details.contains("exit code 7"), "{details}");
    for line in ["status", "status web", "check"] {
        let service = stage.json(line)["services"][0].clone();
        assert_eq!(
            (&service["native"]["slot"], &service["last_exit"]["code"]),
            (&3.into(), &7.into()),
            "{line}"
        );
    }
}

#[test]
fn an_entry_that_can_not_be_read_is_told_and_the_others_are_shown() {
    let stage = Stage::new();
    stage.given("register web -- x");
    std::fs::write(stage.path().join("services/bad.toml"), "nonsense").expect("it can be written");
    for line in ["status", "list", "check"] {
        let ran = stage.run(line);
        assert_eq!(ran.code, 1, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("the stored `bad` is corrupt"), "{line}: {}", ran.stderr);
        assert!(line == "check" || ran.stdout.contains("web"), "{line}: {}", ran.stdout);
    }
    let ran = stage.run("stop --all");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.warnings.iter().any(|warning| warning.contains("bad")), "{:?}", ran.warnings);
}

#[test]
fn a_stray_file_in_the_store_is_said_and_no_service() {
    let stage = Stage::new();
    stage.given("register web -- x");
    std::fs::write(stage.path().join("services/README"), "nonsense").expect("it can be written");
    for line in ["status", "list", "check"] {
        let ran = stage.run(line);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{line}");
        assert!(ran.warnings.iter().any(|warning| warning.contains("README")), "{:?}", ran.warnings);
    }
}

#[test]
fn a_backend_that_was_asked_for_has_to_answer_also_where_nothing_is_registered() {
    let stage = Stage::new();
    stage.world(|world| world.silent = true);
    for line in ["status", "check"] {
        let ran = stage.run(&format!("{line} --backend mock"));
        assert_eq!((ran.code, ran.stdout.contains("nobody answers")), (8, true), "{line}: {}", ran.stdout);
        assert_eq!(stage.run(line).code, 0, "{line}: nobody asked for it");
    }
    stage.world(|world| world.silent = false);
    stage.given("register web -- x");
    stage.world(|world| world.silent = true);
    assert!(stage.run("status --backend mock").stdout.contains("web"), "what is known is told");
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

#[test]
fn one_without_a_log_does_not_silence_the_others() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.given("register db -- x");
    stage.given("register silent -- x");
    stage.world(|world| world.fails.insert(("logs", "silent")));
    let ran = stage.run("logs web silent db");
    assert_eq!((ran.code, ran.stdout.as_str()), (6, "web: last words\ndb: last words\n"));
    assert!(ran.stderr.contains("`silent` has no log"), "{}", ran.stderr);
    let ran = stage.run("logs");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "db: last words\nweb: last words\n", "")
    );
    assert_eq!(stage.run("logs silent").code, 6);
}

#[test]
fn following_ends_with_the_time_and_with_the_service() {
    let stage = Stage::new();
    stage.given("register web -- x");
    assert_eq!(stage.run("logs web -f --timeout 50ms").code, 0);
    assert_eq!(stage.run("logs web -f --no-wait").stdout, "last words\n");
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        let following = scope.spawn(|| stage.run("logs web -f --timeout 60s"));
        stage.given("unregister web");
        let ran = following.join().expect("it ends");
        assert!(ran.code == 4 || ran.stderr.contains("not registered any more"), "{}", ran.stderr);
    });
    assert!(began.elapsed() < std::time::Duration::from_secs(30));
}

#[test]
fn who_waits_in_vain_is_told_what_it_is() {
    let stage = Stage::new();
    stage.given("register web -- x");
    let ran = stage.run("wait web --for down --timeout 50ms --json");
    assert_eq!(ran.code, 10);
    assert!(ran.stdout.contains("in time: it is running"), "{}", ran.stdout);
    assert!(ran.stdout.replace(' ', "").contains("\"state\":\"running\""), "{}", ran.stdout);
}

#[test]
fn what_is_not_wanted_up_is_healthy_without_a_native_object() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.given("stop web");
    stage.world(|world| world.services.clear());
    assert_eq!(stage.run("check").code, 0);
    assert_eq!(stage.run("check web").code, 0);
}

#[test]
fn a_container_is_not_told_of_a_state_folder_that_it_would_not_look_into() {
    let ran = Stage::new().run("container install");
    assert_eq!(ran.code, 2, "a stage has a state folder of its own");
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("`--state-dir` says nothing to the container's start"), "{told}");
}
