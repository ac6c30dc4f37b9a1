//! Chapters about how processes end, and what follows from it.

use super::Stage;

/// The error says what happened and shows what it wrote; the service is left to its policy.
pub fn one_that_dies_at_once_is_told_with_its_last_lines(stage: &dyn Stage) {
    const LAST: &str = "cannot find my configuration";
    let script = stage.script(&format!("echo '{LAST}' >&2; {}; exit 3", stage.waits()));
    let register =
        ["register", "web", "--restart-delay", "1000s", "--settle", "50s", "--json", "--", &script];
    let ran = std::thread::scope(|scope| {
        let ran = scope.spawn(|| stage.anysvc(&register));
        // On a busy machine that takes longer than a command waits for it.
        let logged = || stage.anysvc(&["logs", "web"]).any().stdout().contains(LAST);
        stage.until("its last line is in the log", &logged);
        stage.tell();
        ran.join().expect("it was run")
    });
    let ran = ran.ends(11);
    let service = &ran.json()["services"][0];
    assert_eq!(service["error"]["kind"], "died", "{service}");
    assert_eq!(service["error"]["status"], 3, "{service}");
    let stderr = service["error"]["stderr"].as_str().unwrap_or_default();
    assert!(stderr.contains(LAST), "{service}");
    assert_eq!((&service["desired"], &service["ours"]), (&"up".into(), &true.into()));
    ran.complains("exit code 3").complains(LAST);
    stage.until("it waits for its next try", &|| stage.state("web") == "backoff");
    stage.anysvc(&["status", "web"]).ends(3);
    // A stop during the delay need not wait for its end.
    stage.anysvc(&["stop", "web", "--timeout", "5s"]).ends(0);
    assert_eq!(stage.state("web"), "stopped");
}

/// 0 is "done", unless the policy says otherwise.
pub fn an_intended_end_is_not_restarted(stage: &dyn Stage) {
    let script = stage.script(&format!("{}; exit 0", stage.waits()));
    stage.anysvc(&["register", "web", "--", &script]).ends(0);
    stage.tell();
    stage.anysvc(&["wait", "web", "--for", "down"]).ends(0);
    let status = stage.status("web");
    assert_eq!((&status["state"], &status["desired"]), (&"stopped".into(), &"up".into()), "{status}");
    assert_eq!(status["last_exit"]["code"], 0, "{status}");
    stage.anysvc(&["register", "again", "--restart", "always", "--", &script]).ends(0);
    let first = stage.pid("again").expect("it runs");
    stage.tell();
    stage.until("it runs again", &|| stage.pid("again").is_some_and(|pid| pid != first));
}

/// 78 says that trying again is of no use, under any policy.
pub fn a_permanent_refusal_is_not_restarted(stage: &dyn Stage) {
    let script = stage.script(&format!("{}; exit 78", stage.waits()));
    stage.anysvc(&["register", "web", "--restart", "always", "--", &script]).ends(0);
    stage.tell();
    stage.anysvc(&["wait", "web", "--for", "down"]).ends(0);
    assert_eq!(stage.status("web")["last_exit"]["code"], 78);
    stage.anysvc(&["wait", "web", "--for", "up"]).ends(11).complains("start");
    stage.anysvc(&["check"]).ends(3).says("web");
}

/// 75 asks to be restarted.
pub fn a_planned_restart_is_made(stage: &dyn Stage) {
    let script = stage.script(&format!("{}; exit 75", stage.waits()));
    stage.anysvc(&["register", "web", "--", &script]).ends(0);
    let first = stage.pid("web").expect("it runs");
    stage.tell();
    stage.until("it runs again", &|| stage.pid("web").is_some_and(|pid| pid != first));
}

/// After its time is over; and who does not wait is told that it is still stopping.
pub fn one_that_ignores_term_is_killed(stage: &dyn Stage) {
    let deaf = format!("{}/deaf", stage.folder());
    let script = stage.script(&format!("trap '' TERM; touch {deaf}-$1; while :; do sleep 0.05; done"));
    let register = |name: &str, timeout: &str| {
        stage.anysvc(&["register", name, "--stop-timeout", timeout, "--", &script, name]).ends(0);
        stage.until("it ignores TERM", &|| stage.read(&format!("{deaf}-{name}")).is_some());
        stage.pid(name).expect("it runs")
    };
    let patient = register("patient", "1000s");
    stage.anysvc(&["stop", "patient", "--timeout", "200ms"]).ends(10);
    stage.until("it is stopping", &|| stage.state("patient") == "stopping");
    stage.kill(patient);
    stage.anysvc(&["stop", "patient"]).ends(0);
    register("web", "1s");
    stage.anysvc(&["stop", "web"]).ends(0);
    let status = stage.status("web");
    assert_eq!(status["state"], "stopped", "{status}");
    assert_eq!(status["last_exit"]["signal"], "KILL", "{status}");
}
