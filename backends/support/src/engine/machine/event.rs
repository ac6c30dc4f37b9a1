//! What goes into a state machine and what comes out of it. Types only.

use std::time::{Instant, SystemTime};

use anysvc_backend_api::Signal;

use crate::engine::policy::Ending;

/// A point in time, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For deadlines.
    pub mono: Instant,
    /// For people.
    pub wall: SystemTime,
}

/// What happened to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants it up.
    Start,
    /// Somebody wants it down.
    Stop,
    /// Somebody wants a new process of it.
    Restart,
    /// A process of it is left from before, and has to end first.
    Inherited {
        /// The process.
        pid: u32,
        /// Whether a new one is wanted after that.
        up: bool,
    },
    /// The answer to [`Action::Launch`]: there is a process.
    Launched {
        /// The process.
        pid: u32,
    },
    /// The answer to [`Action::Launch`]: its condition does not hold.
    HeldBack,
    /// Its program could not be executed, with the reason; no process of it lives.
    Refused(String),
    /// Its program runs now.
    Executed,
    /// It said that it is ready.
    Ready,
    /// Its main process ended, and its group was killed.
    Ended(Ending),
    /// The answer to [`Action::LookForGroup`]: whether somebody of the group is left.
    Group(bool),
    /// The deadline of the last [`Action::Arm`] came.
    Timer,
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Look at the condition and start a process; answer with an event at once.
    Launch,
    /// Send this signal, which asks it to stop, to the main process.
    Signal(Signal),
    /// Kill the whole group.
    KillGroup,
    /// See whether somebody of the group is left; answer with an event at once.
    LookForGroup {
        /// Look closely: zombies that nobody reaps do not count.
        closely: bool,
    },
    /// Have an [`Event::Timer`] then; an earlier deadline counts no more.
    Arm(Instant),
    /// No deadline any more.
    Cancel,
}
