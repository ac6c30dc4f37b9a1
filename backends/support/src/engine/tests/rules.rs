//! The rules of restarting and stopping, each with a simulated clock.

use std::time::Duration;

use anysvc_backend_api::{
    Condition, GiveUp, ReadySpec, RestartPolicy, RestartSpec, ServiceSpec, State, StopSpec,
};

use super::sim::Bench;
use crate::engine::{os::Occurrence, policy::Ending};

use RestartPolicy::{Always, Never, OnFailure};
use State::{Backoff, Failed, Running, Stopped, Stopping};

fn killed(signal: &str) -> Ending {
    Ending::Signal(signal.parse().unwrap())
}

fn spec(policy: RestartPolicy) -> ServiceSpec {
    ServiceSpec {
        restart: RestartSpec { policy: Some(policy), ..RestartSpec::default() },
        ..ServiceSpec::default()
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
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

fn gives_up(after: u32, within: u64, policy: RestartPolicy) -> ServiceSpec {
    let mut spec = spec(policy);
    spec.restart.give_up = Some(GiveUp { after, within: secs(within) });
    spec
}

#[test]
fn the_nth_failure_within_the_time_is_the_last() {
    let mut bench = Bench::up(gives_up(5, 60, OnFailure));
    for failure in 1..=4 {
        bench.end(Ending::Code(1));
        assert_eq!(bench.state(), Backoff, "failure {failure}");
        bench.pass(secs(1));
    }
    bench.end(killed("SEGV"));
    assert_eq!(bench.state(), Failed);
    let expected = "was killed by SEGV; gave up after 5 failures within 60s";
    assert_eq!((bench.reason().as_str(), bench.status().wanted_up), (expected, Some(false)));
    bench.pass(secs(1000));
    assert_eq!(bench.launches().len(), 5);
    // A manual start forgets them all.
    bench.verb("start");
    bench.end(Ending::Code(1));
    assert_eq!((bench.state(), bench.status().restarts), (Backoff, Some(0)));
}

#[test]
fn failures_that_are_too_far_apart_do_not_add_up() {
    let mut bench = Bench::up(gives_up(3, 10, OnFailure));
    for _ in 0..20 {
        bench.pass(millis(4500));
        bench.end(Ending::Code(1));
        assert_eq!(bench.state(), Backoff);
        bench.pass(secs(1));
    }
    // Three within just ten seconds.
    let mut bench = Bench::up(gives_up(3, 10, OnFailure));
    for expected in [Backoff, Backoff, Failed] {
        bench.end(Ending::Code(1));
        assert_eq!(bench.state(), expected);
        bench.pass(secs(5));
    }
}

#[test]
fn planned_restarts_and_good_ends_are_no_failures() {
    for ending in [Ending::Code(75), Ending::Code(0)] {
        let mut bench = Bench::up(gives_up(2, 600, Always));
        for _ in 0..20 {
            bench.end(ending);
            assert_eq!(bench.state(), Backoff, "{ending:?}");
            bench.pass(secs(1));
        }
        bench.end(Ending::Code(1));
        assert_eq!(bench.state(), Backoff, "{ending:?}");
        bench.pass(secs(1));
        bench.end(Ending::Code(1));
        assert_eq!(bench.state(), Failed, "{ending:?}");
    }
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

/// Numbers that only look random: the same every time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn whatever_happens_a_service_is_never_doubled_and_obeys_the_last_word() {
    for seed in 1..=150 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let policy = [Never, OnFailure, Always][dice.below(3) as usize];
        let mut spec = if dice.below(2) == 0 { gives_up(3, 20, policy) } else { spec(policy) };
        spec.restart.delay = Some(millis([0, 1, 1000, 5000][dice.below(4) as usize]));
        let mut bench = Bench::new();
        bench.add(spec, false);
        let mut wanted = false;
        for step in 0..120 {
            let event = dice.below(12);
            let runs = bench.status().pid.is_some();
            match event {
                0 => bench.verb("start"),
                1 => bench.verb("stop"),
                2 => bench.verb("restart"),
                3 => bench.world(|world| world.obedient = !world.obedient),
                4 => bench.world(|world| world.group_left = !world.group_left),
                5 => bench.world(|world| world.refuse = !world.refuse && dice.below(3) == 0),
                6..=8 if runs => {
                    let code = [0, 1, 75, 78, 9][dice.below(5) as usize];
                    bench.end(if code == 9 { killed("KILL") } else { Ending::Code(code) });
                }
                _ => bench.pass(millis(dice.below(4000))),
            }
            match event {
                0 | 2 => wanted = true,
                1 => wanted = false,
                _ => {}
            }
            let status = bench.status();
            let case = format!("seed {seed}, step {step}, event {event}: {status:?}");
            // That no service has two processes is checked by the simulated system at each launch.
            bench.world(|world| assert_eq!(world.living.is_empty(), status.pid.is_none(), "{case}"));
            let alive = matches!(status.state, Running | Stopping | State::Starting);
            assert!(status.pid.is_none() || alive, "{case}");
            if !wanted {
                assert!(matches!(status.state, Stopping | Stopped | Failed), "{case}");
                assert_eq!(status.wanted_up, Some(false), "{case}");
            }
            if status.state == Backoff {
                assert_eq!(status.wanted_up, Some(true), "{case}");
            }
        }
        // In the end it comes down when it is told to, and up when it is told to.
        bench.world(|world| (world.obedient, world.group_left, world.refuse) = (false, false, false));
        bench.verb("stop");
        bench.pass(secs(11));
        assert!(bench.supervisor.is_idle() && bench.supervisor.timeout().is_none(), "seed {seed}");
        bench.verb("start");
        assert_eq!(bench.state(), Running, "seed {seed}");
    }
}
