//! Fields that are about when a service runs: order, restarts, the way it stops, conditions.

use std::time::{Duration, Instant};

use super::service::{
    becomes, gone, lines, register, register_file, saying, says, script, stays, unchanged_by, up,
};
use crate::scenario::Stage;

/// A file that a service writes a line to at each start.
fn starts(stage: &dyn Stage) -> String {
    format!("{}/starts", stage.folder())
}

/// A script that notes when it starts, lives half a second, and ends with a code.
fn ends(stage: &dyn Stage, code: u32, more: &str) -> String {
    script(&format!("date +%s.%N >>{}; sleep 0.5; exit {code}", starts(stage)), more)
}

/// When it was started.
fn noted(stage: &dyn Stage) -> Vec<f64> {
    let text = stage.read(&starts(stage)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[track_caller]
fn is_started_again(stage: &dyn Stage, spec: &str) {
    let before = noted(stage).len();
    // It may be told that it died, where the machine is busy.
    let _ = register(stage, spec);
    stage.until("it was started again", &|| noted(stage).len() > before + 1);
    gone(stage);
}

#[track_caller]
fn is_started_once(stage: &dyn Stage, spec: &str, then: &str) {
    let before = noted(stage).len();
    let _ = register(stage, spec);
    becomes(stage, then);
    assert_eq!(noted(stage).len(), before + 1, "{spec}");
    gone(stage);
}

/// What is named comes first where both are started.
pub fn after(stage: &dyn Stage) {
    let both = format!("[service.x]\n{}[service.db]\n{}", stays("after = ['db', 'absent']"), stays(""));
    register_file(stage, &both).ends(0);
    let since = |name: &str| stage.status(name)["since"].as_str().unwrap_or_default().to_owned();
    assert!(since("db") <= since("x"), "db {} x {}", since("db"), since("x"));
    stage.anysvc(&["stop", "--all"]).ends(0);
    stage.anysvc(&["start", "x"]).ends(0);
    assert_eq!(stage.state("db"), "stopped", "it orders, and asks for nothing");
}

/// What is named is started as well.
pub fn requires(stage: &dyn Stage) {
    let both = format!("[service.x]\n{}[service.db]\n{}", stays("requires = ['db']"), stays(""));
    register_file(stage, &both).ends(0);
    stage.anysvc(&["stop", "--all"]).ends(0);
    stage.anysvc(&["start", "x"]).ends(0);
    assert_eq!(stage.state("db"), "running");
}

/// Kept, and shown. (What comes of it is for each manager's own suite to see.)
pub fn transient(stage: &dyn Stage) {
    unchanged_by(stage, &stays("transient = true\nboot = 'up'"), 2, "transient");
    up(stage, &stays("transient = true"));
    let status = stage.status("x");
    assert_eq!((&status["transient"], &status["state"]), (&true.into(), &"running".into()), "{status}");
}

/// Kept, and shown.
pub fn boot(stage: &dyn Stage) {
    up(stage, &stays("boot = 'down'"));
    let status = stage.status("x");
    assert_eq!((&status["boot"], &status["state"]), (&"down".into(), &"running".into()), "{status}");
}

/// Which ends are followed by another start.
pub fn policy(stage: &dyn Stage) {
    is_started_once(stage, &ends(stage, 1, "restart.policy = 'never'"), "failed");
    is_started_once(stage, &ends(stage, 0, "restart.policy = 'on-failure'"), "stopped");
    is_started_again(stage, &ends(stage, 1, "restart.policy = 'on-failure'"));
    is_started_again(stage, &ends(stage, 0, "restart.policy = 'always'"));
}

/// From the end of the process.
pub fn delay(stage: &dyn Stage) {
    let _ = register(stage, &ends(stage, 1, "restart.delay = '2s'"));
    let gaps = || noted(stage).windows(2).map(|two| two[1] - two[0]).collect::<Vec<_>>();
    // It lives half a second; the rest above is what a busy machine needs, if not every time.
    stage.until("it is started again in time", &|| gaps().iter().any(|gap| *gap < 4.0));
    assert!(gaps().iter().all(|gap| *gap >= 2.5), "{:?}", gaps());
}

/// The failure that is named is the last.
pub fn give_up(stage: &dyn Stage) {
    let _ = register(stage, &ends(stage, 1, "restart.give-up = { after = 2, within = '60s' }"));
    becomes(stage, "failed");
    assert_eq!(noted(stage).len(), 2);
}

/// Under any policy.
pub fn never_on(stage: &dyn Stage) {
    is_started_once(stage, &ends(stage, 9, "restart = { policy = 'always', never-on = [9] }"), "failed");
    is_started_again(stage, &ends(stage, 78, "restart = { policy = 'always', never-on = [9] }"));
}

/// Not counted as failures.
pub fn always_on(stage: &dyn Stage) {
    let restart = "restart = { always-on = [3], give-up = { after = 1, within = '60s' } }";
    is_started_again(stage, &ends(stage, 3, restart));
    is_started_once(stage, &ends(stage, 75, restart), "failed");
}

/// It reaches the main process.
pub fn stop_signal(stage: &dyn Stage) {
    let trapped = "trap 'echo got usr1; exit 0' USR1; trap '' TERM; echo set; while :; do sleep 0.1; done";
    up(stage, &script(trapped, "stop.signal = 'USR1'"));
    says(stage, "set");
    stage.anysvc(&["stop", "x"]).ends(0);
    says(stage, "got usr1");
}

/// Then the whole group is killed.
pub fn stop_timeout(stage: &dyn Stage) {
    let deaf = "sleep 4242 & trap '' TERM; echo set; while :; do sleep 0.1; done";
    up(stage, &script(deaf, "stop.timeout = '1s'"));
    says(stage, "set");
    let begin = Instant::now();
    stage.anysvc(&["stop", "x"]).ends(0);
    let took = begin.elapsed();
    // Less than where nothing is said.
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&took), "{took:?}");
    assert_eq!(stage.status("x")["last_exit"]["signal"], "KILL");
    // What is killed takes its time to die.
    let lives = || stage.processes().iter().any(|process| process.contains("sleep 4242"));
    stage.until("its child is gone", &|| !lives());
}

/// A start may be over before that is known.
#[track_caller]
fn is_held_back(stage: &dyn Stage, condition: &str) {
    stage.until(&format!("it is held back by {condition}"), &|| {
        let status = stage.status("x");
        status["state"] == "stopped" && status["reason"] == "condition not met"
    });
}

/// It holds a service back, which then reads as stopped, and is looked at anew at each start.
pub fn when(stage: &dyn Stage) {
    let conditions = [
        ("when.env = 'CONTAINER_VAR'", true),
        ("when = { env = 'CONTAINER_VAR', truthy = true }", false),
        ("when.env = 'EMPTY'", false),
        ("when = { env = 'UNSET', truthy = false }", true),
        ("when = { env = 'WORD', truthy = true }", true),
        ("when = { env = 'WORD', truthy = false }", false),
        ("when = { env = 'FLAG', truthy = true }\nenv-file = '/srv/absent'", false),
    ];
    for (at, (condition, runs)) in conditions.into_iter().enumerate() {
        let line = format!("up {at}");
        up(
            stage,
            &saying(&format!("echo {line}"), &format!("env = {{ EMPTY = '', WORD = 'Yes' }}\n{condition}")),
        );
        if runs {
            says(stage, &line);
            assert_eq!(stage.state("x"), "running", "{condition}");
        } else {
            is_held_back(stage, condition);
            stage.anysvc(&["check"]).ends(0);
            assert!(!lines(stage).contains(&line), "{condition}");
        }
        gone(stage);
    }
    stage.write("/srv/flag", "FLAG=off\n");
    up(stage, &saying("echo $FLAG", "when = { env = 'FLAG', truthy = true }\nenv-file = '/srv/flag'"));
    is_held_back(stage, "FLAG=off");
    stage.write("/srv/flag", "FLAG=on\n");
    stage.anysvc(&["start", "x"]).ends(0);
    says(stage, "on");
}
