//! The life of a service, in each world, with the s6 commands as oracles.

mod common;

use std::{
    fs,
    time::{Duration, Instant},
};

use anysvc_backend_api::{Backend, Batch, Deadline, ErrorKind, Goal, State, Target, WaitRequest};
use common::{Single, World, eventually, handles_term, ignores_term, in_each_world, kind};

const FOREVER: &str = "exec sleep 1000";

#[track_caller]
fn agrees_with_svstat(world: &World, name: &str) {
    let status = world.backend().status_one(name).unwrap();
    let up = status.state == State::Running;
    let pid = status.pid.map_or("-1".to_owned(), |pid| pid.to_string());
    assert_eq!(world.svstat(name, "up,wantedup,pid"), format!("{up} {} {pid}", status.wanted_up.unwrap()));
}

#[test]
fn a_service_lives_from_register_to_unregister_and_leaves_nothing() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.logged("web", FOREVER)).unwrap();
        assert_eq!(s6.state("web"), State::Running);
        agrees_with_svstat(world, "web");
        let first = s6.status_one("web").unwrap();
        assert!(first.ours && first.last_exit.is_none() && first.reason.is_none());

        s6.stop_one("web").unwrap();
        assert_eq!(s6.state("web"), State::Stopped);
        agrees_with_svstat(world, "web");
        s6.stop_one("web").unwrap();

        s6.start_one("web").unwrap();
        agrees_with_svstat(world, "web");
        let second = s6.status_one("web").unwrap();
        assert_eq!(second.state, State::Running);
        assert_ne!(first.pid, second.pid);
        s6.start_one("web").unwrap();
        assert_eq!(s6.status_one("web").unwrap().pid, second.pid, "a start of what runs does nothing");

        s6.restart_one("web").unwrap();
        let third = s6.status_one("web").unwrap();
        assert_eq!(third.state, State::Running);
        assert_ne!(second.pid, third.pid);
        assert_eq!(s6.names(false), ["web"]);

        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [""; 0]);
        assert_eq!(s6.names(true), [""; 0]);
        eventually("no supervisor is left", || world.supervisors().is_empty());
        s6.unregister_one("web").unwrap();
    });
}

/// What is in the `event/` of a service.
fn events(world: &World, name: &str) -> Vec<String> {
    let listed = fs::read_dir(world.slot(name).join("event")).unwrap();
    listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn who_waits_for_a_process_listens_to_its_supervisor_and_leaves_nothing_behind() {
    in_each_world(|world| {
        let s6 = world.backend();
        // It ends when it is told to by a file.
        let mut slow = world.script("web", "trap '' TERM; while [ ! -e data/x ]; do sleep 0.01; done");
        slow.spec.directory = Some(world.slot("web"));
        slow.spec.stop.timeout = Some(Duration::from_secs(600));
        s6.register_one(slow).unwrap();
        let pid = s6.status_one("web").unwrap().pid.unwrap();
        eventually("it ignores the signal", || ignores_term(pid));
        // What killed ones left, before and after they were read: s6 has to take the name for one of its own.
        let event = world.slot("web").join("event");
        let stale = [event.join(".anysvc"), event.join("ftrig1:@40000123456789abcdef0123:anysvc")];
        let (mode, fifo) = (rustix::fs::Mode::from_raw_mode(0o622), rustix::fs::FileType::Fifo);
        for stale in &stale {
            rustix::fs::mknodat(rustix::fs::CWD, stale, fifo, mode, 0).unwrap();
        }
        std::thread::scope(|scope| {
            let stopping = scope.spawn(|| s6.stop_one("web"));
            eventually("somebody listens", || events(world, "web").len() == 2 && !stale[0].exists());
            assert!(events(world, "web").iter().all(|name| name.starts_with("ftrig1:@") && name.len() == 39));
            fs::write(world.slot("web").join("data/x"), "").unwrap();
            stopping.join().unwrap().unwrap();
        });
        assert_eq!(s6.state("web"), State::Stopped);
        assert_eq!(events(world, "web"), [""; 0]);
    });
}

#[test]
fn one_that_is_registered_down_stays_down_until_it_is_started() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut registration = world.script("web", FOREVER);
        registration.start = false;
        s6.register_one(registration).unwrap();
        assert!(world.supervised("web"));
        let status = s6.status_one("web").unwrap();
        assert_eq!((status.state, status.wanted_up, status.last_exit), (State::Stopped, Some(false), None));
        s6.start_one("web").unwrap();
        assert_eq!(s6.state("web"), State::Running);
        assert!(!world.slot("web").join("down").exists(), "and its supervisor may start it again");
    });
}

#[test]
fn a_restart_ends_running_also_when_the_program_is_done_with_zero() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"))
            .unwrap();
        for _ in 0..3 {
            let before = s6.status_one("web").unwrap();
            s6.restart_one("web").unwrap();
            let after = s6.status_one("web").unwrap();
            assert_eq!(after.state, State::Running);
            assert_ne!(before.pid, after.pid);
        }
        s6.stop_one("web").unwrap();
        s6.restart_one("web").unwrap();
        assert_eq!(s6.state("web"), State::Running, "a restart of a stopped one starts it");
    });
}

#[test]
fn a_program_that_ignores_term_is_killed_after_its_time_out() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut registration = world.script("web", "trap '' TERM; while :; do sleep 1; done");
        registration.spec.stop.timeout = Some(Duration::from_secs(3));
        s6.register_one(registration).unwrap();
        eventually("it ignores TERM", || {
            let status = s6.status_one("web").unwrap();
            let text = fs::read_to_string(format!("/proc/{}/status", status.pid.unwrap())).unwrap();
            let ignored = text.lines().find_map(|l| l.strip_prefix("SigIgn:")).unwrap();
            u64::from_str_radix(ignored.trim(), 16).unwrap() & (1 << 14) != 0
        });
        eventually("it is told to stop", || {
            let soon = Deadline::after(Duration::from_millis(50));
            let stop = s6.stop(&Batch { items: vec![Target::new("web")], deadline: soon });
            assert_eq!(kind(stop.into_iter().next().unwrap()), ErrorKind::TimedOut);
            s6.state("web") == State::Stopping
        });
        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [""; 0]);
    });
}

#[test]
fn ends_read_as_what_they_are() {
    in_each_world(|world| {
        let s6 = world.backend();
        for (name, script) in [("zero", "exit 0"), ("refuses", "exit 78"), ("crashes", "exit 3")] {
            s6.register_one(world.script(name, script)).unwrap();
        }
        let zero = s6.wait_one("zero", Goal::Down).unwrap();
        assert_eq!((zero.state, zero.last_exit.unwrap().code), (State::Stopped, Some(0)));
        let refuses = s6.wait_one("refuses", Goal::Down).unwrap();
        assert_eq!((refuses.state, refuses.last_exit.unwrap().code), (State::Failed, Some(78)));
        eventually("it waits to be started again", || s6.state("crashes") == State::Backoff);
        let crashes = s6.status_one("crashes").unwrap();
        assert_eq!(crashes.last_exit.unwrap().code, Some(3));

        s6.register_one(world.script("shot", FOREVER)).unwrap();
        s6.signal_one("shot", "KILL").unwrap();
        eventually("it is up again", || s6.status_one("shot").unwrap().last_exit.is_some());
        let shot = s6.wait_one("shot", Goal::Up).unwrap();
        assert_eq!(shot.last_exit.unwrap().signal.as_deref(), Some("KILL"));
    });
}

#[test]
fn a_stop_during_the_restart_delay_returns_at_once() {
    in_each_world(|world| {
        let s6 = world.backend();
        for (name, delay) in [("short", 1), ("long", 30)] {
            let mut registration = world.script(name, "exit 1");
            registration.spec.restart.delay = Some(Duration::from_secs(delay));
            s6.register_one(registration).unwrap();
            // The fastest of some: other tests keep the machine busy.
            let (mut fastest, quick) = (Duration::MAX, Duration::from_millis(500));
            for _ in 0..20 {
                eventually("it waits", || s6.state(name) == State::Backoff);
                if delay > 1 {
                    // The part beyond s6's own second is waited out by the script.
                    eventually("the script waits", || world.svstat(name, "up") == "true");
                    assert_eq!(s6.state(name), State::Backoff);
                }
                let begun = Instant::now();
                s6.stop_one(name).unwrap();
                fastest = fastest.min(begun.elapsed());
                assert_eq!(s6.state(name), State::Stopped);
                if fastest < quick {
                    break;
                }
                s6.start_one(name).unwrap();
            }
            assert!(fastest < quick, "{fastest:?}");
        }
    });
}

#[test]
fn a_start_during_the_restart_delay_does_not_wait_for_it() {
    in_each_world(|world| {
        let s6 = world.backend();
        let marker = world.scandir.join("../log/marker");
        let script = format!("[ -e {0} ] && exec sleep 1000; exit 1", marker.display());
        let mut registration = world.script("web", &script);
        registration.spec.restart.delay = Some(Duration::from_secs(120));
        s6.register_one(registration).unwrap();
        eventually("the script waits", || {
            s6.state("web") == State::Backoff && world.svstat("web", "up") == "true"
        });
        fs::write(&marker, "").unwrap();
        let begun = Instant::now();
        s6.start_one("web").unwrap();
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
        assert_eq!(s6.state("web"), State::Running);
    });
}

#[test]
fn signals_reach_the_program_known_to_s6_or_not() {
    in_each_world(|world| {
        let s6 = world.backend();
        let out = world.scandir.join("../log/out");
        let script = format!(
            "exec >{}; trap 'echo usr1' USR1; trap 'echo urg' URG; echo ready; while :; do sleep 1000 & wait $!; done",
            out.display()
        );
        s6.register_one(world.script("web", &script)).unwrap();
        let said = |word: &str| fs::read_to_string(&out).unwrap_or_default().contains(word);
        eventually("it is ready", || said("ready"));
        s6.signal_one("web", "USR1").unwrap();
        eventually("USR1 arrived", || said("usr1"));
        s6.signal_one("web", "URG").unwrap();
        eventually("URG arrived", || said("urg"));
        s6.stop_one("web").unwrap();
        assert_eq!(kind(s6.signal_one("web", "USR1")), ErrorKind::CommandFailed);
    });
}

#[test]
fn a_replacement_that_fails_leaves_what_runs_running() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.logged("web", FOREVER)).unwrap();
        let pid = s6.status_one("web").unwrap().pid;
        let replace = |script: &str, ms| {
            let mut registration = world.logged("web", script);
            registration.replace = true;
            registration.spec.stop.timeout = Some(Duration::from_secs(5));
            let deadline = Deadline::after(Duration::from_millis(ms));
            s6.register(&Batch { items: vec![registration], deadline }).remove(0)
        };
        let held = world.lock();
        assert_eq!(kind(replace("exec sleep 2000", 300)), ErrorKind::TimedOut);
        drop(held);
        let status = s6.status_one("web").unwrap();
        assert_eq!((status.state, status.pid), (State::Running, pid), "it was never stopped");

        // One that takes its time to end is not left stopped either.
        replace("trap '' TERM; while :; do sleep 0.1; done", 60_000).unwrap();
        let pid = s6.status_one("web").unwrap().pid;
        eventually("it ignores the signal", || ignores_term(pid.unwrap()));
        assert_eq!(kind(replace("exec sleep 2000", 2000)), ErrorKind::TimedOut);
        eventually("it runs again", || {
            let now = s6.status_one("web").unwrap();
            now.state == State::Running && now.pid != pid && now.pid.is_some()
        });
        assert!(!world.slot("web").join("down").exists());
    });
}

#[test]
fn a_restart_that_takes_longer_than_one_waits_still_happens() {
    in_each_world(|world| {
        let s6 = world.backend();
        // Whether it is killed in the end, or ends by itself and is "done" with that.
        let stubborn = "trap '' TERM; while :; do sleep 0.1; done";
        let go = world.scandir.join("../log/go");
        let waits = format!("while [ ! -e {} ]; do sleep 0.01; done", go.display());
        let slow = format!("trap '{waits}; exit 0' TERM; while :; do sleep 0.1; done");
        for (name, script, timeout) in [("stubborn", stubborn, 4), ("slow", &*slow, 600)] {
            let mut registration = world.script(name, script);
            registration.spec.stop.timeout = Some(Duration::from_secs(timeout));
            s6.register_one(registration).unwrap();
            let pid = s6.status_one(name).unwrap().pid;
            eventually("it has its trap", || handles_term(pid.unwrap()));
            let _ = fs::remove_file(&go);
            let items = vec![Target::new(name)];
            let deadline = Deadline::after(Duration::from_secs(1));
            let error = s6.restart(&Batch { items, deadline }).remove(0).unwrap_err();
            assert_eq!(error.kind, ErrorKind::TimedOut);
            assert!(error.hint.as_deref().unwrap_or_default().contains("started again"), "{error:?}");
            fs::write(&go, "").unwrap();
            eventually("it runs again", || {
                let now = s6.status_one(name).unwrap();
                now.state == State::Running && now.pid != pid && now.pid.is_some()
            });
            eventually("the mark is used up", || !world.slot(name).join("data/again").exists());
            // A stop is still one.
            s6.stop_one(name).unwrap();
            assert_eq!(s6.state(name), State::Stopped);
        }
    });
}

#[test]
fn the_end_of_a_restart_delay_is_seen() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut registration = world.script("web", "[ -e data/x ] && exec sleep 1000; >data/x; exit 1");
        registration.spec.directory = Some(world.slot("web"));
        registration.spec.restart.delay = Some(Duration::from_secs(6));
        s6.register_one(registration).unwrap();
        eventually("it waits", || s6.state("web") == State::Backoff && world.slot("web/data/delay").exists());
        eventually("the waiting is all that s6 runs", || world.svstat("web", "up") == "true");
        let items = vec![WaitRequest { name: "web".into(), goal: Goal::Up, pid: None }];
        let deadline = Deadline::after(Duration::from_secs(120));
        let begun = Instant::now();
        let status = s6.wait(&Batch { items, deadline }).remove(0).unwrap();
        assert_eq!(status.state, State::Running);
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    });
}

#[test]
fn what_waits_out_the_restart_delay_is_not_the_program() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut registration = world.script("web", "exit 7");
        registration.spec.restart.delay = Some(Duration::from_secs(60));
        s6.register_one(registration).unwrap();
        let waits = || world.svstat("web", "pid").parse().is_ok_and(handles_term);
        eventually("it waits", || waits() && s6.state("web") == State::Backoff);
        assert_eq!(kind(s6.signal_one("web", "USR1")), ErrorKind::CommandFailed);
        assert_eq!(s6.state("web"), State::Backoff);
        s6.stop_one("web").unwrap();
        let status = s6.status_one("web").unwrap();
        assert_eq!((status.state, status.last_exit), (State::Stopped, None));
        assert_eq!(status.reason.as_deref(), Some("stopped"));
    });
}

#[test]
fn a_logger_that_does_not_start_shows() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut registration = world.logged("web", FOREVER);
        registration.log_directory = "/dev/null/log".into();
        s6.register_one(registration).unwrap();
        eventually("it shows", || {
            let status = s6.status_one("web").unwrap();
            status.state == State::Running && status.reason.is_some_and(|why| why.contains("its logger"))
        });
    });
}
