//! Jobs by what is said of them, without a manager.

use anysvc_backend_api::ErrorKind;

use super::*;
use crate::{
    bus::Refusal,
    manager::{Facts, Listed},
};

fn unit(active: &str, invocation: u8, job: Option<u32>) -> Unit {
    let [id, load, active, sub] = ["web.service", "loaded", active, ""].map(str::to_owned);
    let job = job.map(|number| (number, "start".to_owned()));
    let facts = Facts { invocation: vec![invocation], ..Facts::default() };
    Unit { listed: Listed { id, load, active, sub, job }, facts }
}

/// A job for a unit whose last start was number 1.
fn job(goal: Goal, phase: Phase) -> Job {
    let mut job = Job::new("web", &unit("inactive", 1, None), goal, "StartUnit");
    job.phase = phase;
    job.tries = 1;
    job
}

fn told(job: Job, messages: Vec<Message>) -> Phase {
    let (mut jobs, mut ends) = ([job], HashMap::new());
    for message in messages {
        hear(message, &mut jobs, &mut ends, Scope::System).unwrap();
    }
    jobs[0].phase.clone()
}

fn refusal(name: &str) -> Refusal {
    Refusal { name: name.into(), text: "because".into() }
}

#[test]
fn a_job_may_end_before_its_number_is_told() {
    let end = || Message::JobRemoved(9, "done".into());
    let start = || Message::Queued(4, Ok(9));
    for messages in [vec![start(), end()], vec![end(), start()]] {
        assert_eq!(told(job(Goal::Up, Phase::Asked(4)), messages), Phase::Over(Ok(())));
    }
    // What others do is no progress of ours, after which nothing would have to be looked at.
    let mut jobs = [job(Goal::Up, Phase::Queued(9))];
    let mut hint = |number| {
        let ended = Message::JobRemoved(number, "done".into());
        hear(ended, &mut jobs, &mut HashMap::new(), Scope::System)
    };
    assert_eq!([hint(8), hint(9)], [Ok(Hint::Nothing), Ok(Hint::Progress)]);
    // Those of others are not ours.
    let other = vec![Message::JobRemoved(8, "failed".into()), start()];
    assert_eq!(told(job(Goal::Down, Phase::Asked(4)), other), Phase::Queued(9));
}

#[test]
fn results_of_jobs_are_told_apart() {
    for (goal, result, kind) in [
        (Goal::Up, "done", None),
        (Goal::Up, "skipped", None),
        // Its process ended at once: its status says how.
        (Goal::Up, "failed", None),
        (Goal::Again, "failed", None),
        (Goal::Down, "failed", Some(ErrorKind::CommandFailed)),
        (Goal::Up, "dependency", Some(ErrorKind::CommandFailed)),
        (Goal::Up, "canceled", Some(ErrorKind::CommandFailed)),
        (Goal::Up, "timeout", Some(ErrorKind::CommandFailed)),
        (Goal::Up, "something new", Some(ErrorKind::CommandFailed)),
    ] {
        let phase = told(job(goal, Phase::Queued(9)), vec![Message::JobRemoved(9, result.into())]);
        let Phase::Over(end) = phase else { panic!("{result} is an end") };
        assert_eq!(end.err().map(|error| error.kind), kind, "{result}");
    }
}

#[test]
fn a_refusal_is_an_end_and_no_answer_is_none() {
    for (name, kind) in [
        ("org.freedesktop.systemd1.NoSuchUnit", ErrorKind::NotRegistered),
        ("org.freedesktop.DBus.Error.AccessDenied", ErrorKind::PermissionDenied),
        ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ErrorKind::PermissionDenied),
        ("org.freedesktop.systemd1.UnitMasked", ErrorKind::CommandFailed),
        ("a.b.New", ErrorKind::CommandFailed),
    ] {
        let phase = told(job(Goal::Up, Phase::Asked(4)), vec![Message::Queued(4, Err(refusal(name)))]);
        let Phase::Over(Err(error)) = phase else { panic!("{name} is an end") };
        assert_eq!((error.kind, error.native_code.as_deref()), (kind, Some(name)));
    }
    let lost = refusal("org.freedesktop.DBus.Error.NoReply");
    let mut jobs = [job(Goal::Up, Phase::Asked(4))];
    let heard = hear(Message::Queued(4, Err(lost.clone())), &mut jobs, &mut HashMap::new(), Scope::System);
    assert_eq!(heard, Err(Failure::Refused(lost)));
    assert_eq!(jobs[0].phase, Phase::Asked(4), "what became of it has to be looked at");
}

#[test]
fn without_a_word_the_unit_decides() {
    let over = || Phase::Over(Ok(()));
    for (goal, seen, phase) in [
        (Goal::Up, unit("active", 1, None), over()),
        // It was started, and has ended again.
        (Goal::Up, unit("failed", 2, None), over()),
        (Goal::Up, unit("inactive", 1, Some(5)), Phase::Queued(5)),
        // The order was lost with the connection.
        (Goal::Up, unit("inactive", 1, None), Phase::Waiting),
        (Goal::Again, unit("active", 1, None), Phase::Waiting),
        (Goal::Again, unit("active", 2, None), over()),
        (Goal::Down, unit("failed", 1, None), over()),
        (Goal::Down, unit("active", 1, None), Phase::Waiting),
        (Goal::Down, unit("deactivating", 1, None), Phase::Queued(0)),
    ] {
        let mut job = job(goal, Phase::Queued(3));
        job.look(&seen);
        assert_eq!(job.phase, phase, "{goal:?} {seen:?}");
    }
}

#[test]
fn an_order_that_leaves_no_trace_is_not_given_for_ever() {
    let lost = |times: u32, answer: fn(u32) -> Message| {
        let mut jobs = [Job { tries: 0, ..job(Goal::Up, Phase::Waiting) }];
        for call in 0..times {
            jobs[0].phase = Phase::Asked(call);
            hear(answer(call), &mut jobs, &mut HashMap::new(), Scope::System).unwrap();
            jobs[0].look(&unit("inactive", 1, None));
        }
        jobs[0].phase.clone()
    };
    let taken = |call| Message::Queued(call, Ok(call));
    assert_eq!(lost(TRIES - 1, taken), Phase::Waiting);
    let Phase::Over(Err(error)) = lost(TRIES, taken) else { panic!("that is enough") };
    assert_eq!(error.kind, ErrorKind::CommandFailed);
    // What the manager never got is not for it to have done.
    assert_eq!(lost(10 * TRIES, |_| Message::Other), Phase::Waiting);
}

#[test]
fn one_that_says_when_it_is_ready_is_up_when_its_process_runs() {
    let mut seen = unit("activating", 2, Some(5));
    seen.listed.sub = "start".into();
    let mut early = job(Goal::Up, Phase::Queued(5));
    early.early = true;
    early.look(&seen);
    assert_eq!(early.phase, Phase::Queued(5), "there is no process yet");
    seen.facts.pid = 7;
    early.look(&seen);
    assert_eq!(early.phase, Phase::Over(Ok(())));
}

#[test]
fn what_is_gone_is_down_and_not_up() {
    let mut gone = unit("inactive", 1, None);
    gone.listed.load = "not-found".into();
    let mut down = job(Goal::Down, Phase::Queued(3));
    down.look(&gone);
    assert_eq!(down.phase, Phase::Over(Ok(())));
    let mut up = job(Goal::Up, Phase::Queued(3));
    up.look(&gone);
    assert!(matches!(up.phase, Phase::Over(Err(error)) if error.kind == ErrorKind::NotRegistered));
}
