//! What the end of a process means for its service: pure. Knows no process and no clock: it is told.

use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use anysvc_backend_api::{GiveUp, RestartPolicy, ServiceSpec, Signal};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Signal(Signal),
    /// Nobody could ask: it was not our child.
    Unknown,
}

/// What is done about an end that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it was to do: down, and nothing is wrong.
    Done,
    /// Down, and not well.
    Failed,
    /// It is started again.
    Again {
        /// Whether this counts for giving up.
        failure: bool,
    },
}

/// The part of a spec that decides about restarting and stopping.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// When it is restarted.
    pub restart: RestartPolicy,
    /// How long after the end of the process.
    pub delay: Duration,
    /// When not any more.
    pub give_up: Option<GiveUp>,
    /// Exit codes that mean: never.
    pub never_on: Box<[i32]>,
    /// Exit codes that mean: a planned restart.
    pub always_on: Box<[i32]>,
    /// The signal that asks it to stop.
    pub stop_signal: Signal,
    /// Time between that and KILL.
    pub stop_timeout: Duration,
}

impl From<&ServiceSpec> for Policy {
    fn from(spec: &ServiceSpec) -> Policy {
        Policy {
            restart: spec.policy(),
            delay: spec.restart_delay(),
            give_up: spec.restart.give_up.clone(),
            never_on: spec.never_on().into(),
            always_on: spec.always_on().into(),
            stop_signal: spec.stop_signal(),
            stop_timeout: spec.stop_timeout(),
        }
    }
}

impl Policy {
    /// What an end means that nobody asked for.
    pub fn judge(&self, ending: Ending) -> Verdict {
        let code = if let Ending::Code(code) = ending { Some(code) } else { None };
        let listed = |codes: &[i32]| code.is_some_and(|code| codes.contains(&code));
        let planned = listed(&self.always_on);
        // A refusal for good beats a planned restart, and under `never` neither restarts.
        if listed(&self.never_on) || self.restart == RestartPolicy::Never {
            let fine = code == Some(0) || (planned && !listed(&self.never_on));
            return if fine { Verdict::Done } else { Verdict::Failed };
        }
        match (code, self.restart) {
            _ if planned => Verdict::Again { failure: false },
            (Some(0), RestartPolicy::Always) => Verdict::Again { failure: false },
            (Some(0), _) => Verdict::Done,
            _ => Verdict::Again { failure: true },
        }
    }
}

/// When the latest failures were.
#[derive(Clone, Debug, Default)]
pub struct Failures(VecDeque<Instant>);

impl Failures {
    /// One more. Whether it was the last: so many, within the time.
    pub fn add(&mut self, at: Instant, limit: Option<&GiveUp>) -> bool {
        let Some(limit) = limit else {
            // Without a limit nothing has to be remembered.
            self.forget();
            return false;
        };
        self.0.push_back(at);
        while self.0.front().is_some_and(|first| at.saturating_duration_since(*first) > limit.within) {
            self.0.pop_front();
        }
        self.0.len() as u64 >= u64::from(limit.after)
    }

    /// Begins anew, and gives the memory back.
    pub fn forget(&mut self) {
        self.0 = VecDeque::new();
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Code(code) => write!(f, "exited with {code}"),
            Ending::Signal(signal) => write!(f, "was killed by {signal}"),
            Ending::Unknown => f.write_str("ended"),
        }
    }
}
