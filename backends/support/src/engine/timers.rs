//! One queue of deadlines for all services: each has at most one at a time. Knows no clock.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::Instant,
};

/// The deadlines, earliest first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    /// Which entry of the heap counts for a key; what is in the heap besides is stale.
    armed: HashMap<u32, u64>,
    stamp: u64,
}

impl Timers {
    /// Sets the deadline of a key; an earlier one counts no more.
    pub(super) fn arm(&mut self, key: u32, at: Instant) {
        self.stamp += 1;
        self.armed.insert(key, self.stamp);
        self.heap.push(Reverse((at, self.stamp, key)));
        // Deadlines that were cancelled stay in the heap until they pass. Where these are the most (ten
        // seconds for each stop that took a millisecond), they are cleared away.
        if self.heap.len() > 64 && self.heap.len() > 2 * self.armed.len() {
            let armed = &self.armed;
            self.heap.retain(|Reverse((_, stamp, key))| armed.get(key) == Some(stamp));
        }
        self.settle();
    }

    /// The key has no deadline any more.
    pub(super) fn cancel(&mut self, key: u32) {
        self.armed.remove(&key);
        self.settle();
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// A key whose deadline has come; it has none then.
    pub(super) fn due(&mut self, now: Instant) -> Option<u32> {
        let Reverse((at, _, key)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.cancel(key);
        Some(key)
    }

    /// Drops what is stale at the top, so that the top always counts.
    fn settle(&mut self) {
        while let Some(Reverse((_, stamp, key))) = self.heap.peek()
            && self.armed.get(key) != Some(stamp)
        {
            self.heap.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn deadlines_come_in_order_and_only_the_latest_of_a_key_counts() {
        let zero = Instant::now();
        let at = |s| zero + Duration::from_secs(s);
        let mut timers = Timers::default();
        timers.arm(1, at(5));
        timers.arm(2, at(3));
        timers.arm(1, at(4));
        timers.arm(3, at(1));
        timers.cancel(3);
        assert_eq!(timers.next(), Some(at(3)));
        assert_eq!(timers.due(at(2)), None);
        assert_eq!([timers.due(at(9)), timers.due(at(9)), timers.due(at(9))], [Some(2), Some(1), None]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn cancelled_deadlines_do_not_pile_up() {
        let mut timers = Timers::default();
        let now = Instant::now();
        for _ in 0..100_000 {
            timers.arm(7, now);
            timers.cancel(7);
        }
        assert!(timers.heap.len() <= 65, "{}", timers.heap.len());
    }
}
