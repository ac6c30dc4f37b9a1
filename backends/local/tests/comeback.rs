//! What happens when the supervisor is killed, ended, or not there: nothing is doubled or forgotten.

mod common;

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anysvc_backend_api::{
    Deadline, ErrorKind, Goal, ListQuery, Registration, Rest, RestartPolicy, SignalRequest, State, Target,
    Value,
};
use common::{Lab, is_alive, kill, soon};
use rustix::process::Signal;

#[test]
fn after_a_kill_the_next_command_brings_everything_back_once() {
    let lab = Lab::new();
    assert_eq!(lab.register("up", "exec sleep 1000"), Ok(()));
    assert_eq!(lab.register("down", "exec sleep 1000"), Ok(()));
    assert_eq!(lab.stop("down"), Ok(()));
    let (old, supervisor) = (lab.pid("up"), lab.supervisor());
    lab.kill_supervisor();
    assert!(is_alive(old), "a service does not end with its supervisor");
    let status = lab.wait("up", Goal::Up).unwrap();
    assert_ne!(lab.supervisor(), supervisor);
    assert!(status.pid.is_some_and(is_alive) && status.pid != Some(old), "{status:?}\n{}", lab.log());
    assert!(!is_alive(old));
    assert_eq!(lab.status("down").unwrap().state, State::Stopped);
    assert_eq!(lab.backend.list(ListQuery::default(), soon()).map(|all| all.len()), Ok(2));
}

#[test]
fn whoever_brings_it_back_is_told_that_nobody_kept_it_up_and_may_wait_for_it() {
    let lab = Lab::new();
    let registration = lab.registration("a", "exec sleep 1000");
    assert_eq!(lab.put(registration.clone()), Ok(()));
    assert_eq!(lab.register("down", "exec sleep 1000"), Ok(()));
    assert_eq!(lab.stop("down"), Ok(()));
    let old = lab.pid("a");
    lab.kill_supervisor();
    let targets = ["a", "down"].map(Target::new).into();
    let rests: Vec<_> = lab.backend.status(targets, soon()).into_iter().map(|s| s.unwrap().rest).collect();
    assert_eq!(rests, [Some(Rest::Unattended), None]);
    assert_eq!(lab.put(Registration { replace: true, ..registration }), Ok(()));
    let status = lab.status("a").unwrap();
    assert_eq!((status.state, status.rest), (State::Running, None), "{status:?}\n{}", lab.log());
    assert_ne!(status.pid, Some(old));
}

#[test]
fn what_the_next_supervisor_says_is_said_once() {
    let lab = Lab::new();
    assert_eq!(lab.register("up", "exec sleep 1000"), Ok(()));
    assert_eq!(lab.register("down", "exec sleep 1000"), Ok(()));
    assert_eq!(lab.stop("down"), Ok(()));
    lab.kill_supervisor();
    let Value::Map(pairs) = lab.status("down").unwrap().native else { panic!("no facts") };
    let supervisors: Vec<_> = pairs.iter().filter(|(key, _)| key == "supervisor").map(|(_, v)| v).collect();
    assert_eq!(supervisors, [&Value::Int(lab.supervisor().unwrap().into())], "{pairs:?}");
}

#[test]
fn a_supervisor_that_leaves_keeps_no_environment() {
    let lab = Lab::new();
    let session = || fs::read(lab.folder().join("session")).unwrap();
    let has_path = |session: &[u8]| session.windows(4).any(|w| w == b"PATH");
    assert_eq!(lab.register("a", "exec sleep 1000"), Ok(()));
    assert!(has_path(&session()));
    kill(lab.supervisor().unwrap(), Signal::TERM);
    lab.wait_for_its_end();
    assert!(!has_path(&session()));
}

#[test]
fn what_had_ended_for_good_stays_so_over_a_kill() {
    let lab = Lab::new();
    let mut failing = lab.registration("a", "exit 78");
    failing.spec.restart.policy = Some(RestartPolicy::Always);
    assert_eq!(lab.put(failing), Ok(()));
    assert_eq!(lab.register("keeps-it-there", "exec sleep 1000"), Ok(()));
    let before = lab.wait("a", Goal::Down).unwrap();
    assert_eq!(before.state, State::Failed, "{before:?}");
    lab.kill_supervisor();
    let after = lab.status("a").unwrap();
    assert_eq!(
        (after.state, after.last_exit, after.reason),
        (State::Failed, before.last_exit, before.reason)
    );
    assert_eq!(lab.start("a"), Ok(()));
    assert_eq!(lab.wait("a", Goal::Down).unwrap().state, State::Failed, "it was tried again");
}

#[test]
fn a_stop_under_way_is_finished_by_the_next_supervisor() {
    let lab = Lab::new();
    let mut stubborn = lab.registration("a", "trap '' TERM; echo set; while :; do sleep 1; done");
    stubborn.spec.stop.timeout = Some(Duration::from_secs(2));
    assert_eq!(lab.put(stubborn), Ok(()));
    lab.first_line("a");
    let pid = lab.pid("a");
    common::until(|| {
        let short = Deadline::after(Duration::from_millis(20));
        let _ = lab.backend.stop(vec![Target::new("a")], short);
        lab.status("a").is_ok_and(|status| status.state != State::Running)
    });
    lab.kill_supervisor();
    let status = lab.wait("a", Goal::Down).unwrap();
    assert_eq!(status.state, State::Stopped, "{status:?}");
    assert!(!is_alive(pid));
}

#[test]
fn on_request_it_stops_everything_and_the_next_start_brings_it_back() {
    let lab = Lab::new();
    assert_eq!(lab.register("a", "exec sleep 1000"), Ok(()));
    let pid = lab.pid("a");
    kill(lab.supervisor().unwrap(), Signal::TERM);
    lab.wait_for_its_end();
    assert!(!is_alive(pid));
    let status = lab.status("a").unwrap();
    assert_eq!((status.state, lab.supervisor()), (State::Stopped, None), "reading starts nothing");
    assert_eq!(status.reason.as_deref(), Some("its supervisor was ended"));
    assert_eq!(lab.register("b", "exec sleep 1000"), Ok(()));
    assert!(lab.wait("a", Goal::Up).is_ok_and(|status| status.state == State::Running));
}

#[test]
fn another_boot_starts_nothing_by_itself() {
    let lab = Lab::new();
    assert_eq!(lab.register("a", "exec sleep 1000"), Ok(()));
    let pid = lab.pid("a");
    lab.kill_supervisor();
    kill(pid as i32, Signal::KILL);
    // What another boot's supervisor would have left: the same records, with another identity.
    let session = fs::read(lab.folder().join("session")).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let at = session.windows(36).position(|w| w == boot.trim().as_bytes()).expect("the boot's identity");
    let mut other = session;
    other[at] = if other[at] == b'0' { b'1' } else { b'0' };
    fs::write(lab.folder().join("session"), other).unwrap();

    let status = lab.status("a").unwrap();
    assert_eq!((status.state, status.pid, lab.supervisor()), (State::Stopped, None, None));
    assert!(status.reason.is_some_and(|reason| reason.contains("not started since")));
    assert_eq!(lab.register("b", "exec sleep 1000"), Ok(()));
    assert_eq!(lab.status("a").unwrap().state, State::Stopped, "only what is asked for is started");
    lab.kill_supervisor();
    assert_eq!(lab.status("a").unwrap().state, State::Stopped, "and a crash after that changes nothing");
    assert_eq!(lab.start("a"), Ok(()));
    assert_ne!(lab.pid("a"), pid);
}

#[test]
fn a_call_that_the_kill_interrupts_is_finished_by_the_next_supervisor() {
    let lab = Lab::new();
    let mut stubborn = lab.registration("a", "trap '' TERM; echo set; while :; do sleep 1; done");
    stubborn.spec.stop.timeout = Some(Duration::from_secs(600));
    assert_eq!(lab.put(stubborn), Ok(()));
    lab.first_line("a");
    std::thread::scope(|scope| {
        let stop = scope.spawn(|| lab.stop("a"));
        common::until(|| lab.status("a").is_ok_and(|status| status.state == State::Stopping));
        lab.kill_supervisor();
        let kill = SignalRequest { name: "a".into(), signal: "KILL".parse().unwrap() };
        assert_eq!(lab.backend.signal(vec![kill], soon()), [Ok(())]);
        assert_eq!(stop.join().unwrap(), Ok(()));
    });
    assert_eq!(lab.status("a").unwrap().state, State::Stopped);
}

#[test]
fn registering_while_supervisors_are_killed_registers_each_once() {
    let lab = Lab::new();
    assert_eq!(lab.register("first", "exec sleep 1000"), Ok(()));
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let kills = scope.spawn(|| {
            for at in 0..20 {
                // At most three of them meet one registration: no more are put up with.
                common::until(|| done.load(Ordering::SeqCst) + 2 >= at);
                if let Some(pid) = lab.supervisor() {
                    kill(pid, Signal::KILL);
                }
                let _ = lab.status("first");
            }
        });
        for at in 0..20 {
            let registered = lab.register(&format!("s{at}"), "exec sleep 1000");
            done.store(at + 1, Ordering::SeqCst);
            assert_eq!(registered, Ok(()), "s{at}");
        }
        kills.join().unwrap();
    });
    assert_eq!(lab.backend.list(ListQuery::default(), soon()).map(|all| all.len()), Ok(21));
    for at in 0..20 {
        assert_eq!(lab.wait(&format!("s{at}"), Goal::Up).map(|status| status.state), Ok(State::Running));
    }
    assert_eq!(lab.register("s3", "exec sleep 1000").unwrap_err().kind, ErrorKind::AlreadyRegistered);
}

#[test]
fn a_damaged_record_harms_that_service_only() {
    let lab = Lab::new();
    assert_eq!(lab.register("good", "exec sleep 1000"), Ok(()));
    assert_eq!(lab.register("bad", "exec sleep 1000"), Ok(()));
    let pid = lab.pid("bad");
    lab.kill_supervisor();
    fs::write(lab.folder().join("services/bad"), "garbage").unwrap();
    assert!(lab.wait("good", Goal::Up).is_ok());
    assert_eq!(lab.status("bad").unwrap_err().kind, ErrorKind::NotRegistered);
    assert!(lab.folder().join("damaged/bad").exists());
    assert!(lab.log().contains("set aside"), "{}", lab.log());
    common::until(|| !is_alive(pid));
}
