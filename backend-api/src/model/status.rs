//! What is known of a service now. Absent knowledge is `None`, never a made-up value.

use std::time::SystemTime;

use super::Value;
use crate::wire::{wire_enum, wire_struct};

wire_enum! {
    /// What the service manager says of a service.
    pub enum State or Unknown {
        /// Its process runs.
        Running = 1 "running",
        /// It is being started.
        Starting = 2 "starting",
        /// It is being stopped.
        Stopping = 3 "stopping",
        /// It does not run, and nothing is wrong.
        Stopped = 4 "stopped",
        /// It ended badly and will not be started again by itself.
        Failed = 5 "failed",
        /// It ended and will be started again.
        Backoff = 6 "backoff",
        /// The manager did not say.
        Unknown = 7 "unknown",
    }
}

wire_enum! {
    /// Why a service is not as it was told to be, where its manager can say.
    pub enum Rest or Unknown {
        /// It came to an end that its restart policy makes the last one: done, refused, given up.
        Over = 1 "over",
        /// Somebody stopped it without us; of one that runs: started it.
        ByHand = 2 "by-hand",
        /// Nobody keeps it up: its manager was started anew, or is gone.
        Unattended = 3 "unattended",
        /// A reason of a newer version.
        Unknown = 0 "unknown",
    }
}

wire_struct! { lenient:
    /// How a process ended.
    #[derive(Eq)]
    pub struct Exit {
        /// Its exit code, if it exited.
        pub code: Option<i32>,
        /// The name of the signal that killed it (`KILL`), if one did.
        pub signal: Option<String>,
        /// When.
        pub at: Option<SystemTime>,
    }
}

wire_struct! { lenient:
    /// A service as its manager has it.
    pub struct Status {
        /// The name: ours, or the manager's own for a foreign service.
        pub name: String,
        /// What it is doing.
        pub state: State,
        /// Whether it said that it is ready; `None` where nothing says how.
        pub ready: Option<bool>,
        /// The main process.
        pub pid: Option<u32>,
        /// Since when it is in this state.
        pub since: Option<SystemTime>,
        /// How often the manager restarted it by itself.
        pub restarts: Option<u64>,
        /// How its last process ended.
        pub last_exit: Option<Exit>,
        /// Why it does not run, for people.
        pub reason: Option<String>,
        /// Whether its condition is what holds it back.
        pub held_back: bool,
        /// Whether the native object carries our mark.
        pub ours: bool,
        /// What the manager wants by itself: `Some(false)` when it will not start it again.
        pub wanted_up: Option<bool>,
        /// What our last command was to make of it, up or down, where the manager keeps that.
        pub told_up: Option<bool>,
        /// Why it is as it is, where that is not what it was told.
        pub rest: Option<Rest>,
        /// What its operator ought to know of it: that somebody else changes what it is, say.
        pub warnings: Vec<String>,
        /// What else this manager knows: a map.
        pub native: Value,
    }
}

impl Status {
    /// A status that knows no more than the state.
    pub fn new(name: impl Into<String>, state: State) -> Status {
        Status {
            name: name.into(),
            state,
            ready: None,
            pid: None,
            since: None,
            restarts: None,
            last_exit: None,
            reason: None,
            held_back: false,
            ours: false,
            wanted_up: None,
            told_up: None,
            rest: None,
            warnings: Vec::new(),
            native: Value::Null,
        }
    }

    /// The same without all that [`Backend::glance`](crate::Backend::glance) may leave out.
    pub fn at_a_glance(self) -> Status {
        Status { last_exit: None, told_up: None, rest: None, native: Value::Null, ..self }
    }

    /// The same, with our mark on the native object.
    pub fn made_by_us(mut self) -> Status {
        self.ours = true;
        self
    }
}
