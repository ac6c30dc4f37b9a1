//! Chapters about health, readiness, requirements, and commands that can't do what they are asked.

use super::Stage;

/// What is not wanted up is as it should be.
pub fn health_is_what_is_wanted_against_what_is(stage: &dyn Stage) {
    stage.anysvc(&["check"]).ends(0);
    stage.sleeper("web");
    stage.anysvc(&["register", "spare", "--down", "--", "sleep", "1000"]).ends(0);
    stage.anysvc(&["check"]).ends(0).says("2 services");
    let document = stage.anysvc(&["check", "--json"]).ends(0).json();
    assert_eq!(document["healthy"], true);
    let script = stage.script(&format!("{}; exit 1", stage.waits()));
    stage.anysvc(&["register", "sick", "--restart", "never", "--", &script]).ends(0);
    stage.tell();
    stage.anysvc(&["wait", "sick", "--for", "down"]).ends(0);
    stage.anysvc(&["check"]).ends(3).says("sick");
    stage.anysvc(&["check", "web", "spare"]).ends(0);
    assert_eq!(stage.anysvc(&["check", "--json"]).ends(3).json()["healthy"], false);
}

/// At once where that is known.
pub fn waiting_ends_when_it_is_true_or_can_not_become_so(stage: &dyn Stage) {
    stage.sleeper("web");
    stage.anysvc(&["wait", "web", "--for", "up"]).ends(0).says("web: running");
    stage.anysvc(&["wait", "web", "--for", "ready"]).ends(6).complains("--ready-port");
    stage.anysvc(&["wait", "web", "--for", "down", "--timeout", "200ms"]).ends(10);
    stage.anysvc(&["wait", "web", "--for", "gone", "--timeout", "200ms"]).ends(10);
    stage.anysvc(&["stop", "web"]).ends(0);
    stage.anysvc(&["wait", "web", "--for", "down"]).ends(0);
    stage.anysvc(&["wait", "web", "--for", "up"]).ends(3);
}

/// By a command of the host's own, and kept out of the way until then.
pub fn readiness_is_waited_for(stage: &dyn Stage) {
    let file = format!("{}/ready", stage.folder());
    let script = stage.script(&format!("sleep 0.5; touch {file}; exec sleep 1000"));
    let check = format!("test -e {file}");
    let started = stage.anysvc(&["register", "web", "--ready-check", &check, "--", &script]).ends(0);
    started.says("running").says("ready");
    assert!(stage.read(&file).is_some(), "register returned before it was ready");
    assert_eq!(stage.status("web")["ready"], serde_json::Value::Null);
    let probed = stage.anysvc(&["status", "web", "--probe", "--json"]).ends(0).json();
    assert_eq!(probed["services"][0]["ready"], true);
    stage.anysvc(&["wait", "web", "--for", "ready"]).ends(0).says("web: ready");
}

/// Registered, wanted up, and running for all that.
pub fn one_that_never_becomes_ready_is_told(stage: &dyn Stage) {
    let args = ["register", "web", "--ready-check", "false", "--ready-timeout", "500ms", "--json", "--"];
    let ran = stage.anysvc(&[&args[..], &["sleep", "1000"]].concat()).ends(11);
    let service = &ran.json()["services"][0];
    assert_eq!(service["error"]["kind"], "died");
    assert_eq!((&service["state"], &service["desired"]), (&"running".into(), &"up".into()));
    assert_eq!(service["ready"], false);
    stage.anysvc(&["check"]).ends(3).says("not ready");
    stage.anysvc(&["wait", "web", "--for", "ready", "--timeout", "300ms"]).ends(10);
}

/// First, and is refused where there is nothing of that name.
pub fn what_requires_something_brings_it_up(stage: &dyn Stage) {
    let args = ["register", "web", "--requires", "db", "--", "sleep", "1000"];
    stage.anysvc(&args).ends(4).complains("requires `db`");
    stage.anysvc(&["status", "web"]).ends(4);
    stage.anysvc(&["register", "db", "--down", "--", "sleep", "1000"]).ends(0);
    stage.anysvc(&args).ends(0);
    assert_eq!((stage.state("db"), stage.state("web")), ("running".to_owned(), "running".to_owned()));
    stage.anysvc(&["stop", "db"]).ends(0);
    assert_eq!(stage.state("web"), "running", "stopping what is required stops nothing else");
}

/// And says how to create it.
pub fn what_is_absent_is_exit_code_4_everywhere(stage: &dyn Stage) {
    stage.sleeper("web");
    for verb in
        [&["start"][..], &["stop"], &["restart"], &["signal", "HUP"], &["status"], &["check"], &["logs"]]
    {
        let args = [verb, &["nothing"]].concat();
        stage
            .anysvc(&args)
            .ends(4)
            .complains("there is no service `nothing`")
            .complains("anysvc register nothing");
    }
    stage.anysvc(&["show", "nothing"]).ends(4);
    stage.anysvc(&["wait", "nothing", "--for", "up"]).ends(4);
    let ran = stage.anysvc(&["status", "web", "nothing", "--json"]).ends(4);
    let document = ran.json();
    assert_eq!(document["services"][0]["state"], "running");
    assert_eq!(document["services"][1]["error"]["kind"], "not-registered");
}

/// Programs need not read standard error.
pub fn a_wrong_command_line_is_a_document_too(stage: &dyn Stage) {
    for args in
        [&["start", "--json"][..], &["nonsense", "--json"], &["register", "UPPER", "--json", "--", "x"]]
    {
        let ran = stage.anysvc(args).ends(2);
        let document = ran.json();
        assert!(document["error"]["message"].is_string(), "{document}");
        assert!(document["error"]["hint"].is_string(), "{document}");
    }
    let ran = stage.anysvc(&["register", "web", "--umask", "9", "--json", "--", "x"]).ends(2);
    assert_eq!(ran.json()["error"]["kind"], "invalid-spec");
    stage.anysvc(&["list"]).ends(0).says_just("");
}
