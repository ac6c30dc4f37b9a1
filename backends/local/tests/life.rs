//! The life of a service under the embedded supervisor, verb by verb.

mod common;

use std::time::Duration;

use anysvc_backend_api::{
    Deadline, Done, ErrorKind, Goal, ListQuery, LogQuery, RestartPolicy, Signal, SignalRequest, State,
    Target, WaitRequest,
};
use common::{Lab, is_alive, soon};

#[test]
fn a_service_is_registered_runs_and_goes() {
    let lab = Lab::new();
    assert_eq!(lab.register("web", "exec sleep 1000"), Ok(()));
    let pid = lab.pid("web");
    assert!(is_alive(pid));
    let status = lab.status("web").unwrap();
    assert!(status.ours && status.wanted_up == Some(true) && status.ready.is_none(), "{status:?}");
    assert_eq!(lab.register("web", "exec sleep 1").unwrap_err().kind, ErrorKind::AlreadyRegistered);
    assert_eq!(lab.pid("web"), pid, "the first is untouched");
    assert_eq!(lab.start("web"), Ok(()));
    assert_eq!(lab.pid("web"), pid, "starting what runs does nothing");
    assert_eq!(lab.restart("web"), Ok(()));
    let second = lab.pid("web");
    assert!(second != pid && !is_alive(pid));
    assert_eq!(lab.stop("web"), Ok(()));
    assert_eq!(lab.stop("web"), Ok(()));
    assert!(!is_alive(second));
    assert_eq!(lab.status("web").unwrap().state, State::Stopped);
    assert_eq!(lab.restart("web"), Ok(()));
    let third = lab.pid("web");
    assert_eq!(lab.unregister("web"), Ok(()));
    assert!(!is_alive(third));
    assert_eq!(lab.unregister("web"), Ok(()));
    assert_eq!(lab.status("web").unwrap_err().kind, ErrorKind::NotRegistered);
    assert_eq!(lab.backend.list(ListQuery::default(), soon()), Ok(Vec::new()));
}

#[test]
fn what_is_absent_is_not_registered_and_starts_no_supervisor() {
    let lab = Lab::new();
    for result in [lab.start("x"), lab.stop("x"), lab.restart("x"), lab.status("x").map(drop)] {
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.service.as_deref()), (ErrorKind::NotRegistered, Some("x")));
    }
    assert_eq!(lab.unregister("x"), Ok(()));
    assert_eq!(lab.wait("x", Goal::Gone).map(|status| status.state), Ok(State::Stopped));
    assert_eq!(lab.wait("x", Goal::Up).unwrap_err().kind, ErrorKind::NotRegistered);
    assert!(!lab.folder().exists());
}

#[test]
fn a_batch_answers_each_item_in_order() {
    let lab = Lab::new();
    let batch = ["a", "b", "c"].map(|name| lab.registration(name, "exec sleep 1000"));
    assert_eq!(lab.backend.register(batch.into(), soon()), vec![Ok(Done::default()); 3]);
    let mixed = ["c", "nope", "a"].map(Target::new);
    let answers = lab.backend.stop(mixed.clone().into(), soon());
    assert_eq!(answers[0], Ok(()));
    assert_eq!(answers[1].as_ref().unwrap_err().service.as_deref(), Some("nope"));
    assert_eq!(answers[2], Ok(()));
    let states: Vec<_> = lab.backend.list(ListQuery::default(), soon()).unwrap();
    let states: Vec<_> = states.into_iter().map(|status| (status.name, status.state)).collect();
    let expected = [("a", State::Stopped), ("b", State::Running), ("c", State::Stopped)];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state)));
}

#[test]
fn replacing_restarts_only_what_changed_and_runs() {
    let lab = Lab::new();
    let mut same = lab.registration("a", "exec sleep 1000");
    assert_eq!(lab.put(same.clone()), Ok(()));
    let pid = lab.pid("a");
    same.replace = true;
    assert_eq!(lab.put(same.clone()), Ok(()));
    assert_eq!(lab.pid("a"), pid);
    let mut other = lab.registration("a", "exec sleep 2000");
    other.replace = true;
    assert_eq!(lab.put(other.clone()), Ok(()));
    assert!(lab.pid("a") != pid && !is_alive(pid));
    assert_eq!(lab.stop("a"), Ok(()));
    (same.start, other.start) = (false, false);
    assert_eq!(lab.put(same), Ok(()));
    assert_eq!(lab.status("a").unwrap().state, State::Stopped, "what is down stays down");
}

#[test]
fn a_wait_ends_when_it_is_so_or_can_not_become_so() {
    let lab = Lab::new();
    assert_eq!(lab.register("a", "exec sleep 1000"), Ok(()));
    let pid = lab.pid("a");
    assert_eq!(lab.wait("a", Goal::Up).map(|status| status.pid), Ok(Some(pid)));
    std::thread::scope(|scope| {
        let waits = [Goal::Down, Goal::Left].map(|goal| {
            let lab = &lab;
            scope.spawn(move || {
                let request = WaitRequest { name: "a".into(), goal, pid: Some(pid) };
                lab.backend.wait(vec![request], soon()).remove(0)
            })
        });
        assert_eq!(lab.stop("a"), Ok(()));
        for wait in waits {
            assert!(wait.join().unwrap().is_ok());
        }
        let gone = scope.spawn(|| lab.wait("a", Goal::Gone));
        assert_eq!(lab.unregister("a"), Ok(()));
        assert_eq!(gone.join().unwrap().map(|status| status.state), Ok(State::Stopped));
    });
    let mut failing = lab.registration("b", "exit 3");
    failing.spec.restart.policy = Some(RestartPolicy::Never);
    assert_eq!(lab.put(failing), Ok(()), "that it died is for the host to say");
    let status = lab.wait("b", Goal::Down).unwrap();
    assert!(matches!(status.state, State::Failed), "{status:?}");
    assert_eq!(status.last_exit.unwrap().code, Some(3));
}

#[test]
fn what_takes_too_long_is_late_and_goes_on() {
    let lab = Lab::new();
    let mut stubborn = lab.registration("a", "trap '' TERM; echo set; while :; do sleep 1; done");
    stubborn.spec.stop.timeout = Some(Duration::from_secs(600));
    assert_eq!(lab.put(stubborn), Ok(()));
    // The trap is set once the line is there.
    lab.first_line("a");
    let short = Deadline::after(Duration::from_millis(200));
    let error = lab.backend.stop(vec![Target::new("a")], short).remove(0).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut, "{error:?}");
    let status = lab.status("a").unwrap();
    assert_eq!(status.state, State::Stopping);
    let kill = SignalRequest { name: "a".into(), signal: Signal::from_number(9).unwrap() };
    assert_eq!(lab.backend.signal(vec![kill], soon()), [Ok(())]);
    assert_eq!(lab.wait("a", Goal::Down).map(|status| status.state), Ok(State::Stopped));
}

#[test]
fn a_signal_reaches_what_runs_and_nothing_else() {
    let lab = Lab::new();
    assert_eq!(lab.register("a", "exec sleep 1000"), Ok(()));
    let pid = lab.pid("a");
    let signal = |name: &str| {
        let request = SignalRequest { name: name.into(), signal: "KILL".parse().unwrap() };
        lab.backend.signal(vec![request], soon()).remove(0)
    };
    assert_eq!(signal("a"), Ok(()));
    let request = WaitRequest { name: "a".into(), goal: Goal::Left, pid: Some(pid) };
    assert!(lab.backend.wait(vec![request], soon()).remove(0).is_ok());
    assert_eq!(lab.stop("a"), Ok(()));
    assert_eq!(signal("a").unwrap_err().kind, ErrorKind::CommandFailed);
    assert_eq!(signal("b").unwrap_err().kind, ErrorKind::NotRegistered);
}

#[test]
fn lines_are_read_and_followed() {
    let lab = Lab::new();
    assert_eq!(lab.register("a", "echo one; echo two >&2; exec sleep 1000"), Ok(()));
    let query = LogQuery { follow: true, names: vec!["a".into()], ..LogQuery::default() };
    let mut log = lab.backend.logs(query).unwrap();
    let mut lines = Vec::new();
    while lines.len() < 2 {
        let chunk = log.next(soon()).unwrap();
        assert!(!chunk.records.is_empty(), "{lines:?}\n{}", lab.log());
        lines.extend(chunk.records.into_iter().map(|record| {
            assert!(record.time.is_some() && record.service == "a");
            record.line.to_string()
        }));
    }
    lines.sort();
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(lab.stop("a"), Ok(()));
    let mut tail = lab.backend.logs(LogQuery::tail("a", 1)).unwrap();
    let chunk = tail.next(soon()).unwrap();
    assert_eq!(chunk.records.len(), 1);
    assert_eq!(
        lab.backend.logs(LogQuery::tail("b", 1)).err().map(|error| error.kind),
        Some(ErrorKind::NotRegistered)
    );
}

#[test]
fn two_state_folders_have_two_supervisors_and_no_contact() {
    let (one, other) = (Lab::new(), Lab::new());
    assert_eq!(one.register("same", "exec sleep 1000"), Ok(()));
    assert_eq!(other.register("same", "exec sleep 1000"), Ok(()));
    assert_ne!(one.supervisor(), other.supervisor());
    let pid = one.pid("same");
    assert_eq!(other.unregister("same"), Ok(()));
    assert_eq!(one.pid("same"), pid);
}
