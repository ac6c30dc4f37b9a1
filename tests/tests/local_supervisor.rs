//! The supervisor of the embedded default by itself: what it has to say, and how much of that is kept.

use anysvc_tests::{APP, Facts, S6Lab, Signal};

const FOLDER: &str = "/home/app/.local/state/anysvc/backend-local";
/// The size at which its log is rotated, and what one turn of its loop may add.
const LONGEST: u64 = (256 << 10) + (64 << 10);

fn lab() -> S6Lab {
    S6Lab::new().facts(Facts::NoBasedir).start()
}

fn log(lab: &S6Lab) -> String {
    lab.read(format!("{FOLDER}/supervisor.log"))
}

#[test]
fn its_log_says_what_became_of_services_and_when() {
    let lab = lab();
    lab.anysvc(["register", "web", "--restart-delay", "100ms", "--", "sleep", "1000"])
        .uid(APP)
        .run()
        .success();
    let status = lab.anysvc(["status", "web", "--json"]).uid(APP).run().success().json();
    let pid = status["services"][0]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a pid");
    lab.kill(pid, Signal::KILL);
    lab.wait_until("its restart is told", || log(&lab).contains(", restart 1"));
    lab.anysvc(["register", "sick", "--give-up", "1/1m", "--", "false"]).uid(APP).run().fails(11);
    lab.anysvc(["unregister", "--all"]).uid(APP).run().success();
    let log = log(&lab);
    for told in [
        &format!(" serves {FOLDER}"),
        &format!("`web` runs: process {pid}"),
        "`web` ended: was killed by KILL; it is started again",
        "`sick` failed: exited with 1; gave up after 1 failures within 60s",
        "`web` is stopped: stopped on request",
    ] {
        assert!(log.contains(told), "no {told:?} in\n{log}");
    }
    for line in log.lines() {
        let (time, rest) = line.split_once(' ').unwrap_or_default();
        let is_time = time.len() == 27 && time.starts_with("20") && time.ends_with('Z');
        let level = rest.split(' ').next().unwrap_or_default();
        assert!(is_time && ["INFO", "WARN", "ERROR"].contains(&level), "{line}");
    }
}

#[test]
fn its_log_is_bounded_however_long_it_runs() {
    let lab = lab();
    let file: String = (0..40)
        .map(|n| format!("[service.sick-{n}]\ncommand = ['false']\nrestart.delay = '1ms'\n"))
        .collect();
    lab.write("/srv/sick.toml", APP, 0o644, file);
    lab.anysvc(["register", "--file", "/srv/sick.toml", "--settle", "0ms"]).uid(APP).run().any();
    let size = |name: &str| lab.path(FOLDER).join(name).metadata().map_or(0, |about| about.len());
    let older = || {
        let about = lab.path(FOLDER).join("supervisor.log.1").metadata().ok();
        about.map(|about| (std::os::unix::fs::MetadataExt::ino(&about), about.len()))
    };
    lab.wait_until("it was rotated", || older().is_some());
    let first = older();
    lab.wait_until("it was rotated again", || older() != first);
    let sizes = (size("supervisor.log"), size("supervisor.log.1"));
    assert!(sizes.0 <= LONGEST && sizes.1 <= LONGEST && sizes.1 > 200 << 10, "{sizes:?}");
    // Rotation changes nothing of what runs.
    lab.anysvc(["status", "sick-1"]).uid(APP).run().fails(3);
    lab.anysvc(["unregister", "--all"]).uid(APP).run().success();
}
