//! Real, changed and random status files.

use std::time::UNIX_EPOCH;

use super::{fixtures::FIXTURES, *};

/// The bytes of a fixture of 2.11.
fn up() -> [u8; SIZE] {
    let up = FIXTURES.iter().find(|f| f.what == "up").unwrap();
    up.bytes().try_into().unwrap()
}

fn changed(change: impl FnOnce(&mut [u8; SIZE])) -> Raw {
    let mut bytes = up();
    change(&mut bytes);
    Raw::decode(&bytes).unwrap()
}

#[test]
fn what_real_supervisors_wrote_is_read() {
    for fixture in &FIXTURES {
        let raw = Raw::decode(&fixture.bytes()).unwrap();
        let of_213 = fixture.version == "2.13";
        let told =
            (raw.up().is_some(), raw.want_up, raw.finishing, raw.paused, raw.wstat, raw.never_started());
        // From 2.13.2 on a service is "paused" until its first start.
        let new = !matches!(fixture.version, "2.11" | "2.12");
        let expected = match fixture.what {
            "never started" => (false, false, false, new, 0, true),
            "up" | "ready" => (true, true, false, false, 0, false),
            "paused" => (true, true, false, true, 0, false),
            "stopped" => (false, false, false, false, 0x000f, false),
            "over" => (false, false, false, false, 0x0300, false),
            "finishing" => (false, true, true, false, 0x0009, false),
            other => panic!("{other}"),
        };
        assert_eq!(told, expected, "{} {}", fixture.version, fixture.what);
        let ready = matches!(fixture.what, "never started" | "stopped" | "over" | "ready");
        assert_eq!(raw.ready, ready, "{} {}", fixture.version, fixture.what);
        let group = if of_213 { raw.pid } else { None };
        assert_eq!(raw.pgid, group, "{} {}", fixture.version, fixture.what);
    }
}

#[test]
fn stamps_are_unix_time_and_what_can_not_be_one_is_none() {
    let time = Raw::decode(&up()).unwrap().stamp.time().unwrap();
    let since = time.duration_since(UNIX_EPOCH).unwrap();
    assert_eq!((since.as_secs(), since.subsec_nanos()), (0x6b01_9604 - 37, 0x1d2a_6e14));
    assert_eq!(changed(|b| b[0] = 0).stamp.time(), None, "before 1970");
    assert_eq!(changed(|b| b[8] = 0xff).stamp.time(), None, "too many nanoseconds");
    assert_eq!(changed(|b| b[..8].fill(0xff)).stamp.time(), None, "after all time");
    assert_eq!(Stamp::NEVER.time(), None);
}

#[test]
fn all_flags_are_read() {
    let all = changed(|b| b[34] = 0x0f);
    assert!(all.paused && all.finishing && all.want_up && all.ready);
    assert_eq!(all.up(), None, "what runs is `finish`");
    let none = changed(|b| b[34] = 0xf0);
    assert!(!none.paused && !none.finishing && !none.want_up && !none.ready);
}

#[test]
fn whatever_the_bytes_there_is_an_answer() {
    for size in 0..64 {
        let decoded = Raw::decode(&vec![0x41; size]);
        let known = size == SIZE || size == SIZE_WITH_PGID;
        let reason = if known { Unreadable::Pid(0x4141_4141_4141_4141) } else { Unreadable::Size(size) };
        assert_eq!(decoded, Err(reason));
    }
    // A generator that every run repeats.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..20_000 {
        let mut bytes = FIXTURES[round % FIXTURES.len()].bytes();
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state.is_multiple_of(3) {
                *byte = (state >> 32) as u8;
            }
        }
        if let Ok(raw) = Raw::decode(&bytes) {
            let _ = (raw.stamp.time(), raw.ready_stamp.time(), raw.up(), raw.never_started());
            assert!(raw.pid.is_none_or(|pid| pid <= i32::MAX as u32));
        }
    }
}
