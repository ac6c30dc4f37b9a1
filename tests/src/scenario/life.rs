//! Chapters about a service's ordinary life: created, looked at, stopped, started, changed, removed.

use super::Stage;

/// The first thing that anybody does.
pub fn a_service_is_registered_and_runs(stage: &dyn Stage) {
    stage.anysvc(&["detect"]).ends(0).says(&format!("{}\n", stage.backend()));
    stage.anysvc(&["status"]).ends(0).complains("anysvc register");
    stage.anysvc(&["register", "web", "--", "sleep", "1000"]).ends(0).says("registered web: running, pid ");
    stage.anysvc(&["status", "web"]).ends(0).says("web: running");
    stage.anysvc(&["list"]).ends(0).says("web\n");
}

/// The document has every key of the contract.
pub fn status_says_the_same_to_people_and_programs(stage: &dyn Stage) {
    let pid = stage.sleeper("web");
    let document = stage.anysvc(&["status", "--json"]).ends(0).json();
    assert_eq!(document["backend"], stage.backend());
    assert_eq!(document["scope"], stage.scope());
    let service = &document["services"][0];
    assert_eq!(service["name"], "web");
    assert_eq!(service["backend"], stage.backend());
    assert_eq!(service["scope"], stage.scope());
    assert_eq!(service["state"], "running");
    assert_eq!(service["desired"], "up");
    assert_eq!(service["ready"], serde_json::Value::Null);
    assert_eq!(service["pid"], pid);
    assert!(service["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{service}");
    assert!(service["uptime"].as_f64().is_some_and(|uptime| (0.0..60.0).contains(&uptime)), "{service}");
    assert_eq!(service["boot"], "restore");
    assert_eq!(service["ours"], true);
    assert!(service["native"].is_object());
    for key in ["restarts", "last_exit", "reason", "template", "instance"] {
        assert!(service.get(key).is_some(), "no {key} in {service}");
    }
    assert!(service.get("error").is_none(), "{service}");
    stage.anysvc(&["status"]).ends(0).says(&pid.to_string()).says("running");
    let names = stage.anysvc(&["list", "--json"]).ends(0).json();
    assert_eq!(names["services"][0]["name"], "web");
}

/// Both streams, in order, with a time.
pub fn what_it_writes_is_in_its_log(stage: &dyn Stage) {
    let script = stage.script("echo one; echo two >&2; printf 'no end'; echo; exec sleep 1000");
    stage.anysvc(&["register", "web", "--", &script]).ends(0);
    let lines = |args: &[&str]| -> Vec<String> {
        let document = stage.anysvc(&[&["logs", "web", "--json"], args].concat()).ends(0).json();
        let records = document["records"].as_array().cloned().unwrap_or_default();
        assert!(records.iter().all(|record| record["service"] == "web"), "{document}");
        records.iter().filter_map(|record| record["line"].as_str().map(str::to_owned)).collect()
    };
    stage.until("its lines are in the log", &|| lines(&[]).len() == 3);
    assert_eq!(lines(&[]), ["one", "two", "no end"]);
    assert_eq!(lines(&["-n", "1"]), ["no end"]);
    assert_eq!(lines(&["--since", "1h"]).len(), 3);
    assert_eq!(lines(&["--since", "2100-01-01"]).len(), 0);
    stage.anysvc(&["logs", "web"]).ends(0).says(" two\n");
}

/// What the manager is for.
pub fn a_killed_service_comes_back(stage: &dyn Stage) {
    let first = stage.sleeper("web");
    stage.kill(first);
    stage.until("another process runs", &|| stage.pid("web").is_some_and(|pid| pid != first));
    stage.anysvc(&["check"]).ends(0);
}

/// Desired is what the operator last asked for.
pub fn stop_is_remembered_and_start_takes_it_back(stage: &dyn Stage) {
    let first = stage.sleeper("web");
    stage.anysvc(&["stop", "web"]).ends(0).says("stopped web");
    stage.anysvc(&["status", "web"]).ends(3).says("web: stopped");
    let status = stage.status("web");
    assert_eq!((&status["state"], &status["desired"]), (&"stopped".into(), &"down".into()));
    assert_eq!((&status["pid"], &status["uptime"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    stage.anysvc(&["stop", "web"]).ends(0);
    stage.anysvc(&["start", "web"]).ends(0).says("started web: running");
    let second = stage.pid("web").expect("it runs again");
    assert_ne!(first, second);
    assert_eq!(stage.status("web")["desired"], "up");
    stage.anysvc(&["start", "web"]).ends(0);
    assert_eq!(stage.pid("web"), Some(second), "start leaves alone what runs");
}

/// Also if the program takes its end for done, and also from a standstill.
pub fn restart_ends_with_another_process(stage: &dyn Stage) {
    let script = stage.script("trap 'exit 0' TERM; while :; do sleep 0.05; done");
    stage.anysvc(&["register", "web", "--", &script]).ends(0);
    let first = stage.pid("web").expect("it runs");
    stage.anysvc(&["restart", "web"]).ends(0).says("restarted web: running");
    let second = stage.pid("web").expect("it runs again");
    assert_ne!(first, second);
    stage.anysvc(&["stop", "web"]).ends(0);
    stage.anysvc(&["restart", "web"]).ends(0);
    assert_eq!(stage.status("web")["desired"], "up");
    assert_eq!(stage.state("web"), "running");
}

/// An error, and nothing else.
pub fn registering_twice_leaves_the_first_untouched(stage: &dyn Stage) {
    let pid = stage.sleeper("web");
    let before = stage.anysvc(&["show", "web", "--json"]).ends(0).json();
    stage.anysvc(&["register", "web", "--", "false"]).ends(5).complains("already").complains("--replace");
    let refused = stage.anysvc(&["register", "web", "--json", "--", "false"]).ends(5).json();
    assert_eq!(refused["services"][0]["error"]["kind"], "already-registered");
    stage.anysvc(&["register", "web", "--if-absent", "--", "false"]).ends(0);
    assert_eq!(stage.pid("web"), Some(pid));
    assert_eq!(stage.anysvc(&["show", "web", "--json"]).ends(0).json()["spec"], before["spec"]);
}

/// And restarts only if something changed and it runs.
pub fn replacing_keeps_what_is_wanted(stage: &dyn Stage) {
    let first = stage.sleeper("web");
    let replace = |seconds: &str| {
        stage.anysvc(&["register", "web", "--replace", "--", "sleep", seconds]).ends(0);
    };
    replace("1000");
    assert_eq!(stage.pid("web"), Some(first), "nothing changed");
    replace("2000");
    let second = stage.pid("web").expect("it runs");
    assert_ne!(first, second, "something changed");
    stage.anysvc(&["stop", "web"]).ends(0);
    replace("3000");
    let status = stage.status("web");
    assert_eq!((&status["state"], &status["desired"]), (&"stopped".into(), &"down".into()));
    stage.anysvc(&["show", "web"]).ends(0).says("3000");
}

/// Without a trace.
pub fn unregistered_is_gone_and_absent_is_fine(stage: &dyn Stage) {
    stage.sleeper("web");
    stage.anysvc(&["unregister", "web"]).ends(0).says("unregistered web");
    stage.anysvc(&["status", "web"]).ends(4).complains("there is no service `web`");
    stage.anysvc(&["wait", "web", "--for", "gone"]).ends(0);
    stage.anysvc(&["unregister", "web"]).ends(0);
    stage.anysvc(&["list"]).ends(0).says_just("");
    assert!(stage.sleeper("web") > 0, "the name is free again");
    stage.anysvc(&["unregister", "--all"]).ends(0);
    stage.anysvc(&["list"]).ends(0).says_just("");
}

/// Whatever is in them.
pub fn arguments_and_variables_arrive_byte_for_byte(stage: &dyn Stage) {
    let folder = stage.folder();
    let script = stage.script(&format!(
        "printf '%s\\0' \"$@\" >{folder}/arguments.new; printf '%s' \"$ODD\" >{folder}/variable\n\
         mv {folder}/arguments.new {folder}/arguments; exec sleep 1000"
    ));
    let odd = "a  b'c\"d$HOME`id`\\n%s %% \u{e4}\n\ttab; & | > * ? ~ #\\";
    let arguments = ["", "-x", "--", " ", odd, "${HOME}", "$(id)", "\\", "'"];
    let secret = format!("{odd} secret");
    let variable = format!("ODD={secret}");
    let start = ["register", "web", "--env", &variable, "--", &script];
    stage.anysvc(&[&start[..], &arguments[..]].concat()).ends(0);
    let path = format!("{folder}/arguments");
    stage.until("it has noted what it got", &|| stage.read(&path).is_some());
    let expected: String = arguments.iter().map(|argument| format!("{argument}\0")).collect();
    assert_eq!(stage.read(&path).unwrap_or_default(), expected);
    assert_eq!(stage.read(&format!("{folder}/variable")).unwrap_or_default(), secret);
    stage.anysvc(&["show", "web"]).ends(0).says("ODD").does_not_say("secret");
    stage.anysvc(&["render", "web"]).ends(0).does_not_say("secret");
    stage.anysvc(&["render", "web", "--reveal"]).ends(0).says("secret");
}
