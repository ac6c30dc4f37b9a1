//! A supervisor that is killed, at any moment: the next one ends what is left and doubles nothing.

use std::{
    fs,
    io::ErrorKind,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anysvc_backend_api::State;
use rustix::event::{Timespec, poll};

use super::{
    harness::{environment, quiet},
    scratch::Scratch,
};
use crate::engine::{Config, Service, Supervisor, Unix};

const SERVICES: usize = 8;
/// Tells a copy of this test that it is the supervisor, and where.
const FOLDER: &str = "ANYSVC_ENGINE_CRASH_FOLDER";
const UP: &str = "ANYSVC_ENGINE_CRASH_UP";

/// What marks the processes of a service: an argument that nobody else has.
fn mark(folder: &Path, service: usize) -> String {
    let unique = folder.file_name().unwrap().to_str().unwrap().rsplit_once("engine-").unwrap().1;
    format!("86400.{:0>12}{service}", unique.replace('-', "000"))
}

/// The supervisor: until it is killed, or (where all are to be down) until nothing runs.
fn supervise(folder: &Path, up: bool) {
    let config = Config {
        records: folder.join("records"),
        environment: environment(),
        directory: folder.to_owned(),
        console: None,
    };
    let mut supervisor = Supervisor::new(Unix::new().unwrap(), config).unwrap();
    for service in 0..SERVICES {
        let mark = mark(folder, service);
        // Every other one ignores TERM, and each has a child.
        let trap = if service % 2 == 0 { "trap '' TERM; " } else { "" };
        let mut spec = quiet(&format!("web-{service}"), &format!("{trap}sleep {mark} & exec sleep {mark}"));
        spec.stop.timeout = Some(Duration::from_millis(20));
        supervisor.add(Service { spec, log_directory: folder.to_owned() }, up).unwrap();
    }
    supervisor.end_strays();
    let mut told = false;
    loop {
        supervisor.turn().unwrap();
        supervisor.changes().for_each(drop);
        if !up && supervisor.is_idle() {
            return;
        }
        let names: Vec<String> = supervisor.names().map(str::to_owned).collect();
        let statuses = names.iter().map(|name| supervisor.status(name).unwrap());
        if up && !told && statuses.into_iter().all(|status| status.state == State::Running) {
            fs::write(folder.join("up"), "").unwrap();
            told = true;
        }
        use rustix::event::{PollFd, PollFlags};
        let wait = supervisor.timeout().unwrap_or(Duration::from_secs(60));
        let wait = Timespec::try_from(wait).unwrap();
        let _woken = poll(&mut [PollFd::new(&supervisor, PollFlags::IN)], Some(&wait));
    }
}

fn start(folder: &Path, up: bool) -> Child {
    let test = "engine::tests::crash::a_killed_supervisor_doubles_and_forgets_nothing";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder).env_remove(UP);
    if up {
        command.env(UP, "1");
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

/// The processes whose last argument is a mark.
fn marked(mark: &str) -> usize {
    let end = format!("\0{mark}\0").into_bytes();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.ends_with(&end) && line.starts_with(b"sleep")).count()
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "never came: {what}");
        pause(Duration::from_millis(2));
    }
}

fn pause(time: Duration) {
    let _over = poll(&mut [], Some(&Timespec::try_from(time).unwrap()));
}

#[test]
fn a_killed_supervisor_doubles_and_forgets_nothing() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return supervise(Path::new(&folder), std::env::var_os(UP).is_some());
    }
    let scratch = Scratch::new();
    let folder = scratch.path();
    // Killed while it starts, while it ends what the last one left, and while all is well.
    for round in 0..40u32 {
        let mut supervisor = start(folder, true);
        if round % 5 == 4 {
            until("all are up", || folder.join("up").exists());
        } else {
            pause(Duration::from_micros(u64::from(round * 7919 % 60_000)));
        }
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        if let Err(error) = fs::remove_file(folder.join("up")) {
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        for service in 0..SERVICES {
            let count = marked(&mark(folder, service));
            assert!(count <= 4, "round {round}: service {service} has {count} processes");
        }
    }
    let mut supervisor = start(folder, true);
    until("all are up at last", || folder.join("up").exists());
    for service in 0..SERVICES {
        let mark = mark(folder, service);
        // The main process and its child, once each.
        until(&format!("service {service} runs once"), || marked(&mark) == 2);
    }
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    assert!(start(folder, false).wait().unwrap().success());
    for service in 0..SERVICES {
        let mark = mark(folder, service);
        until(&format!("service {service} is gone"), || marked(&mark) == 0);
    }
    assert_eq!(fs::read_dir(folder.join("records")).unwrap().count(), 0);
}
