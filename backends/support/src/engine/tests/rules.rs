//! The rules of restarting and stopping, each with a simulated clock.

use std::time::Duration;

use anysvc_backend_api::{Condition, ReadySpec, RestartPolicy, RestartSpec, ServiceSpec, State, StopSpec};

use super::{give_up::gives_up, sim::Bench};
use crate::engine::{os::Occurrence, policy::Ending};

use RestartPolicy::{Always, Never, OnFailure};
use State::{Backoff, Failed, Running, Stopped, Stopping};

pub(super) fn killed(signal: &str) -> Ending {
    Ending::Signal(signal.parse().unwrap())
}

pub(super) fn spec(policy: RestartPolicy) -> ServiceSpec {
    ServiceSpec {
        restart: RestartSpec { policy: Some(policy), ..RestartSpec::default() },
        ..ServiceSpec::default()
    }
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn every_policy_takes_every_end_as_the_model_says() {
    let again = (Backoff, true);
    let done = (Stopped, false);
    let failed = (Failed, false);
    let table = [
        // An end               never    on-failure  always
        (Ending::Code(0), [done, done, again]),
        (Ending::Code(1), [failed, again, again]),
        (Ending::Code(255), [failed, again, again]),
        (Ending::Code(75), [done, again, again]),
        (Ending::Code(78), [failed, failed, failed]),
        (killed("TERM"), [failed, again, again]),
        (killed("HUP"), [failed, again, again]),
        (killed("KILL"), [failed, again, again]),
        (killed("SEGV"), [failed, again, again]),
    ];
    for (ending, expected) in table {
        for (policy, expected) in [Never, OnFailure, Always].into_iter().zip(expected) {
            let mut bench = Bench::up(spec(policy));
            assert_eq!(bench.state(), Running);
            bench.end(ending);
            let status = bench.status();
            let case = format!("{policy} {ending:?}: {:?}", status.reason);
            assert_eq!((status.state, status.wanted_up), (expected.0, Some(expected.1)), "{case}");
            assert!(status.reason.is_some() && status.pid.is_none(), "{case}");
            bench.pass(secs(2));
            assert_eq!(bench.launches().len(), 1 + usize::from(expected.1), "{case}");
        }
    }
}

#[test]
fn code_lists_of_the_spec_replace_the_defaults_and_never_beats_always() {
    // never_on, always_on, code: under never, on-failure, always.
    type Case = (&'static [i32], &'static [i32], i32, [State; 3]);
    let table: [Case; 8] = [
        (&[3], &[], 3, [Failed, Failed, Failed]),
        (&[3], &[], 78, [Failed, Backoff, Backoff]),
        (&[3], &[], 75, [Failed, Backoff, Backoff]),
        (&[], &[4], 4, [Stopped, Backoff, Backoff]),
        (&[4], &[4], 4, [Failed, Failed, Failed]),
        (&[], &[0], 0, [Stopped, Backoff, Backoff]),
        (&[0], &[], 0, [Stopped, Stopped, Stopped]),
        (&[0], &[0], 0, [Stopped, Stopped, Stopped]),
    ];
    for (never_on, always_on, code, expected) in table {
        for (policy, expected) in [Never, OnFailure, Always].into_iter().zip(expected) {
            let mut spec = spec(policy);
            spec.restart.never_on = Some(never_on.to_vec());
            spec.restart.always_on = Some(always_on.to_vec());
            let mut bench = Bench::up(spec);
            bench.end(Ending::Code(code));
            assert_eq!(bench.state(), expected, "{policy} {never_on:?} {always_on:?} {code}");
        }
    }
}

#[test]
fn the_delay_counts_from_the_end_of_the_process() {
    let mut spec = spec(OnFailure);
    spec.restart.delay = Some(secs(3));
    let mut bench = Bench::up(spec);
    bench.pass(secs(10));
    bench.world(|world| world.group_left = true);
    bench.end(Ending::Code(1));
    // Its group takes a while to die, which is no part of the delay.
    bench.pass(millis(500));
    bench.world(|world| world.group_left = false);
    bench.pass(millis(2499));
    assert_eq!((bench.state(), bench.launches()), (Backoff, vec![0]));
    bench.pass(millis(1));
    assert_eq!((bench.state(), bench.launches()), (Running, vec![0, 13_000]));
    assert_eq!(bench.status().restarts, Some(1));
}

#[test]
fn without_a_delay_it_starts_at_once_but_does_not_take_a_processor() {
    let mut spec = spec(OnFailure);
    spec.restart.delay = Some(Duration::ZERO);
    let mut bench = Bench::up(spec);
    bench.pass(millis(10));
    bench.end(Ending::Code(1));
    assert_eq!((bench.state(), bench.launches()), (Running, vec![0, 10]));
    bench.end(Ending::Code(1));
    assert_eq!(bench.state(), Backoff);
    bench.pass(millis(10));
    assert_eq!((bench.state(), bench.launches()), (Running, vec![0, 10, 20]));
}

#[test]
fn a_stop_during_the_delay_is_done_at_once() {
    let mut bench = Bench::up(spec(OnFailure));
    bench.end(Ending::Code(1));
    assert_eq!(bench.state(), Backoff);
    bench.verb("stop");
    assert_eq!((bench.state(), bench.status().wanted_up), (Stopped, Some(false)));
    bench.pass(secs(100));
    assert_eq!(bench.launches(), [0]);
}

#[test]
fn a_start_during_the_delay_starts_at_once() {
    let mut bench = Bench::up(spec(OnFailure));
    bench.end(Ending::Code(1));
    bench.pass(millis(10));
    bench.verb("start");
    assert_eq!((bench.state(), bench.launches()), (Running, vec![0, 10]));
    bench.pass(secs(10));
    assert_eq!(bench.launches().len(), 2);
}

#[test]
fn a_stop_is_a_signal_and_then_kill_for_the_group() {
    let mut spec = spec(Always);
    spec.stop = StopSpec { signal: Some("INT".parse().unwrap()), timeout: Some(secs(5)) };
    let mut bench = Bench::up(spec);
    bench.world(|world| world.obedient = false);
    bench.verb("stop");
    assert_eq!((bench.state(), bench.status().wanted_up), (Stopping, Some(false)));
    bench.pass(millis(4999));
    bench.world(|world| {
        assert_eq!(world.signals.len(), 1);
        assert_eq!(world.signals[0].2.name(), "INT");
        assert!(world.kills.is_empty());
    });
    bench.pass(millis(1));
    bench.world(|world| assert_eq!(world.kills, [(secs(5), "web".to_owned())]));
    let status = bench.status();
    assert_eq!((status.state, status.last_exit.unwrap().signal.unwrap().as_str()), (Stopped, "KILL"));
    bench.pass(secs(100));
    assert_eq!(bench.launches(), [0]);
}

#[test]
fn a_stop_without_time_kills_at_once() {
    let mut spec = spec(Always);
    spec.stop.timeout = Some(Duration::ZERO);
    let mut bench = Bench::up(spec);
    bench.world(|world| world.obedient = false);
    bench.verb("stop");
    assert_eq!(bench.state(), Stopped);
}

#[test]
fn whatever_a_stopped_program_ends_with_it_is_stopped() {
    for ending in [Ending::Code(0), Ending::Code(1), Ending::Code(75), Ending::Code(78), killed("TERM")] {
        let mut bench = Bench::up(spec(Always));
        bench.world(|world| world.obedient = false);
        bench.verb("stop");
        bench.end(ending);
        assert_eq!((bench.state(), bench.reason().as_str()), (Stopped, "stopped on request"), "{ending:?}");
        bench.pass(secs(100));
        assert_eq!(bench.launches(), [0], "{ending:?}");
    }
}

#[test]
fn a_restart_ends_running_whatever_the_program_ends_with() {
    for policy in [Never, OnFailure, Always] {
        for ending in [Ending::Code(0), Ending::Code(1), Ending::Code(75), Ending::Code(78), killed("TERM")] {
            let mut bench = Bench::up(spec(policy));
            bench.world(|world| world.obedient = false);
            bench.verb("restart");
            bench.pass(millis(7));
            bench.end(ending);
            assert_eq!((bench.state(), bench.launches()), (Running, vec![0, 7]), "{policy} {ending:?}");
            assert_eq!(bench.status().restarts, Some(0), "nobody but the operator restarted it");
        }
    }
}

#[test]
fn a_restart_starts_what_is_down_or_waits() {
    let mut bench = Bench::up(spec(OnFailure));
    bench.end(Ending::Code(1));
    bench.verb("restart");
    assert_eq!(bench.launches().len(), 2);
    bench.verb("stop");
    bench.verb("restart");
    assert_eq!((bench.state(), bench.launches().len()), (Running, 3));
}

#[test]
fn the_last_word_counts_while_it_stops() {
    for (verbs, running) in
        [(["stop", "start"], true), (["restart", "stop"], false), (["stop", "restart"], true)]
    {
        let mut bench = Bench::up(spec(OnFailure));
        bench.world(|world| world.obedient = false);
        verbs.into_iter().for_each(|verb| bench.verb(verb));
        assert_eq!(bench.state(), Stopping, "{verbs:?}");
        bench.end(Ending::Code(0));
        assert_eq!(bench.state(), if running { Running } else { Stopped }, "{verbs:?}");
        bench.world(|world| assert_eq!(world.signals.len(), 1, "{verbs:?}"));
    }
}

#[test]
fn starting_what_runs_and_stopping_what_is_down_do_nothing() {
    let mut bench = Bench::up(spec(OnFailure));
    bench.verb("start");
    assert_eq!(bench.launches(), [0]);
    bench.verb("stop");
    bench.verb("stop");
    bench.world(|world| assert_eq!(world.signals.len(), 1));
    assert_eq!(bench.state(), Stopped);
}

#[test]
fn a_program_that_cannot_be_executed_is_a_failure_that_names_it() {
    for (policy, expected) in [(Never, Failed), (OnFailure, Backoff), (Always, Backoff)] {
        let mut bench = Bench::new();
        bench.world(|world| world.refuse = true);
        bench.add(spec(policy), true);
        assert_eq!(bench.state(), expected, "{policy}");
        assert!(bench.reason().starts_with("cannot execute `web`: No such file"), "{}", bench.reason());
        bench.world(|world| world.refuse = false);
        bench.pass(secs(1));
        assert_eq!(bench.state(), if expected == Backoff { Running } else { Failed }, "{policy}");
    }
    let mut bench = Bench::new();
    bench.world(|world| world.refuse = true);
    bench.add(gives_up(3, 60, Always), true);
    bench.pass(secs(10));
    assert_eq!(bench.state(), Failed);
    assert!(bench.reason().contains("cannot execute `web`"), "{}", bench.reason());
}

#[test]
fn a_false_condition_reads_as_stopped_and_stays_wanted() {
    let mut spec = spec(Always);
    spec.when = Some(Condition { env: "GO".to_owned(), truthy: Some(true) });
    let mut bench = Bench::up(spec.clone());
    let status = bench.status();
    assert_eq!((status.state, status.held_back, status.wanted_up), (Stopped, true, Some(true)));
    assert_eq!(bench.reason(), "condition not met");
    bench.verb("start");
    assert!(bench.status().held_back);
    bench.verb("stop");
    let status = bench.status();
    assert_eq!((status.state, status.held_back, status.wanted_up), (Stopped, false, Some(false)));

    spec.env = vec![anysvc_backend_api::EnvVar { name: "GO".to_owned(), value: "yes".into() }];
    assert_eq!(Bench::up(spec).state(), Running);
}

#[test]
fn readiness_is_told_by_the_process_that_runs() {
    let mut spec = spec(OnFailure);
    spec.ready = Some(ReadySpec { notify_fd: Some(3), ..ReadySpec::default() });
    let mut bench = Bench::up(spec);
    assert_eq!(bench.status().ready, Some(false));
    let ready = |bench: &mut Bench| {
        bench.world(|world| {
            let run = *world.living.keys().next().unwrap();
            world.occurrences.push(Occurrence::Ready(run));
        });
        bench.settle();
    };
    ready(&mut bench);
    assert_eq!(bench.status().ready, Some(true));
    bench.end(Ending::Code(1));
    assert_eq!(bench.status().ready, Some(false));
    bench.pass(secs(1));
    assert_eq!((bench.state(), bench.status().ready), (Running, Some(false)));
    assert_eq!(Bench::up(ServiceSpec::default()).status().ready, None);
}

#[test]
fn a_group_that_cannot_be_killed_holds_its_service_up_for_two_seconds() {
    let mut bench = Bench::up(spec(OnFailure));
    bench.world(|world| world.group_left = true);
    bench.verb("stop");
    assert_eq!(bench.state(), Stopping);
    bench.pass(secs(1));
    assert_eq!(bench.state(), Stopping);
    bench.pass(millis(1100));
    assert_eq!(bench.state(), Stopped);
}

#[test]
fn a_new_policy_counts_from_the_next_launch_on() {
    let mut bench = Bench::up(spec(OnFailure));
    let mut spec = spec(Never);
    (spec.name, spec.command) = ("web".to_owned(), vec!["web".into()]);
    let service = crate::engine::Service { spec, log_directory: "/nonexistent".into() };
    bench.supervisor.update(service).unwrap();
    bench.end(Ending::Code(1));
    assert_eq!(bench.state(), Backoff);
    bench.pass(secs(1));
    bench.end(Ending::Code(1));
    assert_eq!((bench.state(), bench.launches().len()), (Failed, 2));
}

#[test]
fn a_service_is_removed_only_when_it_is_down() {
    let mut bench = Bench::up(spec(OnFailure));
    assert!(bench.supervisor.remove("web").is_err());
    bench.verb("stop");
    bench.supervisor.changes().for_each(drop);
    bench.supervisor.remove("web").unwrap();
    let changes: Vec<_> = bench.supervisor.changes().map(|c| (c.name, c.status.is_some())).collect();
    assert_eq!(changes, [("web".to_owned(), false)]);
    assert!(bench.supervisor.status("web").is_err() && bench.supervisor.is_idle());
}

#[test]
fn an_idle_supervisor_has_no_deadline() {
    let mut bench = Bench::up(spec(OnFailure));
    assert_eq!(bench.supervisor.timeout(), None);
    bench.end(Ending::Code(1));
    assert_eq!(bench.supervisor.timeout(), Some(secs(1)));
    bench.verb("stop");
    assert_eq!(bench.supervisor.timeout(), None);
}
