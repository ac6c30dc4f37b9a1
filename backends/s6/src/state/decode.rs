//! `supervise/status`, byte by byte. Total: any bytes give a value or a reason, never a panic. It does
//! not know where they come from.
//!
//! Layout (s6: `libs6/s6_svstatus_unpack.c`), big-endian: stamp 12, ready stamp 12, pid 8, (in 2.13
//! alone: pgid 8,) wait status 2, flags 1. The size tells which.

use std::time::{Duration, SystemTime};

/// Of s6 2.2 to 2.12, and from 2.14 on.
pub(crate) const SIZE: usize = 35;
/// Of s6 2.13.
pub(crate) const SIZE_WITH_PGID: usize = 43;
/// The TAI64 label of the Unix epoch as skalibs reckons it: 2^62 and the 37 seconds between TAI and UTC
/// since 2017, for which s6 reads the clock as UTC.
const EPOCH: u64 = (1 << 62) + 37;

/// A TAI64N label: seconds, then nanoseconds. Kept as it is, so that two can be compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    seconds: u64,
    nanos: u32,
}

impl Stamp {
    /// Before every other.
    pub(crate) const NEVER: Stamp = Stamp { seconds: 0, nanos: 0 };

    /// The time it stands for; `None` for what is no time since 1970.
    pub(crate) fn time(self) -> Option<SystemTime> {
        if self.nanos >= 1_000_000_000 {
            return None;
        }
        let since = Duration::new(self.seconds.checked_sub(EPOCH)?, self.nanos);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }

    /// From its twelve bytes.
    pub(crate) fn unpack(bytes: [u8; 12]) -> Stamp {
        let [s0, s1, s2, s3, s4, s5, s6, s7, n0, n1, n2, n3] = bytes;
        let seconds = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        Stamp { seconds, nanos: u32::from_be_bytes([n0, n1, n2, n3]) }
    }
}

/// A status file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    /// When the process started or ended.
    pub(crate) stamp: Stamp,
    /// When it said that it is ready, or when its end was complete.
    pub(crate) ready_stamp: Stamp,
    /// The process: `run`, or `finish` while that runs.
    pub(crate) pid: Option<u32>,
    /// Its process group, where 2.13 tells.
    pub(crate) pgid: Option<u32>,
    /// How the last process ended, as wait(2) has it; 0 as long as none has.
    pub(crate) wstat: u16,
    /// Stopped by us (2.13.2 and newer also set it before the first start).
    pub(crate) paused: bool,
    /// `finish` runs.
    pub(crate) finishing: bool,
    /// It is started again when it ends.
    pub(crate) want_up: bool,
    /// It said that it is ready; while down, that its end is complete.
    pub(crate) ready: bool,
}

/// Why bytes are no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// No layout that we know has this size.
    Size(usize),
    /// The process id can't be one.
    Pid(u64),
}

impl Raw {
    /// Decodes a whole file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Raw, Unreadable> {
        let (pgid, tail) = match bytes.len() {
            SIZE => (None, 32),
            SIZE_WITH_PGID => (Some(u64_at(bytes, 32)), 40),
            other => return Err(Unreadable::Size(other)),
        };
        let flags = bytes[tail + 2];
        Ok(Raw {
            stamp: Stamp::unpack(array_at(bytes, 0)),
            ready_stamp: Stamp::unpack(array_at(bytes, 12)),
            pid: process(u64_at(bytes, 24))?,
            // Only shown, so that nonsense there need not spoil the rest.
            pgid: pgid.and_then(|n| process(n).ok().flatten()),
            wstat: u16::from_be_bytes(array_at(bytes, tail)),
            paused: flags & 1 != 0,
            finishing: flags & 2 != 0,
            want_up: flags & 4 != 0,
            ready: flags & 8 != 0,
        })
    }

    /// The service's own process.
    pub(crate) fn up(&self) -> Option<u32> {
        self.pid.filter(|_| !self.finishing)
    }

    /// Whether nothing of it runs, nor will by itself.
    pub(crate) fn at_rest(&self) -> bool {
        self.is_down() && !self.want_up
    }

    /// Whether nothing of it runs just now.
    pub(crate) fn is_down(&self) -> bool {
        self.pid.is_none() && !self.finishing
    }

    /// Whether its supervisor has not started it yet: both stamps are then that of the supervisor's own
    /// start. Every later pair differs, being two readings of the clock.
    pub(crate) fn never_started(&self) -> bool {
        self.pid.is_none() && self.wstat == 0 && self.stamp == self.ready_stamp
    }
}

fn process(number: u64) -> Result<Option<u32>, Unreadable> {
    match number {
        0 => Ok(None),
        1..=0x7fff_ffff => Ok(Some(number as u32)),
        other => Err(Unreadable::Pid(other)),
    }
}

/// The bytes from `at` on. Callers have checked the size.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array_at(bytes, at))
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
