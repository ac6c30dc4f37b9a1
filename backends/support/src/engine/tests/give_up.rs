//! When restarting ends, with a simulated clock.

use anysvc_backend_api::{GiveUp, RestartPolicy, ServiceSpec, State};

use super::{
    rules::{killed, millis, secs, spec},
    sim::Bench,
};
use crate::engine::policy::Ending;

use RestartPolicy::{Always, OnFailure};
use State::{Backoff, Failed};

pub(super) fn gives_up(after: u32, within: u64, policy: RestartPolicy) -> ServiceSpec {
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
