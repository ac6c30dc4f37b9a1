//! The verbs for one service.

use std::time::Duration;

use anysvc_backend_api::{
    Backend, Batch, Deadline, Goal, ListQuery, Registration, Result, Signal, SignalRequest, State, Status,
    Target, WaitRequest,
};
use anysvc_s6::S6;

/// The verbs for one service, within a minute: machines that test are busy.
pub trait Single {
    fn register_one(&self, registration: Registration) -> Result<()>;
    fn unregister_one(&self, name: &str) -> Result<()>;
    fn start_one(&self, name: &str) -> Result<()>;
    fn stop_one(&self, name: &str) -> Result<()>;
    fn restart_one(&self, name: &str) -> Result<()>;
    fn status_one(&self, name: &str) -> Result<Status>;
    fn signal_one(&self, name: &str, signal: &str) -> Result<()>;
    fn wait_one(&self, name: &str, goal: Goal) -> Result<Status>;
    fn names(&self, foreign: bool) -> Vec<String>;
    /// The state alone.
    fn state(&self, name: &str) -> State {
        self.status_one(name).unwrap().state
    }
}

pub fn batch<T>(items: Vec<T>) -> Batch<T> {
    Batch { items, deadline: Deadline::after(Duration::from_secs(60)) }
}

fn only<T>(mut answers: Vec<Result<T>>) -> Result<T> {
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

impl Single for S6 {
    fn register_one(&self, registration: Registration) -> Result<()> {
        only(self.register(&batch(vec![registration]))).map(drop)
    }
    fn unregister_one(&self, name: &str) -> Result<()> {
        only(self.unregister(&batch(vec![Target::new(name)]))).map(drop)
    }
    fn start_one(&self, name: &str) -> Result<()> {
        only(self.start(&batch(vec![Target::new(name)])))
    }
    fn stop_one(&self, name: &str) -> Result<()> {
        only(self.stop(&batch(vec![Target::new(name)])))
    }
    fn restart_one(&self, name: &str) -> Result<()> {
        only(self.restart(&batch(vec![Target::new(name)])))
    }
    fn status_one(&self, name: &str) -> Result<Status> {
        let batch = batch(vec![Target::new(name)]);
        let (before, glance) = (only(self.status(&batch)), only(self.glance(&batch)));
        let status = only(self.status(&batch));
        if before == status {
            // In whatever state it is, a glance says the same.
            assert_eq!(glance.map(Status::at_a_glance), status.clone().map(Status::at_a_glance));
        }
        status
    }
    fn signal_one(&self, name: &str, signal: &str) -> Result<()> {
        let signal: Signal = signal.parse().unwrap();
        only(self.signal(&batch(vec![SignalRequest { name: name.to_owned(), signal }])))
    }
    fn wait_one(&self, name: &str, goal: Goal) -> Result<Status> {
        only(self.wait(&batch(vec![WaitRequest { name: name.to_owned(), goal, pid: None }])))
    }
    fn names(&self, foreign: bool) -> Vec<String> {
        let list = self.list(&ListQuery { foreign }, Deadline::NONE).unwrap();
        list.into_iter().map(|status| status.name).collect()
    }
}
