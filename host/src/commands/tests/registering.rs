//! What `register` makes of what is there already, and of what is required.

use anysvc_backend_api::State;

use super::Stage;

impl Stage {
    /// A spec file, and how it is registered.
    fn register_file(&self, text: &str) -> String {
        let path = self.path().join("specs.toml");
        std::fs::write(&path, text).expect("it can be written");
        format!("register --file {}", path.display())
    }

    fn wanted(&self, name: &str) -> &'static str {
        match self.stored(name) {
            Some(text) if text.contains("desired = \"up\"") => "up",
            Some(_) => "down",
            None => "not stored",
        }
    }
}

const PAIR: &str = "[service.db]\ncommand = [\"x\"]\n[service.web]\ncommand = [\"x\"]\nrequires = [\"db\"]\n";

#[test]
fn what_the_manager_forgot_is_put_back_as_the_operator_left_it() {
    for how in ["", "--if-absent"] {
        let stage = Stage::new();
        stage.given("register web -- x");
        stage.given("stop web");
        stage.world(|world| world.services.clear());
        let ran = stage.run(&format!("register web {how} -- x"));
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "put back web: stopped\n"), "{}", ran.stderr);
        assert_eq!(stage.journal(), ["register web, wanted down"]);
        stage.given("start web");
        stage.world(|world| world.services.clear());
        let ran = stage.run(&format!("register web {how} -- x"));
        assert!(ran.stdout.starts_with("put back web: running"), "{}", ran.stdout);
        assert_eq!(stage.wanted("web"), "up");
    }
}

#[test]
fn if_absent_puts_back_what_is_stored() {
    let stage = Stage::new();
    stage.given("register web -- first");
    let before = stage.stored("web");
    stage.world(|world| world.services.clear());
    stage.given("register web --if-absent -- second");
    assert_eq!(stage.stored("web"), before);
}

#[test]
fn a_new_spec_starts_what_had_failed() {
    for state in [State::Failed, State::Stopped] {
        let stage = Stage::new();
        stage.given("register web -- first");
        stage.world(|world| world.services.get_mut("web").expect("it is there").state = state);
        let ran = stage.run("register web --replace -- second");
        assert!(ran.stdout.starts_with("updated web: running"), "{}", ran.stdout);
        stage.world(|world| {
            world.services.get_mut("web").expect("it is there").state = state;
            world.dies.insert("web");
        });
        assert_eq!(stage.run("register web --replace -- third").code, 11);
    }
}

#[test]
fn what_the_operator_stopped_stays_so_under_a_new_spec() {
    let stage = Stage::new();
    stage.given("register web -- first");
    stage.given("stop web");
    let ran = stage.run("register web --replace -- second");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "updated web: stopped\n"));
}

#[test]
fn what_requires_something_absent_says_so() {
    let stage = Stage::new();
    stage.given("register web --requires db --down -- x");
    for verb in ["start", "restart"] {
        let ran = stage.run(&format!("{verb} web"));
        assert_eq!(ran.code, 4);
        assert!(ran.stderr.contains("`web` requires `db`, and there is no such service"), "{}", ran.stderr);
    }
    assert!(stage.journal().is_empty());
}

#[test]
fn a_dependent_is_registered_though_what_it_requires_failed() {
    let stage = Stage::new();
    let register = stage.register_file(PAIR);
    stage.world(|world| world.dies.insert("db"));
    let ran = stage.run(&register);
    assert_eq!(ran.code, 11);
    assert!(ran.stderr.contains("`web` was not started: it requires `db`, which failed"), "{}", ran.stderr);
    assert_eq!(stage.journal(), ["register db, wanted up", "register web, wanted up"]);
    assert_eq!(stage.world(|world| world.services["web"].state), State::Stopped);
    // The second time both exist, and that is all there is to say.
    let ran = stage.run(&register);
    assert_eq!(ran.code, 5);
    assert!(!ran.stderr.contains("which failed"), "{}", ran.stderr);
}

#[test]
fn a_dependent_is_not_updated_where_it_could_not_be_started() {
    let stage = Stage::new();
    stage.given(&stage.register_file(PAIR));
    stage.world(|world| {
        world.services.get_mut("db").expect("it is there").state = State::Failed;
        world.dies.insert("db");
    });
    let before = stage.stored("web");
    let register = stage.register_file(&format!("{PAIR}directory = \"/tmp\"\n"));
    let ran = stage.run(&format!("{register} --replace"));
    assert_eq!(ran.code, 11);
    assert!(ran.stderr.contains("`web` was not updated: it requires `db`, which failed"), "{}", ran.stderr);
    assert_eq!(stage.stored("web"), before);
    assert_eq!(stage.run("start web").code, 11);
}

#[test]
fn a_cycle_with_what_is_stored_is_refused() {
    let stage = Stage::new();
    stage.given("register a --after b -- x");
    let ran = stage.run("register b --after a -- x");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`b` after `a` after `b`"), "{}", ran.stderr);
    assert_eq!(stage.wanted("b"), "not stored");
}

#[test]
fn a_cycle_fails_its_members_alone() {
    let stage = Stage::new();
    stage.given("register a --down -- x");
    stage.given("register b --after a --down -- x");
    stage.given("register c --down -- x");
    let text = stage.stored("a").expect("it is stored");
    std::fs::write(stage.path().join("services/a.toml"), format!("{text}\nafter = [\"b\"]\n"))
        .expect("it is written");
    let ran = stage.run("start --all");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(stage.journal(), ["start c, wanted up"]);
    assert_eq!(stage.run("stop --all").code, 0);
    assert_eq!(stage.run("unregister --all").code, 0);
}

#[test]
fn what_somebody_else_registered_meanwhile_is_not_taken() {
    let stage = Stage::new();
    stage.given("register web -- x");
    let text = stage.stored("web").expect("it is stored");
    stage.given("unregister web");
    let path = stage.path().join("services/web.toml");
    stage.world(|world| world.meanwhile = Some(("probe", path, text.replace("\"mock\"", "\"other\""))));
    let ran = stage.run("register web --replace -- x");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("belongs to the backend `other`"), "{}", ran.stderr);
    assert!(stage.journal().is_empty());
}

#[test]
fn a_group_that_is_not_there_is_refused() {
    let stage = Stage::new();
    let ran = stage.run("register web --group no-such-group -- x");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no group `no-such-group`"), "{}", ran.stderr);
    assert!(stage.journal().is_empty());
}

#[test]
fn whether_the_manager_answers_is_asked_once_for_many() {
    let probes = |text: &str| {
        let stage = Stage::new();
        let line = stage.register_file(text);
        stage.given(&line);
        stage.world(|world| world.probes)
    };
    let one = probes("[service.db]\ncommand = [\"x\"]\n");
    assert_eq!(probes("[service.a]\ncommand = [\"x\"]\n[service.b]\ncommand = [\"x\"]\n"), one);
}
