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
    let sick = ["register", "sick", "--settle", "50s", "--give-up", "1/1m", "--", "false"];
    lab.anysvc(sick).uid(APP).run().fails(11);
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
    let sick = lab.anysvc(["status", "sick-1", "--json"]).uid(APP).run().any().json();
    let state = sick["services"][0]["state"].as_str().unwrap_or_default();
    assert!(["starting", "running", "backoff"].contains(&state), "{sick}");
    lab.anysvc(["unregister", "--all"]).uid(APP).run().success();
}

/// Its pid, as a service's status has it.
fn supervisor(lab: &S6Lab, name: &str) -> u32 {
    let status = lab.anysvc(["status", name, "--json"]).uid(APP).run().any().json();
    let pid = status["services"][0]["native"]["supervisor"].as_u64();
    pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_else(|| panic!("no supervisor in {status}"))
}

#[test]
fn it_sleeps_in_one_thread_while_nothing_happens() {
    let lab = lab();
    let file: String = (0..30).map(|n| format!("[service.s{n}]\ncommand = ['sleep', '1000']\n")).collect();
    lab.write("/srv/many.toml", APP, 0o644, file);
    lab.anysvc(["register", "--file", "/srv/many.toml"]).uid(APP).run().success();
    let pid = supervisor(&lab, "s0");
    let asleep = || {
        let status = lab.read(format!("/proc/{pid}/status"));
        let lines =
            status.lines().filter(|line| line.starts_with("Threads") || line.contains("ctxt_switches"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // At first it hears that who asked has hung up, and what the programs have to say.
    lab.wait_until("it does not wake up for nothing", || {
        let before = asleep();
        lab.command("/usr/bin/sleep").arg("2").run().success();
        asleep() == before && before.contains(&"Threads:\t1".to_owned())
    });
}

#[test]
fn it_is_nobodys_child_and_leaves_when_nothing_is_left_to_do() {
    let lab = lab();
    lab.anysvc(["register", "web", "--", "sleep", "1000"]).uid(APP).run().success();
    let pid = supervisor(&lab, "web").to_string();
    let about = lab.command("/bin/ps").args(["-o", "ppid=,tty=,user=", "-p", &pid]).run().success().stdout();
    assert_eq!(about.split_whitespace().collect::<Vec<_>>(), ["1", "?", "app"]);
    lab.anysvc(["stop", "web"]).uid(APP).run().success();
    lab.wait_until("no process of app's is left", || {
        lab.command("/bin/ps").args(["-o", "args=", "-u", "app"]).run().any().stdout().is_empty()
    });
    assert!(!lab.exists(format!("{FOLDER}/socket")));
    assert!(log(&lab).contains(" leaves: nothing is left to do"), "{}", log(&lab));
    // What it knew is known without it, and the next start brings it back.
    lab.anysvc(["status", "web"]).uid(APP).run().fails(3).stdout_contains("stopped");
    lab.anysvc(["start", "web"]).uid(APP).run().success();
}

#[test]
fn a_socket_of_another_version_is_told_with_both_versions() {
    let lab = lab();
    lab.anysvc(["register", "web", "--down", "--", "sleep", "1000"]).uid(APP).run().success();
    lab.wait_until("the supervisor left", || !lab.exists(format!("{FOLDER}/socket")));
    // One that speaks version 7 alone.
    let newer = "import os, socket\nos.umask(0o77)\ns = socket.socket(socket.AF_UNIX)\ns.bind('new')\ns.listen()\nos.rename('new', 'socket')\n\
                 while True:\n    c, _ = s.accept()\n    c.recv(16)\n\
                 \x20   c.sendall(b'anysvc local\\0\\0\\x07\\0\\x07\\0\\1\\0')";
    let newer = lab.command("/usr/bin/python3").args(["-c", newer]).uid(APP).dir(FOLDER).spawn();
    lab.wait_until("it listens", || lab.exists(format!("{FOLDER}/socket")));
    let told = lab.anysvc(["start", "web"]).uid(APP).run().fails(8);
    told.stderr_contains("speaks versions 7 to 7").stderr_contains("hint");
    drop(newer);
}
