//! Real processes: starting with everything that a spec says, stopping, and what is left behind.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anysvc_backend_api::{EnvVar, ErrorKind, Limit, LimitKind, ReadySpec, RestartPolicy, State};

use super::{
    harness::{Real, alive, environment, number, quiet, shell},
    scratch::Scratch,
};
use crate::engine::{
    Os as _, Unix,
    os::{Launch, Run},
};

use State::{Backoff, Failed, Running, Stopped};

/// Runs a script to its end; gives the lines of its log.
fn output(change: impl FnOnce(&Real, &mut anysvc_backend_api::ServiceSpec), script: &str) -> Vec<String> {
    let mut real = Real::new();
    let mut spec = shell("web", script);
    spec.restart.policy = Some(RestartPolicy::Never);
    change(&real, &mut spec);
    real.add(spec);
    real.until("its end", |real| matches!(real.status("web").state, Stopped | Failed));
    let status = real.status("web");
    assert_eq!(status.last_exit.as_ref().and_then(|e| e.code), Some(0), "{status:?} {:?}", real.lines("web"));
    real.lines("web")
}

/// Makes a file that can be run at once. Another process writes it: a child that another test starts meanwhile
/// would hold what this one writes open, and what is open for writing can't be run.
fn program(path: &Path, text: &str) {
    let script = "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\"";
    let written = Command::new("/bin/sh").args(["-c", script]).arg(path).arg(text).status();
    assert!(written.is_ok_and(|status| status.success()), "no program at {}", path.display());
}

#[test]
fn it_runs_in_a_session_and_group_of_its_own_with_clean_signals_and_streams() {
    let script = "cut -d' ' -f1,5,6 /proc/$$/stat; grep -E 'Sig(Blk|Ign)' /proc/self/status; \
                  readlink /proc/$$/fd/0; echo error >&2; ls -m /proc/$$/fd; cat";
    let lines = output(|_, _| {}, script);
    let ids: Vec<&str> = lines[0].split(' ').collect();
    assert!(ids[0] == ids[1] && ids[0] == ids[2], "pid, group and session: {lines:?}");
    assert_eq!(lines[1], "SigBlk:\t0000000000000000");
    let ignored = u64::from_str_radix(lines[2].trim_start_matches("SigIgn:\t"), 16).unwrap();
    // 32 and 33 belong to the C library, which lets nobody change them.
    assert_eq!(ignored & !(3 << 31), 0, "{ignored:x}");
    assert_eq!(lines[3..5], ["/dev/null", "error"]);
    assert_eq!(lines[5], "0, 1, 2");
}

#[test]
fn arguments_environment_directory_and_umask_arrive() {
    let nasty = "a b'\"$\\\n-x=\u{e4}";
    let lines = output(
        |real, spec| {
            fs::create_dir(real.path("work")).unwrap();
            let script = "printf '%s|%s\\n' \"$1\" \"$GREETING\"; pwd; umask; echo ${NOTIFY_SOCKET-none}";
            spec.command = ["/bin/sh", "-c", script, "sh", nasty].map(Into::into).to_vec();
            spec.env = vec![
                EnvVar { name: "GREETING".into(), value: nasty.into() },
                EnvVar { name: "BASE".into(), value: real.path("").to_str().unwrap().into() },
            ];
            spec.directory = Some("${BASE}${NONE:-/work}".into());
            spec.umask = Some(0o027);
        },
        "",
    );
    let text = format!("{nasty}|{nasty}");
    let expected: Vec<&str> = text.split('\n').collect();
    assert_eq!(lines[..3], expected);
    assert!(lines[3].ends_with("/work"), "{lines:?}");
    assert_eq!(lines[4..], ["0027", "none"]);
}

#[test]
fn limits_are_soft_and_hard_and_open_files_are_those_of_the_supervisor() {
    let limits = |spec: &mut anysvc_backend_api::ServiceSpec| {
        spec.limits = vec![
            Limit { kind: LimitKind::Nofile, value: Some(77) },
            Limit { kind: LimitKind::Core, value: Some(0) },
        ];
    };
    let lines = output(|_, spec| limits(spec), "ulimit -Sn; ulimit -Hn; ulimit -c");
    assert_eq!(lines, ["77", "77", "0"]);
}

#[test]
fn the_program_is_looked_for_in_the_path_of_the_service() {
    let lines = output(
        |real, spec| {
            let folder = real.path("bin");
            fs::create_dir(&folder).unwrap();
            program(&folder.join("greet"), "#!/bin/sh\necho greeted\n");
            let path = format!("/nonexistent:{}:/usr/bin:/bin", folder.display());
            spec.env = vec![EnvVar { name: "PATH".into(), value: path.into() }];
            spec.command = vec!["greet".into()];
        },
        "",
    );
    assert_eq!(lines, ["greeted"]);
}

#[test]
fn what_cannot_be_started_says_why() {
    let mut real = Real::new();
    let at = |name: &str| real.path(name);
    program(&at("text"), "no program");
    fs::write(at("bad.env"), "A=1\nexport B=2\n").unwrap();
    let (text, bad, folder) = (at("text"), at("bad.env"), real.scratch.path().to_owned());
    type Change = Box<dyn Fn(&mut anysvc_backend_api::ServiceSpec)>;
    let runs = |path: PathBuf| -> Change {
        Box::new(move |spec| spec.command = vec![path.to_str().unwrap().into()])
    };
    let env_file = |path: PathBuf| -> Change { Box::new(move |spec| spec.env_file = Some(path.clone())) };
    let cases: Vec<(&str, Change, &str)> = vec![
        ("absent", runs("/none/web".into()), "cannot execute `/none/web`: No such file"),
        ("unfound", runs("no-such-program".into()), "cannot execute `no-such-program`: No such file"),
        ("folder", runs(folder.clone()), "Permission denied"),
        ("text", runs(text), "Exec format error"),
        ("env-absent", env_file("/none.env".into()), "cannot read the env-file `/none.env`: No such file"),
        ("env-line", env_file(bad), "cannot read line 2 of the env-file"),
        ("env-folder", env_file(folder), "it is no regular file"),
        (
            "directory",
            Box::new(|spec| spec.directory = Some("/none".into())),
            "cannot enter the directory `/none`: No such file",
        ),
        (
            "variable",
            Box::new(|spec| spec.directory = Some("${NOT_SET_HERE}".into())),
            "cannot expand `directory`: `NOT_SET_HERE` is not set",
        ),
        (
            "user",
            Box::new(|spec| spec.user = Some("no-such-user".to_owned())),
            "cannot find the user `no-such-user`",
        ),
        (
            // More than fs.nr_open, which root can't have either.
            "limit",
            Box::new(|spec| spec.limits = vec![Limit { kind: LimitKind::Nofile, value: Some(1 << 40) }]),
            "cannot set the limit nofile (see setrlimit(2)): Operation not permitted",
        ),
    ];
    for (name, change, expected) in cases {
        let mut spec = quiet(name, "exit 0");
        spec.restart.policy = Some(RestartPolicy::Never);
        // Without folders that this user may not look into.
        spec.env = vec![EnvVar { name: "PATH".into(), value: "/usr/bin:/bin".into() }];
        change(&mut spec);
        real.add(spec);
        let status = real.until_state(name, Failed);
        let reason = status.reason.unwrap_or_default();
        assert!(reason.contains(expected), "{name}: {reason}");
        assert_eq!((status.pid, status.wanted_up), (None, Some(false)), "{name}");
    }
    assert_eq!(fs::read_dir(real.path("records")).unwrap().count(), 0, "records of what does not run");
}

#[test]
fn a_stop_ends_what_ignores_it_and_everybody_in_its_group() {
    let mut real = Real::new();
    let child = real.path("child");
    let script = format!("trap '' TERM; sleep 1000 & echo $! > {}; wait; wait", child.display());
    let mut spec = quiet("web", &script);
    spec.stop.timeout = Some(std::time::Duration::from_millis(50));
    real.add(spec);
    real.until_file(&child, "\n");
    let (main, child) = (real.pid("web"), number(&child));
    real.supervisor.stop("web").unwrap();
    let status = real.until_state("web", Stopped);
    assert_eq!(status.last_exit.unwrap().signal.as_deref(), Some("KILL"));
    assert!(!alive(main) && !alive(child), "stopped means gone");
    assert_eq!(fs::read_dir(real.path("records")).unwrap().count(), 0);
}

#[test]
fn children_that_outlive_the_main_process_are_killed_whatever_its_end() {
    for (end, state) in [("exit 0", Stopped), ("exit 1", Backoff), ("kill -9 $$", Backoff)] {
        let mut real = Real::new();
        let child = real.path("child");
        let mut spec = quiet("web", &format!("sleep 1000 & echo $! > {}; {end}", child.display()));
        spec.restart.delay = Some(std::time::Duration::from_secs(600));
        real.add(spec);
        real.until_state("web", state);
        let child = number(&child);
        real.until("the child's end", |_| !alive(child));
    }
}

#[test]
fn a_halted_program_is_stopped_too() {
    let mut real = Real::new();
    real.add(quiet("web", "kill -STOP $$; exit 0"));
    real.until_state("web", Running);
    let pid = real.pid("web");
    let halted = move || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| s.contains(") T "));
    real.until("it is halted", |_| halted());
    real.supervisor.stop("web").unwrap();
    real.until_state("web", Stopped);
}

#[test]
fn a_killed_service_comes_back_as_another_process() {
    let mut real = Real::new();
    let mut spec = quiet("web", "exec sleep 1000");
    spec.restart.delay = Some(std::time::Duration::from_millis(1));
    real.add(spec);
    for round in 1..=20u64 {
        real.until("it is up", |real| {
            let status = real.status("web");
            status.state == Running && status.restarts == Some(round - 1)
        });
        let signal = if round % 2 == 0 { "KILL" } else { "TERM" };
        real.supervisor.signal("web", signal.parse().unwrap()).unwrap();
    }
    real.until("the last restart", |real| real.status("web").restarts == Some(20));
    let reasons = real.seen.iter().filter_map(|(_, s)| s.as_ref()?.reason.clone());
    assert!(reasons.into_iter().any(|r| r == "was killed by TERM"));
}

#[test]
fn a_signal_needs_a_process() {
    let mut real = Real::new();
    real.supervisor.add(real.service(quiet("web", "exec sleep 1000")), false).unwrap();
    let error = real.supervisor.signal("web", "HUP".parse().unwrap()).unwrap_err();
    assert_eq!((error.kind, error.service.as_deref()), (ErrorKind::CommandFailed, Some("web")));
    assert_eq!(real.supervisor.start("gone").unwrap_err().kind, ErrorKind::NotRegistered);
}

#[test]
fn readiness_by_descriptor_is_the_first_newline() {
    for fd in [3, 4, 9, 200] {
        let mut real = Real::new();
        let go = real.path("go");
        // dash has no descriptors above 9: python writes.
        let script = format!(
            "import os,time\nos.write({fd}, b'almost')\nwhile not os.path.exists({go:?}): time.sleep(0.01)\n\
             os.write({fd}, b'\\n')\ntime.sleep(1000)"
        );
        let mut spec = quiet("web", "");
        spec.command = ["/usr/bin/python3", "-c", &script].map(Into::into).to_vec();
        spec.ready = Some(ReadySpec { notify_fd: Some(fd), ..ReadySpec::default() });
        real.add(spec);
        assert_eq!(real.until_state("web", Running).ready, Some(false));
        fs::write(&go, "").unwrap();
        real.until("readiness", |real| real.status("web").ready == Some(true));
    }
}

#[test]
fn readiness_by_sd_notify_counts_only_from_the_service_itself() {
    let mut real = Real::new();
    let say = "import os,socket,sys,time\ns=socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
               a=os.environ['NOTIFY_SOCKET']; a='\\0'+a[1:] if a[0]=='@' else a\n";
    let address = real.path("address");
    let go = real.path("go");
    let script = format!(
        "{say}open({address:?},'w').write(os.environ['NOTIFY_SOCKET']+'\\n')\n\
         s.sendto(b'STATUS=warming up', a)\nwhile not os.path.exists({go:?}): time.sleep(0.01)\n\
         s.sendto(b'READY=1\\nMAINPID=1', a)\ntime.sleep(1000)"
    );
    let mut spec = quiet("web", "");
    spec.command = ["/usr/bin/python3", "-c", &script].map(Into::into).to_vec();
    spec.ready = Some(ReadySpec { sd_notify: Some(true), ..ReadySpec::default() });
    real.add(spec);
    real.until("what it says", |real| {
        real.status("web").native.get("says").and_then(|says| says.as_str()) == Some("warming up")
    });
    real.until_file(&address, "\n");
    // Somebody else says the same.
    let socket = fs::read_to_string(&address).unwrap();
    let forged = Command::new("/usr/bin/python3")
        .args(["-c", &format!("{say}s.sendto(b'READY=1\\nSTATUS=forged', a)")])
        .env("NOTIFY_SOCKET", socket.trim())
        .status()
        .unwrap();
    assert!(forged.success());
    real.supervisor.turn().unwrap();
    let status = real.status("web");
    assert_eq!(status.ready, Some(false));
    assert_eq!(status.native.get("says").and_then(|says| says.as_str()), Some("warming up"));
    fs::write(&go, "").unwrap();
    real.until("readiness", |real| real.status("web").ready == Some(true));
}

#[test]
fn root_starts_services_as_others_for_good() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let lines = output(
        |real, spec| {
            // The log is written with the rights of the service, too.
            fs::set_permissions(real.scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
            // Only its user may read it, so that it shows who does.
            fs::write(real.path("env"), "FROM=file\n").unwrap();
            std::os::unix::fs::chown(real.path("env"), Some(10_000), None).unwrap();
            fs::set_permissions(real.path("env"), fs::Permissions::from_mode(0o400)).unwrap();
            spec.env_file = Some(real.path("env"));
            spec.user = Some("10000".to_owned());
            spec.directory = Some("/".into());
        },
        "id -u; id -g; id -G; echo $FROM; grep -E '^(Uid|CapEff)' /proc/self/status",
    );
    let ids = "Uid:\t10000\t10000\t10000\t10000";
    assert_eq!(lines, ["10000", "10000", "10000", "file", ids, "CapEff:\t0000000000000000"]);

    let lines = output(
        |real, spec| {
            fs::set_permissions(real.scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
            (spec.user, spec.directory) = (Some("nobody".to_owned()), Some("/".into()));
        },
        "id -un; echo $USER $LOGNAME",
    );
    assert_eq!(lines, ["nobody", "nobody nobody"]);

    // What root may read, the service may not.
    let mut real = Real::new();
    fs::write(real.path("secret"), "A=1\n").unwrap();
    fs::set_permissions(real.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut spec = quiet("web", "exit 0");
    (spec.user, spec.env_file) = (Some("10000".to_owned()), Some(real.path("secret")));
    real.add(spec);
    let reason = real.until_state("web", Backoff).reason.unwrap();
    assert!(reason.contains("env-file") && reason.contains("Permission denied"), "{reason}");
}

#[test]
fn a_process_that_was_not_let_go_ends_with_its_supervisor_and_has_done_nothing() {
    let scratch = Scratch::new();
    let file = scratch.path().join("file");
    let spec = quiet("web", &format!("echo > {}", file.display()));
    let launch = Launch::new(&spec, environment(), scratch.path(), None).unwrap();
    let mut unix = Unix::new().unwrap();
    let identity = unix.launch(Run(1), &launch).unwrap();
    assert!(identity.started.is_some() && alive(identity.pid));
    // What closes here closes when a supervisor is killed.
    drop(unix);
    let mut status = 1;
    // SAFETY: our child, and a number to write to.
    let pid = unsafe { libc::waitpid(identity.pid as i32, &raw mut status, 0) };
    assert_eq!((pid, status, file.exists()), (identity.pid as i32, 0, false));
}

#[test]
fn a_kernel_without_descriptors_of_processes_will_do() {
    let mut real = Real::on(Unix::without_pidfds().unwrap(), Scratch::new());
    let child = real.path("child");
    let mut spec = quiet("web", &format!("sleep 1000 & echo $! > {}; wait", child.display()));
    spec.restart.delay = Some(std::time::Duration::from_millis(1));
    real.add(spec);
    real.until_file(&child, "\n");
    let first = number(&child);
    real.supervisor.signal("web", "KILL".parse().unwrap()).unwrap();
    real.until("its restart", |real| real.status("web").restarts == Some(1));
    assert!(!alive(first));
    real.until_state("web", Running);
    real.supervisor.stop("web").unwrap();
    real.until_state("web", Stopped);
}

#[test]
fn many_services_start_and_stop_together() {
    let mut real = Real::new();
    let names: Vec<String> = (0..100).map(|n| format!("web-{n}")).collect();
    for name in &names {
        let mut spec = quiet(name, "");
        spec.command = ["/bin/sleep", "1000"].map(Into::into).to_vec();
        real.add(spec);
    }
    real.until("all are up", |real| names.iter().all(|name| real.status(name).state == Running));
    let pids: Vec<u32> = names.iter().map(|name| real.pid(name)).collect();
    names.iter().for_each(|name| real.supervisor.stop(name).unwrap());
    real.until("all are down", |real| real.supervisor.is_idle());
    assert!(!pids.into_iter().any(alive));
    assert_eq!(real.supervisor.timeout(), None);
}
