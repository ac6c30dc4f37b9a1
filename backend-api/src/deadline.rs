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
        let millis = self.remaining().map(|left| left.as_nanos().div_ceil(1_000_000));
        millis.and_then(|millis| millis.try_into().ok()).unwrap_or(u64::MAX)
    }

    /// As it arrives.
    pub(crate) fn from_millis(millis: u64) -> Deadline {
        if millis == u64::MAX { Deadline::NONE } else { Deadline::after(Duration::from_millis(millis)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_too_long_for_milliseconds_does_not_become_a_short_one() {
        for seconds in [u64::MAX / 1000 + 1, u64::MAX / 4, u64::MAX] {
            assert_eq!(Deadline::after(Duration::from_secs(seconds)).to_millis(), u64::MAX, "{seconds}");
        }
        assert!(Deadline::from_millis(u64::MAX - 1).remaining().is_none_or(|left| left.as_secs() > 1 << 50));
        assert_eq!(Deadline::from_millis(0).to_millis(), 0);
    }
}
