//! A point in time by which a call has to be done.

use std::time::{Duration, Instant};

/// By when; `NONE` never passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Never.
    pub const NONE: Deadline = Deadline(None);

    /// So long from now.
    pub fn after(time: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(time))
    }

    /// How long is left: zero when it has passed, `None` when it never will.
    pub fn remaining(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// The earlier of the two.
    pub fn min(self, other: Deadline) -> Deadline {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Deadline(Some(a.min(b))),
            (a, b) => Deadline(a.or(b)),
        }
    }

    /// As it crosses: milliseconds from now, rounded up, `u64::MAX` for never.
    pub(crate) fn to_millis(self) -> u64 {
        self.remaining().map_or(u64::MAX, |left| left.as_nanos().div_ceil(1_000_000) as u64)
    }

    /// As it arrives.
    pub(crate) fn from_millis(millis: u64) -> Deadline {
        if millis == u64::MAX { Deadline::NONE } else { Deadline::after(Duration::from_millis(millis)) }
    }
}
