//! What is to be done for one service, from what the store wants and what its manager says. Pure, so that
//! every case is one line of a table.
//!
//! What differs from the store came about in one of three ways, and each is treated in its own:
//! - a command of ours was cut short, or the manager has forgotten: that is completed;
//! - the service ended for good by itself (it gave up, say): it is tried again at boot, once, and left
//!   otherwise;
//! - somebody else did it by hand: that is drift, which is told, and repaired only by force.
//!
//! What an older version of ours made, and nobody touched, is none of these: it is made anew when it does not
//! run. What runs as wanted is not restarted for it.

use anysvc_backend_api::{Boot, Difference, Rest, State, Status};

use crate::store::Desired;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is as it should be.
    Nothing,
    /// The manager does not have it: it is registered (again), and started if it is wanted up.
    Register,
    /// It is made anew from the spec in the store.
    Replace,
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It was changed by hand, and is left so.
    Drift,
    /// It is none of this pass's business, or can't be helped.
    Leave,
    /// The manager's is somebody else's.
    Foreign,
}

impl Action {
    /// The word for it in documents and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Nothing => "none",
            Action::Register => "register",
            Action::Replace => "replace",
            Action::Start => "start",
            Action::Stop => "stop",
            Action::Drift => "drift",
            Action::Leave | Action::Foreign => "leave",
        }
    }
}

/// What is to be done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What.
    pub action: Action,
    /// Why, for people; nothing where it goes without saying.
    pub why: Option<String>,
}

/// What holds for all of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// The manager was started since the last pass.
    pub at_boot: bool,
    /// What was changed by hand is put right.
    pub force: bool,
    /// Of one service: its spec's `boot` wants it otherwise than the operator last asked for.
    pub by_boot: bool,
}

/// What is wanted of a service: what the operator asked for, unless this is a boot and its spec says what
/// is wanted then.
pub fn wanted(desired: Desired, boot: Boot, how: How) -> Desired {
    match boot {
        Boot::Up if how.at_boot => Desired::Up,
        Boot::Down if how.at_boot => Desired::Down,
        _ => desired,
    }
}

/// What is to be done for a service that is wanted so. `status` is what its manager says, if it has it, and
/// `differs` in what that is not what its spec makes.
pub fn decide(wanted: Desired, status: Option<&Status>, differs: &Difference, how: How) -> Verdict {
    let verdict = by_state(wanted, status, how);
    let parts = differs.parts.join(", ");
    if parts.is_empty() || matches!(verdict.action, Action::Register | Action::Leave | Action::Foreign) {
        return verdict;
    }
    let differently = match differs.outdated {
        true => format!("an older version of anysvc made it: {parts}"),
        false => format!("it is not what its spec makes: {parts}"),
    };
    let why = verdict.why.map_or_else(|| differently.clone(), |why| format!("{why}; {differently}"));
    let at_rest = status.is_some_and(|status| matches!(status.state, State::Stopped | State::Failed));
    let action = match verdict.action {
        _ if how.force => Action::Replace,
        Action::Nothing | Action::Start if differs.outdated && at_rest => Action::Replace,
        action if differs.outdated => action,
        Action::Nothing => Action::Drift,
        action => action,
    };
    Verdict { action, why: Some(why) }
}

fn by_state(wanted: Desired, status: Option<&Status>, how: How) -> Verdict {
    let Some(status) = status else { return because(Action::Register, "it was not there") };
    if !status.ours {
        return because(Action::Foreign, "anysvc did not make what is there under this name");
    }
    if status.rest == Some(Rest::Unattended) {
        return because(Action::Register, "nobody kept it up");
    }
    match (status.state, wanted) {
        (State::Unknown, _) => {
            let reason = status.reason.as_deref().unwrap_or("its state is not known");
            because(Action::Leave, reason)
        }
        (State::Running | State::Starting | State::Backoff, Desired::Up) => runs_as_wanted(status, how),
        (State::Stopped | State::Failed, Desired::Up) => should_run(status, how),
        (State::Running | State::Starting | State::Backoff, Desired::Down) => should_not_run(status, how),
        // It is on its way down, which is also what a restart begins with.
        (State::Stopping, Desired::Up) => nothing(),
        (State::Stopped | State::Failed | State::Stopping, Desired::Down) => match status.told_up {
            Some(true) => because(Action::Stop, untold(wanted, how)),
            _ => nothing(),
        },
    }
}

/// Why its manager was not told what is wanted.
fn untold(wanted: Desired, how: How) -> &'static str {
    match wanted {
        _ if !how.by_boot => "an earlier command was cut short",
        Desired::Up => "boot = up",
        Desired::Down => "boot = down",
    }
}

fn nothing() -> Verdict {
    Verdict { action: Action::Nothing, why: None }
}

fn because(action: Action, why: &str) -> Verdict {
    Verdict { action, why: Some(why.to_owned()) }
}

/// It may have been started by hand; then the manager has to be told that it stays so.
fn runs_as_wanted(status: &Status, how: How) -> Verdict {
    match status.told_up {
        Some(false) => because(Action::Start, untold(Desired::Up, how)),
        _ => nothing(),
    }
}

fn should_run(status: &Status, how: How) -> Verdict {
    if status.held_back {
        return Verdict { action: Action::Nothing, why: status.reason.clone() };
    }
    if status.told_up == Some(false) {
        return because(Action::Start, untold(Desired::Up, how));
    }
    if how.at_boot {
        return because(Action::Start, "the machine or container started");
    }
    match (status.rest, status.state) {
        (Some(Rest::Over), _) | (_, State::Failed) if status.rest != Some(Rest::ByHand) => {
            let reason = status.reason.as_deref().unwrap_or("it ended for good");
            because(Action::Leave, reason)
        }
        _ if how.force => because(Action::Start, "it was stopped by hand"),
        _ => because(Action::Drift, "it was stopped by hand"),
    }
}

fn should_not_run(status: &Status, how: How) -> Verdict {
    match status.told_up {
        Some(true) => because(Action::Stop, untold(Desired::Down, how)),
        Some(false) if status.rest != Some(Rest::ByHand) => because(Action::Stop, untold(Desired::Down, how)),
        _ if how.force => because(Action::Stop, "it was started by hand"),
        _ => because(Action::Drift, "it was started by hand"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Desired::{Down, Up};

    const BOOT: How = How { at_boot: true, force: false, by_boot: false };
    const LATER: How = How { at_boot: false, force: false, by_boot: false };
    const FORCE: How = How { at_boot: false, force: true, by_boot: false };

    fn status(state: State, told_up: Option<bool>, rest: Option<Rest>) -> Status {
        Status { told_up, rest, ..Status::new("web", state).made_by_us() }
    }

    #[track_caller]
    fn is(wanted: Desired, status: &Status, at_boot: Action, later: Action, force: Action) {
        for (how, expected) in [(BOOT, at_boot), (LATER, later), (FORCE, force)] {
            assert_eq!(
                decide(wanted, Some(status), &Difference::default(), how).action,
                expected,
                "{wanted:?} {how:?} {status:?}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_registered() {
        for (wanted, how) in [(Up, BOOT), (Down, BOOT), (Up, LATER), (Down, LATER)] {
            assert_eq!(decide(wanted, None, &Difference::default(), how).action, Action::Register);
        }
    }

    #[test]
    fn what_somebody_else_made_is_left() {
        let theirs = Status::new("web", State::Running);
        is(Down, &theirs, Action::Foreign, Action::Foreign, Action::Foreign);
    }

    #[test]
    fn what_is_as_wanted_is_left() {
        use Action::Nothing;
        for state in [State::Running, State::Starting, State::Backoff] {
            is(Up, &status(state, Some(true), None), Nothing, Nothing, Nothing);
            is(Up, &status(state, None, None), Nothing, Nothing, Nothing);
        }
        for state in [State::Stopped, State::Failed, State::Stopping] {
            is(Down, &status(state, Some(false), None), Nothing, Nothing, Nothing);
            is(Down, &status(state, None, Some(Rest::Over)), Nothing, Nothing, Nothing);
        }
        is(Up, &status(State::Stopping, Some(true), None), Nothing, Nothing, Nothing);
    }

    #[test]
    fn what_was_cut_short_is_completed() {
        use Action::{Start, Stop};
        is(Up, &status(State::Stopped, Some(false), None), Start, Start, Start);
        is(Up, &status(State::Failed, Some(false), Some(Rest::Over)), Start, Start, Start);
        is(Up, &status(State::Running, Some(false), None), Start, Start, Start);
        is(Down, &status(State::Running, Some(true), None), Stop, Stop, Stop);
        is(Down, &status(State::Running, Some(false), None), Stop, Stop, Stop);
        is(Down, &status(State::Stopped, Some(true), Some(Rest::Over)), Stop, Stop, Stop);
    }

    #[test]
    fn what_the_boot_wants_otherwise_was_not_cut_short() {
        let why = |wanted, told_up, how| {
            decide(wanted, Some(&status(State::Stopped, told_up, None)), &Difference::default(), how).why
        };
        let cut_short = Some("an earlier command was cut short".to_owned());
        assert_eq!(why(Up, Some(false), BOOT), cut_short);
        assert_eq!(why(Down, Some(true), BOOT), cut_short);
        let by_boot = How { by_boot: true, ..BOOT };
        assert_eq!(why(Up, Some(false), by_boot).as_deref(), Some("boot = up"));
        assert_eq!(why(Down, Some(true), by_boot).as_deref(), Some("boot = down"));
    }

    #[test]
    fn what_nobody_keeps_up_is_registered_again() {
        use Action::Register;
        let left = status(State::Stopped, Some(true), Some(Rest::Unattended));
        is(Up, &left, Register, Register, Register);
        is(Down, &left, Register, Register, Register);
    }

    #[test]
    fn what_ended_for_good_is_started_at_boot_alone() {
        use Action::{Leave, Start};
        is(Up, &status(State::Failed, Some(true), Some(Rest::Over)), Start, Leave, Leave);
        is(Up, &status(State::Stopped, Some(true), Some(Rest::Over)), Start, Leave, Leave);
        is(Up, &status(State::Failed, None, None), Start, Leave, Leave);
    }

    #[test]
    fn what_was_done_by_hand_is_told_and_put_right_by_force() {
        use Action::{Drift, Start, Stop};
        is(Up, &status(State::Stopped, Some(true), Some(Rest::ByHand)), Start, Drift, Start);
        is(Up, &status(State::Failed, Some(true), Some(Rest::ByHand)), Start, Drift, Start);
        is(Up, &status(State::Stopped, None, None), Start, Drift, Start);
        is(Down, &status(State::Running, Some(false), Some(Rest::ByHand)), Drift, Drift, Stop);
        is(Down, &status(State::Running, None, None), Drift, Drift, Stop);
    }

    #[test]
    fn another_spec_is_told_and_put_right_by_force() {
        let parts = Difference { parts: vec!["run".to_owned()], outdated: false };
        let action = |wanted, status: &Status, how| decide(wanted, Some(status), &parts, how).action;
        let runs = status(State::Running, Some(true), None);
        assert_eq!(action(Up, &runs, BOOT), Action::Drift);
        assert_eq!(action(Up, &runs, LATER), Action::Drift);
        assert_eq!(action(Up, &runs, FORCE), Action::Replace);
        let cut_short = status(State::Stopped, Some(false), None);
        assert_eq!(action(Up, &cut_short, LATER), Action::Start);
        let over = status(State::Failed, Some(true), Some(Rest::Over));
        assert_eq!(action(Up, &over, FORCE), Action::Leave, "what gave up is not started over it");
        let why = decide(Up, Some(&runs), &parts, LATER).why;
        assert_eq!(why.as_deref(), Some("it is not what its spec makes: run"));
    }

    #[test]
    fn a_condition_that_holds_back_is_no_drift() {
        let held = Status { held_back: true, ..status(State::Stopped, Some(true), None) };
        is(Up, &held, Action::Nothing, Action::Nothing, Action::Nothing);
    }

    #[test]
    fn boot_says_what_is_wanted_then_and_only_then() {
        for desired in [Up, Down] {
            assert_eq!(wanted(desired, Boot::Up, BOOT), Up);
            assert_eq!(wanted(desired, Boot::Down, BOOT), Down);
            assert_eq!(wanted(desired, Boot::Restore, BOOT), desired);
            for boot in [Boot::Up, Boot::Down, Boot::Restore] {
                assert_eq!(wanted(desired, boot, FORCE), desired);
            }
        }
    }

    #[test]
    fn what_an_older_version_made_is_made_anew_unless_it_runs() {
        let old = Difference { parts: vec!["run".to_owned()], outdated: true };
        let action = |wanted, status: &Status, how| decide(wanted, Some(status), &old, how).action;
        let runs = status(State::Running, Some(true), None);
        assert_eq!(
            decide(Up, Some(&runs), &old, LATER).why.as_deref(),
            Some("an older version of anysvc made it: run")
        );
        let rests = status(State::Stopped, Some(false), None);
        let over = status(State::Failed, Some(true), Some(Rest::Over));
        let by_hand = status(State::Stopped, Some(true), Some(Rest::ByHand));
        assert_eq!(
            [BOOT, LATER, FORCE].map(|how| action(Up, &runs, how)),
            [Action::Nothing, Action::Nothing, Action::Replace]
        );
        assert_eq!([BOOT, LATER].map(|how| action(Down, &rests, how)), [Action::Replace; 2]);
        assert_eq!(
            [BOOT, LATER].map(|how| action(Up, &over, how)),
            [Action::Replace, Action::Leave],
            "tried once"
        );
        assert_eq!([BOOT, LATER].map(|how| action(Up, &by_hand, how)), [Action::Replace, Action::Drift]);
    }
}
