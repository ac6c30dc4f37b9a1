use std::time::UNIX_EPOCH;

use super::*;

/// Written by Debian's s6 2.11.3, `s6-svstat`: `up (pid 7) 0 seconds`.
const UP: [u8; SIZE] = [
    0x40, 0, 0, 0, 0x69, 0x20, 0x52, 0x8a, 0x0a, 0x3b, 0x2c, 0x1d, 0x40, 0, 0, 0, 0x69, 0x20, 0x52, 0x89,
    0x1a, 0x2b, 0x3c, 0x0d, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 4,
];

/// The same in the layout of 2.13 (`libs6/s6_svstatus_pack.c` there), in group 9.
fn with_pgid() -> Vec<u8> {
    let mut bytes = UP[..32].to_vec();
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 9]);
    bytes.extend(&UP[32..]);
    bytes
}

fn changed(change: impl FnOnce(&mut [u8; SIZE])) -> Raw {
    let mut bytes = UP;
    change(&mut bytes);
    Raw::decode(&bytes).unwrap()
}

#[test]
fn both_layouts_say_the_same() {
    let short = Raw::decode(&UP).unwrap();
    let long = Raw::decode(&with_pgid()).unwrap();
    assert_eq!((short.pid, short.pgid, long.pgid), (Some(7), None, Some(9)));
    assert_eq!(Raw { pgid: None, ..long }, short);
    assert_eq!(short.up(), Some(7));
    assert!(short.want_up && !short.paused && !short.finishing && !short.ready);
}

#[test]
fn stamps_are_unix_time_and_what_can_not_be_one_is_none() {
    let time = Raw::decode(&UP).unwrap().stamp.time().unwrap();
    let since = time.duration_since(UNIX_EPOCH).unwrap();
    assert_eq!((since.as_secs(), since.subsec_nanos()), (0x6920_528a - 37, 0x0a3b_2c1d));
    assert_eq!(changed(|b| b[0] = 0).stamp.time(), None, "before 1970");
    assert_eq!(changed(|b| b[8] = 0xff).stamp.time(), None, "too many nanoseconds");
    assert_eq!(changed(|b| b[..8].fill(0xff)).stamp.time().is_some(), cfg!(any()), "after all time");
    assert_eq!(Stamp::NEVER.time(), None);
}

#[test]
fn flags_and_wait_status_are_read() {
    let all = changed(|b| b[34] = 0x0f);
    assert!(all.paused && all.finishing && all.want_up && all.ready);
    assert_eq!(all.up(), None, "what runs is `finish`");
    let down = changed(|b| {
        b[31] = 0;
        b[32] = 0x4e;
        b[34] = 8;
    });
    assert_eq!((down.pid, down.wstat, down.at_rest()), (None, 0x4e00, true));
}

#[test]
fn only_what_no_process_was_started_for_was_never_started() {
    let fresh = |b: &mut [u8; SIZE]| {
        b.copy_within(0..12, 12);
        b[31] = 0;
    };
    assert!(changed(fresh).never_started());
    assert!(!changed(|b| b[31] = 0).never_started(), "stamps differ after an end");
    assert!(!changed(|b| b.copy_within(0..12, 12)).never_started(), "it runs");
    // 2.13.2 and newer call it paused until the first start.
    assert!(
        changed(|b| {
            fresh(b);
            b[34] = 5;
        })
        .never_started()
    );
}

#[test]
fn whatever_the_bytes_there_is_an_answer() {
    for size in 0..64 {
        let decoded = Raw::decode(&vec![0x41; size]);
        let known = size == SIZE || size == SIZE_WITH_PGID;
        assert_eq!(
            decoded,
            Err(if known { Unreadable::Pid(0x4141_4141_4141_4141) } else { Unreadable::Size(size) })
        );
    }
    // A generator that any run repeats.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..20_000 {
        let mut bytes = if round % 2 == 0 { UP.to_vec() } else { with_pgid() };
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state % 3 == 0 {
                *byte = (state >> 32) as u8;
            }
        }
        if let Ok(raw) = Raw::decode(&bytes) {
            let _ = (raw.stamp.time(), raw.ready_stamp.time(), raw.up(), raw.never_started());
            assert!(raw.pid.is_none_or(|pid| pid <= i32::MAX as u32));
        }
    }
}
