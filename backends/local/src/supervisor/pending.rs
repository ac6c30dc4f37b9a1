//! Requests that are not answered yet: which of their items wait for what. Pure; it must not know the
//! engine, sockets or files.

use std::{collections::HashMap, time::Instant};

use anysvc_backend_api::{Error, Goal, Result, State, Status, WaitRequest, abi::Bag, wire::WireStruct as _};

/// What one item waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    /// That a start was tried: the service runs (as another process than that one), failed, is to be
    /// tried again, or is held back.
    Begun {
        /// The process that a restart ends.
        old: Option<u32>,
    },
    /// That nothing of it runs.
    Down,
    /// That it is not registered any more.
    Gone,
    /// What a client waits for.
    Goal(WaitRequest),
}

impl Wait {
    /// The answer, if this status settles it; `None` is the status of what is gone.
    pub fn judge(&self, name: &str, status: Option<&Status>) -> Option<Result<Bag>> {
        let done = || Some(Ok(().into_bag()));
        let Some(status) = status else {
            return match self {
                Wait::Gone | Wait::Down => done(),
                Wait::Goal(request) if request.goal == Goal::Gone => {
                    Some(Ok(Status::new(name, State::Stopped).into_bag()))
                }
                _ => Some(Err(Error::not_registered(name))),
            };
        };
        match self {
            Wait::Begun { old } => match status.state {
                State::Running if old.is_none() || status.pid != *old => done(),
                State::Backoff | State::Failed => done(),
                State::Stopped if status.held_back || status.wanted_up == Some(false) => done(),
                _ => None,
            },
            Wait::Down if matches!(status.state, State::Stopped | State::Failed) => done(),
            Wait::Goal(request) if request.met_by(status) || request.hopeless(status) => {
                Some(Ok(status.clone().into_bag()))
            }
            _ => None,
        }
    }

    /// The error for what did not come in time.
    fn late(&self, name: &str) -> Error {
        let what = match self {
            Wait::Goal(request) => return request.late(),
            Wait::Begun { .. } => "was not up",
            Wait::Down => "was not down",
            Wait::Gone => "was not gone",
        };
        Error::timed_out(format!("`{name}` {what} in time")).with_service(name)
    }
}

/// One request under way.
#[derive(Debug)]
pub struct Pending {
    /// Who asked.
    pub caller: u64,
    /// By when it has to be answered.
    pub deadline: Option<Instant>,
    answers: Vec<Option<Result<Bag>>>,
    waits: HashMap<String, Vec<(usize, Wait)>>,
}

impl Pending {
    /// A request without items so far.
    pub fn new(caller: u64, deadline: Option<Instant>) -> Pending {
        Pending { caller, deadline, answers: Vec::new(), waits: HashMap::new() }
    }

    /// The next item, answered.
    pub fn answered(&mut self, answer: Result<Bag>) {
        self.answers.push(Some(answer));
    }

    /// The next item, which waits.
    pub fn waits(&mut self, name: &str, wait: Wait) {
        self.waits.entry(name.to_owned()).or_default().push((self.answers.len(), wait));
        self.answers.push(None);
    }

    /// The names that are waited for.
    pub fn names(&self) -> Vec<String> {
        self.waits.keys().cloned().collect()
    }

    /// Takes notice of a service's status.
    pub fn notice(&mut self, name: &str, status: Option<&Status>) {
        let Some(waits) = self.waits.get_mut(name) else { return };
        let answers = &mut self.answers;
        waits.retain(|(at, wait)| match wait.judge(name, status) {
            Some(answer) => {
                answers[*at] = Some(answer);
                false
            }
            None => true,
        });
        if waits.is_empty() {
            self.waits.remove(name);
        }
    }

    /// Whether nothing is waited for.
    pub fn is_complete(&self) -> bool {
        self.waits.is_empty()
    }

    /// Whether its time is over.
    pub fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// The answers; what is still waited for is late.
    pub fn finish(mut self) -> Vec<Result<Bag>> {
        for (name, waits) in &self.waits {
            for (at, wait) in waits {
                self.answers[*at] = Some(Err(wait.late(name)));
            }
        }
        let unanswered = || Err(Error::timed_out("it was not answered"));
        self.answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::ErrorKind;

    fn status(state: State, pid: Option<u32>) -> Status {
        Status { pid, ..Status::new("a", state) }
    }

    #[test]
    fn a_restart_is_done_when_another_process_runs() {
        let wait = Wait::Begun { old: Some(7) };
        for (state, pid, done) in [
            (State::Running, Some(7), false),
            (State::Stopping, Some(7), false),
            (State::Stopped, None, false),
            (State::Starting, Some(8), false),
            (State::Running, Some(8), true),
            (State::Backoff, None, true),
            (State::Failed, None, true),
        ] {
            assert_eq!(wait.judge("a", Some(&status(state, pid))).is_some(), done, "{state} {pid:?}");
        }
    }

    #[test]
    fn a_start_that_is_held_back_or_came_to_its_end_is_done() {
        let wait = Wait::Begun { old: None };
        let held = Status { held_back: true, ..status(State::Stopped, None) };
        let ended = Status { wanted_up: Some(false), ..status(State::Stopped, None) };
        assert!(wait.judge("a", Some(&held)).is_some() && wait.judge("a", Some(&ended)).is_some());
    }

    #[test]
    fn what_is_late_is_said_for_each_item_and_the_rest_keeps_its_answer() {
        let mut pending = Pending::new(1, None);
        pending.answered(Err(Error::not_registered("x")));
        pending.waits("a", Wait::Down);
        pending.waits("b", Wait::Down);
        pending.notice("a", Some(&status(State::Stopped, None)));
        assert!(!pending.is_complete());
        let kinds: Vec<_> = pending.finish().into_iter().map(|answer| answer.map_err(|e| e.kind)).collect();
        assert_eq!(kinds[0], Err(ErrorKind::NotRegistered));
        assert!(kinds[1].is_ok());
        assert_eq!(kinds[2], Err(ErrorKind::TimedOut));
    }

    #[test]
    fn what_goes_away_ends_every_wait() {
        let goal = |goal| Wait::Goal(WaitRequest { name: "a".into(), goal, pid: None });
        assert!(goal(Goal::Gone).judge("a", None).unwrap().is_ok());
        assert!(Wait::Gone.judge("a", None).unwrap().is_ok());
        assert_eq!(goal(Goal::Up).judge("a", None).unwrap().unwrap_err().kind, ErrorKind::NotRegistered);
    }
}
