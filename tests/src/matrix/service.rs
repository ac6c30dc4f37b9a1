//! Service `x` of the matrix: registered from a spec file, and looked at. It must not know fields.

use crate::scenario::{Ended, Ran, Stage};

/// A spec whose command is a shell script, with more keys.
pub fn script(script: &str, more: &str) -> String {
    format!("command = ['/bin/sh', '-c', '''{script}''']\n{more}\n")
}

/// One that says something and stays.
pub fn saying(what: &str, more: &str) -> String {
    script(&format!("{what}; exec sleep 1000"), more)
}

/// One that stays.
pub fn stays(more: &str) -> String {
    saying(":", more)
}

/// Registers `x` from what is below `[service.x]`.
pub fn register(stage: &dyn Stage, spec: &str) -> Ran {
    register_file(stage, &format!("[service.x]\n{spec}"))
}

/// Registers what a file says.
pub fn register_file(stage: &dyn Stage, text: &str) -> Ran {
    stage.write("/srv/spec.toml", text);
    let mut ran = stage.anysvc(&["register", "--file", "/srv/spec.toml"]);
    ran.what = format!("{}\n{text}", ran.what);
    ran
}

/// Registers `x`, which starts without a complaint.
#[track_caller]
pub fn up(stage: &dyn Stage, spec: &str) -> Ended {
    register(stage, spec).ends(0).complains_of_nothing()
}

/// Starts `x` by this command, which says that it died, and for this reason. On a busy machine what it wrote may
/// come too late for the command, and is in its log.
#[track_caller]
pub fn dies(stage: &dyn Stage, start: &[&str], reason: &str) {
    let ran = stage.anysvc(&[start, &["--settle", "50s"]].concat()).ends(11);
    let logged = || lines(stage).iter().any(|line| line.contains(reason));
    stage.until(&format!("it says {reason:?}"), &|| ran.stderr().contains(reason) || logged());
}

/// Waits until a line of its log is this.
#[track_caller]
pub fn says(stage: &dyn Stage, line: &str) {
    let said = || lines(stage);
    stage.until(&format!("{line:?} is logged"), &|| said().iter().any(|said| said == line));
}

/// The lines of its log, oldest first.
pub fn lines(stage: &dyn Stage) -> Vec<String> {
    let document = stage.anysvc(&["logs", "x", "--json", "-n", "100000"]).any().json();
    let records = document["records"].as_array().cloned().unwrap_or_default();
    records.iter().filter_map(|record| record["line"].as_str().map(str::to_owned)).collect()
}

/// Waits until it is in a state.
#[track_caller]
pub fn becomes(stage: &dyn Stage, state: &str) {
    stage.until(&format!("it is {state}, not {}", stage.status("x")), &|| stage.state("x") == state);
}

/// Makes place for another `x`.
#[track_caller]
pub fn gone(stage: &dyn Stage) {
    stage.anysvc(&["unregister", "x"]).ends(0);
}

/// A limit that is above what can be set is refused by name: the service would be started again and again, and
/// never run.
#[track_caller]
pub fn refuses_a_limit_above(stage: &dyn Stage) {
    let anysvc = |args: &[&str]| stage.anysvc(&[&["--backend", stage.backend()], args].concat());
    let refused =
        anysvc(&["register", "web", "--limit", "nofile=999999999999", "--", "sleep", "1000"]).ends(6);
    refused.complains("limits.nofile: 999999999999 is more than ").complains("hint: name ");
    anysvc(&["status", "web"]).ends(4);
}

/// A service that runs, and of which nothing is on its way any more: its program runs, its logger writes.
#[track_caller]
fn bystander(stage: &dyn Stage) -> u64 {
    let script = ["/bin/sh", "-c", "echo here; exec sleep 1000"];
    stage.anysvc(&[&["register", "beside", "--"][..], &script].concat()).ends(0);
    let pid = stage.pid("beside").expect("it runs");
    let program = format!("{pid}/cmdline:sleep ");
    stage.until("its program runs", &|| stage.processes().iter().any(|line| line.starts_with(&program)));
    let logged = || stage.anysvc(&["logs", "beside"]).any().stdout().contains("here");
    stage.until("its line is in the log", &logged);
    stage.until("nothing changes any more", &|| stage.traces() == stage.traces());
    pid
}

/// `x` is refused with this code and name; beside a service that runs, nothing is changed by it: no file, no
/// process.
#[track_caller]
pub fn unchanged_by(stage: &dyn Stage, spec: &str, code: i32, name: &str) {
    let beside = bystander(stage);
    stage.write("/srv/spec.toml", "");
    let before = stage.traces();
    register(stage, spec).ends(code).complains(name);
    stage.write("/srv/spec.toml", "");
    let after = stage.traces();
    let new: Vec<_> = after.iter().filter(|trace| !before.contains(trace)).collect();
    let lost: Vec<_> = before.iter().filter(|trace| !after.contains(trace)).collect();
    assert!(new.is_empty() && lost.is_empty(), "{name} was refused, but new: {new:#?}, lost: {lost:#?}");
    stage.anysvc(&["status", "x"]).ends(4);
    assert_eq!(stage.pid("beside"), Some(beside));
}
