//! The state machine of one service: events with their time in, actions out. Pure: it starts no process
//! and reads no clock, so that every rule of the service model is tested without either.

mod event;

use std::time::{Duration, Instant, SystemTime};

use anysvc_backend_api::{Exit, State, Status};

pub use self::event::{Action, Event, Moment};
use super::policy::{Ending, Failures, Policy, Verdict};

/// Why it is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Somebody wanted it so, or it did what it was to do.
    Stopped,
    HeldBack,
    Failed,
}

/// What comes after the rest of the group is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Down(Why),
    Wait,
    Launch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down(Why),
    /// There is a process, which may not have executed the program yet.
    Starting,
    Up,
    /// It was asked to stop.
    Stopping {
        then_up: bool,
    },
    /// The main process is gone, the rest of its group was killed and is dying.
    Dying {
        next: Next,
        looks: u32,
    },
    /// Until the restart.
    Waiting,
}

/// How often the group is looked for: after 1, 2, 4 ... ms, in all about two seconds. What can't be
/// killed in that time hangs in the kernel, and waiting longer would only hang its service too.
const LOOKS: u32 = 11;
/// From this look on (after some 60 ms) zombies are told from the living, which costs a walk over all
/// processes.
const CLOSE_LOOKS: u32 = 6;

/// Between one launch and the next by itself lies at least this, so that a service without a delay whose
/// program ends at once, or can't be executed, does not take a whole processor.
const SOONEST: Duration = Duration::from_millis(10);

/// One service.
#[derive(Clone, Debug)]
pub struct Machine {
    policy: Policy,
    /// Counts from the next launch on.
    next_policy: Option<Box<Policy>>,
    phase: Phase,
    since: SystemTime,
    launched: Option<Instant>,
    ended: Option<Instant>,
    pid: Option<u32>,
    ready: Option<bool>,
    wanted: bool,
    restarts: u64,
    last: Option<(Ending, SystemTime)>,
    reason: Option<String>,
    failures: Failures,
}

impl Machine {
    /// A service that is down.
    pub fn new(policy: Policy, now: Moment) -> Machine {
        Machine {
            policy,
            next_policy: None,
            phase: Phase::Down(Why::Stopped),
            since: now.wall,
            launched: None,
            ended: None,
            pid: None,
            ready: None,
            wanted: false,
            restarts: 0,
            last: None,
            reason: Some("not started".to_owned()),
            failures: Failures::default(),
        }
    }

    /// Takes a new policy: at once when nothing runs, else from the next launch on, because the process
    /// that runs was started under the old one.
    pub fn set_policy(&mut self, policy: Policy) {
        self.next_policy = Some(Box::new(policy));
        if matches!(self.phase, Phase::Down(_) | Phase::Waiting) {
            self.take_policy();
        }
    }

    /// The main process.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Whether nothing of it runs or is about to.
    pub fn is_down(&self) -> bool {
        matches!(self.phase, Phase::Down(_))
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Down(Why::Failed) => State::Failed,
            Phase::Down(_) => State::Stopped,
            Phase::Starting => State::Starting,
            Phase::Up => State::Running,
            Phase::Waiting | Phase::Dying { next: Next::Wait, .. } => State::Backoff,
            Phase::Stopping { .. } | Phase::Dying { .. } => State::Stopping,
        }
    }

    /// All that is known of it.
    pub fn status(&self, name: &str) -> Status {
        let mut status = Status::new(name, self.state()).made_by_us();
        status.pid = self.pid;
        status.ready = self.ready;
        status.since = Some(self.since);
        status.restarts = Some(self.restarts);
        status.last_exit = self.last.map(|(ending, at)| exit(ending, at));
        status.reason.clone_from(&self.reason);
        status.held_back = self.phase == Phase::Down(Why::HeldBack);
        status.wanted_up = Some(self.wanted);
        status
    }

    /// Takes an event; adds what has to be done, in order.
    pub fn apply(&mut self, event: Event, now: Moment, actions: &mut Vec<Action>) {
        match event {
            Event::Start => self.start(now, actions),
            Event::Stop => self.stop(now, actions),
            Event::Restart => self.restart(now, actions),
            Event::Inherited { pid, up } => {
                self.wanted = up;
                self.pid = Some(pid);
                self.ask_to_stop(up, now, actions);
            }
            Event::Launched { pid } => self.pid = Some(pid),
            Event::HeldBack => {
                self.reason = Some("condition not met".to_owned());
                self.enter(Phase::Down(Why::HeldBack), now);
            }
            Event::Refused(reason) => self.refused(reason, now, actions),
            Event::Executed if self.phase == Phase::Starting => self.enter(Phase::Up, now),
            Event::Ready if matches!(self.phase, Phase::Starting | Phase::Up) => {
                // Where nothing is to say so, nothing does.
                self.ready = self.ready.map(|_| true);
            }
            Event::Ended(ending) => self.ended(ending, now, actions),
            Event::Group(left) => self.looked(left, now, actions),
            Event::Timer => self.timer(now, actions),
            Event::Executed | Event::Ready => {}
        }
    }

    /// From the next launch on it tells when it is ready (`Some`), or nothing says so.
    pub fn will_notify(&mut self, notifies: bool) {
        self.ready = notifies.then_some(false);
    }

    fn start(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.wanted = true;
        self.failures.forget();
        match &mut self.phase {
            Phase::Starting | Phase::Up => {}
            Phase::Stopping { then_up } => *then_up = true,
            Phase::Dying { next, .. } => *next = Next::Launch,
            Phase::Down(_) | Phase::Waiting => self.launch(0, now, actions),
        }
    }

    fn stop(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.wanted = false;
        match &mut self.phase {
            // A failure stays one, for people to see.
            Phase::Down(Why::Failed | Why::Stopped) => {}
            Phase::Down(Why::HeldBack) | Phase::Waiting => {
                actions.push(Action::Cancel);
                self.down(Why::Stopped, "stopped on request", now);
            }
            Phase::Starting | Phase::Up => self.ask_to_stop(false, now, actions),
            Phase::Stopping { then_up } => *then_up = false,
            Phase::Dying { next: Next::Down(_), .. } => {}
            Phase::Dying { next, .. } => {
                *next = Next::Down(Why::Stopped);
                self.reason = Some("stopped on request".to_owned());
            }
        }
    }

    fn restart(&mut self, now: Moment, actions: &mut Vec<Action>) {
        match self.phase {
            Phase::Starting | Phase::Up => {
                self.wanted = true;
                self.failures.forget();
                self.ask_to_stop(true, now, actions);
            }
            _ => self.start(now, actions),
        }
    }

    fn ask_to_stop(&mut self, then_up: bool, now: Moment, actions: &mut Vec<Action>) {
        self.reason = None;
        self.enter(Phase::Stopping { then_up }, now);
        actions.push(Action::Signal(self.policy.stop_signal));
        if self.policy.stop_timeout.is_zero() {
            actions.push(Action::KillGroup);
        } else if let Some(at) = now.mono.checked_add(self.policy.stop_timeout) {
            actions.push(Action::Arm(at));
        }
    }

    fn launch(&mut self, restarts: u64, now: Moment, actions: &mut Vec<Action>) {
        self.take_policy();
        self.restarts = restarts;
        self.launched = Some(now.mono);
        self.reason = None;
        self.ready = None;
        self.enter(Phase::Starting, now);
        actions.push(Action::Cancel);
        actions.push(Action::Launch);
    }

    fn refused(&mut self, reason: String, now: Moment, actions: &mut Vec<Action>) {
        self.pid = None;
        self.ended = Some(now.mono);
        // How the process before it ended says nothing of this one, which never was.
        self.last = None;
        match self.phase {
            Phase::Stopping { then_up } if !then_up => {
                actions.push(Action::Cancel);
                self.down(Why::Stopped, "stopped on request", now);
            }
            _ => {
                actions.push(Action::Cancel);
                let next = self.judge(Ending::Unknown, &reason, now);
                self.go(next, now, actions);
            }
        }
    }

    fn ended(&mut self, ending: Ending, now: Moment, actions: &mut Vec<Action>) {
        self.pid = None;
        self.ready = self.ready.map(|_| false);
        self.ended = Some(now.mono);
        self.last = Some((ending, now.wall));
        let next = match self.phase {
            Phase::Stopping { then_up: true } => Next::Launch,
            Phase::Stopping { then_up: false } => {
                self.reason = Some("stopped on request".to_owned());
                Next::Down(Why::Stopped)
            }
            _ => self.judge(ending, &ending.to_string(), now),
        };
        self.enter(Phase::Dying { next, looks: 0 }, now);
        actions.push(Action::Cancel);
        actions.push(Action::LookForGroup { closely: false });
    }

    /// What follows an end that nobody asked for; says so in `reason`.
    fn judge(&mut self, ending: Ending, what: &str, now: Moment) -> Next {
        let verdict = self.policy.judge(ending);
        let gave_up = verdict == (Verdict::Again { failure: true })
            && self.failures.add(now.mono, self.policy.give_up.as_ref());
        self.reason = Some(match &self.policy.give_up {
            Some(limit) if gave_up => {
                let (after, within) = (limit.after, limit.within);
                format!("{what}; gave up after {after} failures within {within:?}")
            }
            _ if verdict == Verdict::Failed => format!("{what}, and is not to be restarted then"),
            _ => what.to_owned(),
        });
        let next = match verdict {
            Verdict::Done => Next::Down(Why::Stopped),
            Verdict::Again { .. } if !gave_up => Next::Wait,
            Verdict::Failed | Verdict::Again { .. } => Next::Down(Why::Failed),
        };
        self.wanted = next == Next::Wait;
        next
    }

    fn looked(&mut self, left: bool, now: Moment, actions: &mut Vec<Action>) {
        let Phase::Dying { next, looks } = &mut self.phase else { return };
        if left && *looks < LOOKS {
            // Nothing tells when a process that is not our child is gone: this one short wait has to ask.
            actions.push(Action::Arm(now.mono + Duration::from_millis(1 << *looks)));
            *looks += 1;
        } else {
            let next = *next;
            self.go(next, now, actions);
        }
    }

    fn timer(&mut self, now: Moment, actions: &mut Vec<Action>) {
        match self.phase {
            Phase::Waiting => self.launch(self.restarts + 1, now, actions),
            Phase::Stopping { .. } => actions.push(Action::KillGroup),
            Phase::Dying { looks, .. } => {
                actions.push(Action::LookForGroup { closely: looks >= CLOSE_LOOKS });
            }
            Phase::Down(_) | Phase::Starting | Phase::Up => {}
        }
    }

    fn go(&mut self, next: Next, now: Moment, actions: &mut Vec<Action>) {
        match next {
            Next::Down(why) => self.enter(Phase::Down(why), now),
            Next::Launch => self.launch(0, now, actions),
            Next::Wait => {
                self.enter(Phase::Waiting, now);
                // The delay counts from the end of the process, not from the end of its group.
                let ended = self.ended.unwrap_or(now.mono);
                let soonest = self.launched.map_or(now.mono, |launched| launched + SOONEST);
                if let Some(at) = ended.checked_add(self.policy.delay) {
                    actions.push(Action::Arm(at.max(soonest)));
                }
            }
        }
    }

    fn down(&mut self, why: Why, reason: &str, now: Moment) {
        self.reason = Some(reason.to_owned());
        self.enter(Phase::Down(why), now);
    }

    /// `since` is about the state that others see.
    fn enter(&mut self, phase: Phase, now: Moment) {
        let before = self.state();
        self.phase = phase;
        if self.state() != before {
            self.since = now.wall;
        }
        if self.is_down() || phase == Phase::Waiting {
            self.take_policy();
        }
    }

    fn take_policy(&mut self) {
        if let Some(policy) = self.next_policy.take() {
            self.policy = *policy;
        }
    }
}

fn exit(ending: Ending, at: SystemTime) -> Exit {
    let (code, signal) = match ending {
        Ending::Code(code) => (Some(code), None),
        Ending::Signal(signal) => (None, Some(signal.name())),
        Ending::Unknown => (None, None),
    };
    Exit { code, signal, at: Some(at) }
}
