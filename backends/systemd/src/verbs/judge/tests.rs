//! What systemd 252 said of units, and what that means.

use std::time::Duration;

use super::*;

fn at(seconds: u64) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn unit(active: &str, sub: &str, facts: Facts) -> Unit {
    let [id, load, active, sub] = ["web.service", "loaded", active, sub].map(str::to_owned);
    Unit { listed: Listed { id, load, active, sub, job: None }, facts }
}

/// One that ran from 10 to 20, and ended so.
fn ran(result: &str, code: u32, status: u32) -> Facts {
    Facts {
        result: result.into(),
        code,
        status,
        set_out: at(10),
        began: at(10),
        became_active: at(10),
        ended: at(20),
        left_active: at(20),
        changed: at(20),
        kind: "exec".into(),
        ..Facts::default()
    }
}

const OURS: Own = Own { ours: true, enabled: true, restored: true, stopped: false, gone: false };

#[track_caller]
fn judged(unit: &Unit, own: Own, state: State, reason: Option<&str>) -> Status {
    let status = status("web", unit, own);
    assert_eq!((status.state, status.reason.as_deref()), (state, reason), "{status:?}");
    status
}

#[test]
fn one_that_runs() {
    let facts = Facts { pid: 7, became_active: at(10), changed: at(15), ..Facts::default() };
    let status = judged(&unit("active", "running", facts), OURS, State::Running, None);
    assert_eq!((status.pid, status.since, status.wanted_up), (Some(7), at(10), Some(true)));
    assert_eq!((status.ready, status.last_exit), (None, None));
}

#[test]
fn one_that_says_when_it_is_ready_runs_before_it_does() {
    let facts = Facts { pid: 7, kind: "notify".into(), began: at(10), ..Facts::default() };
    let early = judged(&unit("activating", "start", facts.clone()), OURS, State::Running, None);
    assert_eq!((early.ready, early.since), (Some(false), at(10)));
    let late = judged(&unit("active", "running", facts), OURS, State::Running, None);
    assert_eq!(late.ready, Some(true));
}

#[test]
fn one_on_the_way() {
    for (active, sub, state) in [
        ("activating", "start-pre", State::Starting),
        ("activating", "condition", State::Starting),
        ("deactivating", "stop-sigterm", State::Stopping),
        ("reloading", "reload", State::Running),
    ] {
        judged(&unit(active, sub, Facts::default()), OURS, state, None);
    }
    let mut queued = unit("inactive", "dead", Facts::default());
    queued.listed.job = Some((5, "start".to_owned()));
    assert_eq!(judged(&queued, OURS, State::Starting, None).wanted_up, Some(true));
}

#[test]
fn one_that_waits_for_its_restart() {
    let facts = Facts { set_out: at(20), ..ran("exit-code", EXITED, 3) };
    for sub in ["auto-restart", "auto-restart-queued"] {
        let reason = Some("it exited with 3; it will be started again");
        let status = judged(&unit("activating", sub, facts.clone()), OURS, State::Backoff, reason);
        assert_eq!(status.last_exit.and_then(|exit| exit.code), Some(3));
    }
}

#[test]
fn one_that_was_stopped_is_stopped_however_it_ended() {
    // It left its active state at the order, and ended after it.
    let stopped = |facts| Facts { left_active: at(15), ..facts };
    let status = judged(
        &unit("inactive", "dead", stopped(ran("success", KILLED, 15))),
        OURS,
        State::Stopped,
        Some("stopped"),
    );
    assert_eq!(status.last_exit.and_then(|exit| exit.signal).as_deref(), Some("TERM"));
    judged(
        &unit("failed", "failed", stopped(ran("timeout", KILLED, 9))),
        OURS,
        State::Stopped,
        Some("stopped"),
    );
    // During the delay: it failed, and is not `failed`.
    judged(
        &unit("inactive", "dead", ran("exit-code", EXITED, 1)),
        Own::default(),
        State::Stopped,
        Some("stopped"),
    );
    let waiting = Facts { set_out: at(20), ..ran("success", EXITED, 0) };
    let status = judged(&unit("inactive", "dead", waiting), OURS, State::Stopped, Some("stopped"));
    assert_eq!(status.rest, None);
    // `stop` takes the link away.
    let own = Own { stopped: true, restored: false, enabled: false, ..OURS };
    judged(&unit("failed", "failed", ran("exit-code", EXITED, 1)), own, State::Stopped, Some("stopped"));
    // And so it is before the first start.
    let down = judged(&unit("inactive", "dead", Facts::default()), own, State::Stopped, None);
    // One whose `stop` was cut short still has it.
    let up = judged(&unit("inactive", "dead", Facts::default()), OURS, State::Stopped, None);
    assert_eq!((down.told_up, up.told_up), (None, Some(true)));
}

#[test]
fn one_that_is_done() {
    let unit = unit("inactive", "dead", ran("success", EXITED, 0));
    let status = judged(&unit, OURS, State::Stopped, Some("it exited with 0, and is done"));
    assert_eq!((status.wanted_up, status.rest), (Some(false), Some(Rest::Over)));
}

#[test]
fn one_that_failed_for_good() {
    for (facts, reason) in [
        (ran("exit-code", EXITED, 78), "it exited with 78; it will not be started again by itself"),
        (ran("signal", KILLED, 9), "it was killed by KILL; it will not be started again by itself"),
        (ran("core-dump", DUMPED, 11), "it was killed by SEGV; it will not be started again by itself"),
        (
            ran("exit-code", EXITED, 203),
            "its program can't be executed (systemd's exit code 203); it will not be started again by itself",
        ),
        (ran("watchdog", KILLED, 6), "it was killed by ABRT, because it did not say in time that it lives"),
        (
            Facts { set_out: at(20), ..ran("exit-code", EXITED, 1) },
            "it exited with 1, as it did too often; it was given up",
        ),
    ] {
        let status = judged(&unit("failed", "failed", facts), OURS, State::Failed, Some(reason));
        assert_eq!(status.rest, Some(Rest::Over));
    }
    // Stopped for a restart, and then not begun.
    let facts = Facts { left_active: at(15), set_out: at(21), ..ran("resources", KILLED, 15) };
    let reason = "systemd could not start it; it will not be tried again by itself";
    judged(&unit("failed", "failed", facts), OURS, State::Failed, Some(reason));
}

#[test]
fn a_signal_that_nobody_sent_to_stop_it_is_a_failure_of_ours() {
    // systemd calls TERM a clean end.
    let unit = unit("inactive", "dead", ran("success", KILLED, 15));
    let reason = "it was killed by TERM; it will not be started again by itself";
    judged(&unit, OURS, State::Failed, Some(reason));
    judged(&unit, Own::default(), State::Stopped, Some("it was killed by TERM, and is done"));
}

#[test]
fn one_whose_condition_is_false_is_held_back() {
    let own_condition = ran("exec-condition", EXITED, 1);
    let condition = Facts { condition: Some(false), condition_at: at(5), ..Facts::default() };
    for facts in [own_condition, condition] {
        let status =
            judged(&unit("inactive", "dead", facts), OURS, State::Stopped, Some("condition not met"));
        assert!(status.held_back);
        assert_eq!(status.last_exit, None, "what ended was the condition");
    }
    // It held when it was looked at last.
    let old = Facts { condition: Some(false), condition_at: at(5), ..ran("success", EXITED, 0) };
    assert!(!status("web", &unit("inactive", "dead", old), OURS).held_back);
}

#[test]
fn units_that_can_not_be_used() {
    let mut masked = unit("inactive", "dead", Facts::default());
    masked.listed.load = "masked".into();
    judged(&masked, Own::default(), State::Stopped, Some("its unit is masked"));
    masked.listed.load = "bad-setting".into();
    judged(&masked, Own::default(), State::Stopped, Some("systemd can't use its unit: bad-setting"));
    let odd = unit("maintenance", "odd", Facts::default());
    judged(&odd, Own::default(), State::Unknown, Some("systemd calls it maintenance (odd)"));
}

#[test]
fn one_whose_file_somebody_removed_is_kept_up_by_nobody() {
    let mut running = unit("active", "running", Facts { pid: 7, ..Facts::default() });
    running.listed.load = "not-found".into();
    let own = Own { gone: true, ..OURS };
    let status = judged(&running, own, State::Running, Some("the file of its unit is gone"));
    assert_eq!((status.told_up, status.rest), (Some(true), Some(Rest::Unattended)));
}
