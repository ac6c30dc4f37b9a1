//! What others did before, or do at the same time.

use anysvc_backend_api::{State, Status};

use super::Stage;

impl Stage {
    /// The service is somebody else's by now.
    fn taken_by_others(&self, name: &str) {
        self.world(|world| world.services.insert(name.to_owned(), Status::new(name, State::Running)));
    }
}

#[test]
fn what_is_registered_while_it_is_unregistered_is_ours() {
    let stage = Stage::new();
    stage.given("register web -- x");
    let (path, text) = (stage.path().join("services/web.toml"), stage.stored("web").expect("it is stored"));
    std::fs::remove_file(&path).expect("it is removed");
    stage.world(|world| world.meanwhile = Some(("status", path, text)));
    let ran = stage.run("unregister web");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "unregistered web\n"), "{}", ran.stderr);
    assert_eq!(stage.journal(), ["stop web, wanted up", "unregister web, wanted up"]);
    assert_eq!(stage.stored("web"), None);
}

#[test]
fn what_came_to_another_backend_while_it_was_stopped_stays_registered() {
    let stage = Stage::new();
    stage.given("register web -- x");
    let text = stage.stored("web").expect("it is stored").replace("\"mock\"", "\"other\"");
    let path = stage.path().join("services/web.toml");
    stage.world(|world| world.meanwhile = Some(("stop", path, text.clone())));
    let ran = stage.run("unregister web");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("belongs to the backend `other`"), "{}", ran.stderr);
    assert_eq!(stage.stored("web"), Some(text));
    assert!(!stage.journal().iter().any(|call| call.starts_with("unregister")));
}

#[test]
fn what_is_stored_and_somebody_elses_is_an_error_and_stays_stored() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.taken_by_others("web");
    for command in ["unregister web", "unregister --all"] {
        let ran = stage.run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{}", ran.stderr);
        let told = ["did not make the service `web`", "stays registered here", "--replace --adopt"];
        assert!(told.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
        assert!(stage.journal().is_empty());
        assert!(stage.stored("web").is_some() && stage.world(|world| world.services.contains_key("web")));
    }
    // Once it is gone there, it can go here.
    stage.world(|world| world.services.remove("web"));
    assert_eq!(stage.run("unregister web").code, 0);
    assert_eq!(stage.stored("web"), None);
}

#[test]
fn an_adoption_that_was_cut_short_is_completed_by_the_next() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.taken_by_others("web");
    for how in ["", "--replace", "--if-absent"] {
        let ran = stage.run(&format!("register web {how} -- x"));
        assert_eq!(ran.code, 5, "{how}: {}", ran.stderr);
        assert!(ran.stderr.contains("--adopt"), "{how}: {}", ran.stderr);
    }
    assert!(stage.journal().is_empty());
    let ran = stage.run("register web --adopt -- x");
    assert!(ran.stdout.starts_with("registered web: running"), "{} {}", ran.stdout, ran.stderr);
    assert_eq!(stage.journal(), ["register web, wanted up"]);
}

#[test]
fn nothing_is_started_for_what_is_there_already() {
    let stage = Stage::new();
    stage.given("register db --down -- x");
    stage.given("register web --down -- x");
    stage.foreign("theirs");
    for (line, code) in [
        ("register web --requires db -- x", 5),
        ("register web --if-absent --requires db -- x", 0),
        ("register theirs --requires db -- x", 5),
    ] {
        let ran = stage.run(line);
        assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
        assert!(stage.journal().is_empty(), "{line}");
    }
    assert!(stage.stored("db").is_some_and(|text| text.contains("desired = \"down\"")));
}

#[test]
fn a_stop_holds_against_who_brought_the_service_back_meanwhile() {
    let stage = Stage::new();
    stage.given("register web -- x");
    stage.world(|world| world.come_back.insert("web"));
    let ran = stage.run("stop web");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "stopped web\n"), "{}", ran.stderr);
    assert_eq!(stage.journal(), ["stop web, wanted down", "stop web, wanted down"]);
}
