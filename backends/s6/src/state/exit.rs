//! How a process ended, from wait(2)'s number and from `supervise/death_tally`. It knows nothing of
//! states.
//!
//! A record of the tally (s6: `libs6/s6_dtally_unpack.c`) is a stamp of 12 bytes, an exit code (128 and
//! the signal for a death by one) and a signal.

use std::time::SystemTime;

use anysvc_backend_api::{Exit, Signal};

use super::decode::Stamp;

/// The size of one.
pub(crate) const RECORD: usize = 14;

/// From a wait status.
pub(crate) fn of_wstat(wstat: u16, at: Option<SystemTime>) -> Exit {
    // wait(2): the low seven bits are the signal; without one the next byte is the exit code.
    match i32::from(wstat & 0x7f) {
        0 => Exit { code: Some(i32::from(wstat >> 8)), signal: None, at },
        number => by_signal(number, at),
    }
}

/// From a record of a tally.
pub(crate) fn of_tally(record: [u8; RECORD]) -> Exit {
    let [stamp @ .., code, signal] = record;
    let at = Stamp::unpack(stamp).time();
    match signal {
        0 => Exit { code: Some(i32::from(code)), signal: None, at },
        signal => by_signal(i32::from(signal), at),
    }
}

fn by_signal(number: i32, at: Option<SystemTime>) -> Exit {
    let name = Signal::from_number(number).map_or_else(|| number.to_string(), Signal::name);
    Exit { code: None, signal: Some(name), at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_statuses_and_tallies_say_the_same() {
        assert_eq!(of_wstat(0x4e00, None).code, Some(78));
        assert_eq!(of_wstat(0, None).code, Some(0));
        assert_eq!(of_wstat(0x000f, None).signal.as_deref(), Some("TERM"));
        assert_eq!(of_wstat(0x0089, None).signal.as_deref(), Some("KILL"), "the core bit is no signal");
        let record = |code, signal| {
            let mut record = [0x40; RECORD];
            (record[12], record[13]) = (code, signal);
            record
        };
        assert_eq!(of_tally(record(3, 0)).code, Some(3));
        assert_eq!(of_tally(record(137, 9)).signal.as_deref(), Some("KILL"));
    }
}
