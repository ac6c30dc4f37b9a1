//! Which state follows from which status.

use super::*;
use crate::state::decode::{SIZE, fixtures::FIXTURES};

const NONE: Facts = Facts {
    ours: true,
    parts: Parts::ANY,
    down_file: false,
    delayed: false,
    waited: false,
    held_back: false,
    gave_up: false,
    over: false,
    told_down: None,
    cut_short: false,
};
const WANT_UP: u8 = 4;
const FINISHING: u8 = 2;

/// A status file: process, wait status, flags, and whether a process was ever started.
fn raw(pid: u8, wstat: u16, flags: u8, started: bool) -> Raw {
    let mut bytes = [0; SIZE];
    bytes[0] = 0x40;
    bytes[4] = 0x69;
    bytes[12] = 0x40;
    bytes[16] = 0x69;
    bytes[23] = u8::from(started);
    bytes[31] = pid;
    bytes[32..34].copy_from_slice(&wstat.to_be_bytes());
    bytes[34] = flags;
    Raw::decode(&bytes).unwrap()
}

fn judged(raw: Raw, facts: Facts) -> Status {
    let mut status = Status::new("web", State::Unknown);
    live(&mut status, &raw, facts);
    status
}

#[track_caller]
fn is(raw: Raw, facts: Facts, state: State) {
    let status = judged(raw, facts);
    assert_eq!(status.state, state, "{status:?}");
}

#[test]
fn what_real_supervisors_wrote_is_judged() {
    for fixture in &FIXTURES {
        let expected = match fixture.what {
            "never started" | "stopped" => State::Stopped,
            "up" | "paused" | "ready" => State::Running,
            "over" => State::Failed,
            _ => State::Backoff,
        };
        let facts = Facts { down_file: expected == State::Stopped, ..NONE };
        let status = judged(Raw::decode(&fixture.bytes()).unwrap(), facts);
        assert_eq!(status.state, expected, "{} {}", fixture.version, fixture.what);
        assert_eq!(
            status.last_exit.is_none(),
            matches!(fixture.what, "never started" | "up" | "paused" | "ready")
        );
        assert!(status.since.is_some());
    }
}

#[test]
fn what_runs() {
    is(raw(7, 0, WANT_UP, true), NONE, State::Running);
    is(raw(7, 0, 0, true), NONE, State::Stopping);
    is(raw(7, 0, WANT_UP, true), Facts { delayed: true, ..NONE }, State::Backoff);
    assert_eq!(judged(raw(7, 0, WANT_UP, true), Facts { delayed: true, ..NONE }).pid, None);
}

#[test]
fn what_ends() {
    is(raw(7, 0x0100, WANT_UP | FINISHING, true), NONE, State::Backoff);
    is(raw(7, 0x0100, FINISHING, true), NONE, State::Stopping);
    let ending = judged(raw(7, 0x0100, FINISHING, true), NONE);
    assert_eq!((ending.pid, ending.last_exit.unwrap().code), (None, Some(1)), "the pid is that of `finish`");
}

#[test]
fn what_is_down() {
    is(raw(0, 0, WANT_UP, false), NONE, State::Starting);
    is(raw(0, 0, WANT_UP, true), NONE, State::Backoff);
    is(raw(0, 0, 0, false), NONE, State::Stopped);
    is(raw(0, 0, 0, true), NONE, State::Stopped);
    is(raw(0, 0x4e00, 0, true), NONE, State::Failed);
    is(raw(0, 9, 0, true), NONE, State::Failed);
    let stopped = Facts { down_file: true, ..NONE };
    is(raw(0, 0x4e00, 0, true), stopped, State::Stopped);
    assert_eq!(judged(raw(0, 15, 0, true), stopped).reason.as_deref(), Some("stopped"));
    let foreign = Facts { ours: false, ..NONE };
    is(raw(0, 15, 0, true), foreign, State::Stopped);
    is(raw(0, 0x0100, 0, true), foreign, State::Failed);
}

#[test]
fn what_is_held_back_or_given_up_says_so() {
    let held = judged(raw(0, 0, 0, true), Facts { held_back: true, ..NONE });
    assert_eq!((held.state, held.held_back), (State::Stopped, true));
    assert_eq!(held.reason.as_deref(), Some("condition not met"));
    let gave_up = judged(raw(0, 0x0100, 0, true), Facts { gave_up: true, ..NONE });
    assert_eq!(gave_up.state, State::Failed);
    assert!(gave_up.reason.unwrap().contains("given up"));
}

#[test]
fn without_a_supervisor_nothing_is_made_up() {
    let mut status = Status::new("web", State::Unknown);
    unsupervised(&mut status, &Told::Status(raw(7, 0, WANT_UP, true)), Some(false));
    assert_eq!((status.state, status.pid, status.wanted_up), (State::Unknown, None, None));
    assert!(status.reason.unwrap().contains("process 7"));
    for told in [Told::Nothing, Told::Status(raw(0, 0x0100, WANT_UP, true))] {
        let mut status = Status::new("web", State::Unknown);
        unsupervised(&mut status, &told, Some(false));
        assert_eq!(status.state, State::Stopped);
    }
    let mut status = Status::new("web", State::Unknown);
    unsupervised(&mut status, &Told::Unreadable(Unreadable::Size(51)), Some(true));
    assert_eq!(status.state, State::Unknown);
    assert!(status.reason.unwrap().contains("51 bytes"));
}
