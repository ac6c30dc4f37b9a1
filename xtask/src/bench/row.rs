//! A line of the table: what was measured, and what it has to be.

use super::samples::Samples;
use serde_json::{Value, json};

/// The table's first line.
pub const HEADING: &str =
    "name                        ours         peer  unit    ratio     goal  met  the goal in words";

/// What a row has to be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At most so many times the peer.
    Times(f64),
    /// At most so much more than the peer, in the row's unit.
    Over(f64),
    /// At most the peer, which is the budget itself.
    Budget,
}

/// A comparison, measured.
#[derive(Debug)]
pub struct Row {
    name: &'static str,
    unit: &'static str,
    ours: f64,
    peer: f64,
    goal: Goal,
    notes: Vec<String>,
}

impl Row {
    /// The medians of two samples, in microseconds; how they are spread becomes a note.
    pub fn times(name: &'static str, ours: &Samples, peer: &Samples, goal: Goal) -> Row {
        let ratio = |at| ours.quantile(at) / peer.quantile(at);
        let note =
            format!("ratio of the minima {:.3}, of the lower quartiles {:.3}", ratio(0.0), ratio(0.25));
        Row::new(name, "us", ours.median(), peer.median(), goal).note(note)
    }

    /// Ours and the peer's, in that unit.
    pub fn new(name: &'static str, unit: &'static str, ours: f64, peer: f64, goal: Goal) -> Row {
        Row { name, unit, ours, peer, goal, notes: Vec::new() }
    }

    /// One that is to be at most so much.
    pub fn budget(name: &'static str, unit: &'static str, ours: f64, most: f64) -> Row {
        Row::new(name, unit, ours, most, Goal::Budget)
    }

    /// With a line below it in the table.
    pub fn note(mut self, note: impl Into<String>) -> Row {
        self.notes.push(note.into());
        self
    }

    fn ratio(&self) -> f64 {
        self.ours / self.peer
    }

    /// The goal as the ratio that must not be exceeded.
    fn highest(&self) -> f64 {
        match self.goal {
            Goal::Times(times) => times,
            Goal::Over(more) => (self.peer + more) / self.peer,
            Goal::Budget => 1.0,
        }
    }

    fn met(&self) -> bool {
        self.ratio() <= self.highest()
    }

    fn words(&self) -> String {
        match self.goal {
            Goal::Times(times) if times <= 0.5 => {
                format!("at least {:.0} x faster than the peer", 1.0 / times)
            }
            Goal::Times(times) => format!("at most {times} x the peer"),
            Goal::Over(more) => format!("at most {more} {} over the peer", self.unit),
            Goal::Budget => format!("at most {} {}", self.peer, self.unit),
        }
    }

    /// The same for programs: `met` is `ratio <= goal`.
    pub fn json(&self) -> Value {
        json!({
            "name": self.name, "unit": self.unit, "ours": self.ours, "peer": self.peer,
            "ratio": self.ratio(), "goal": self.highest(), "met": self.met(),
            "words": self.words(), "notes": self.notes,
        })
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Row { name, unit, ours, peer, .. } = self;
        let (ratio, highest) = (self.ratio(), self.highest());
        let met = if self.met() { "yes" } else { "NO" };
        let numbers = format!("{ours:>12.2} {peer:>12.2}  {unit:<4} {ratio:>8.4} {highest:>8.4}");
        write!(f, "{name:<19} {numbers}  {met:<3}  {}", self.words())?;
        self.notes.iter().try_for_each(|note| write!(f, "\n    {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(ours: f64, peer: f64, goal: Goal) -> bool {
        Row::new("it", "us", ours, peer, goal).met()
    }

    #[test]
    fn a_goal_can_be_missed() {
        assert!(met(1.4, 1.0, Goal::Times(1.4)) && !met(1.41, 1.0, Goal::Times(1.4)));
        assert!(met(15.0, 10.0, Goal::Over(5.0)) && !met(15.1, 10.0, Goal::Over(5.0)));
        assert!(met(3.0, 3.0, Goal::Budget) && !met(3.1, 3.0, Goal::Budget));
        // What could not be measured is not met.
        assert!(!met(f64::NAN, 1.0, Goal::Times(1.0)));
    }

    #[test]
    fn the_goal_is_a_ratio_for_programs() {
        let json = Row::new("it", "us", 12.0, 10.0, Goal::Over(5.0)).json();
        assert_eq!((json["goal"].as_f64(), json["ratio"].as_f64()), (Some(1.5), Some(1.2)));
    }
}
