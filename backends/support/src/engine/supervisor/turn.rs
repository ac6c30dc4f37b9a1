//! What happens: handing the system's news and passed deadlines to the state machines. Knows nothing of what
//! their actions do.

use std::collections::VecDeque;

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::Supervisor;
use crate::engine::{
    machine::Event,
    os::{Occurrence, Os, Run},
};

impl<O: Os> Supervisor<O> {
    /// Handles everything that happened. Never waits; may be called at any time.
    ///
    /// # Errors
    /// Only when the operating system can't be asked at all.
    pub fn turn(&mut self) -> Result<()> {
        let mut occurrences = Vec::new();
        self.os.poll(&mut occurrences).map_err(|error| {
            Error::new(ErrorKind::Io, format!("cannot ask the system what happened to processes: {error}"))
        })?;
        for occurrence in occurrences {
            self.handle(occurrence);
        }
        // All of them first: what is armed meanwhile waits for the next turn, even if its time has come.
        let now = self.os.now().mono;
        let due: Vec<u32> = std::iter::from_fn(|| self.timers.due(now)).collect();
        for key in due {
            self.feed(key, Event::Timer);
        }
        Ok(())
    }

    fn handle(&mut self, occurrence: Occurrence) {
        let known = |run: Run| self.runs.get(&run).copied();
        match occurrence {
            Occurrence::Output(run) => self.output.read(&mut self.os, run, false),
            Occurrence::Executed(run) => drop(known(run).map(|key| self.feed(key, Event::Executed))),
            Occurrence::Ready(run) => drop(known(run).map(|key| self.feed(key, Event::Ready))),
            Occurrence::Says(run, text) => {
                if let Some(key) = known(run)
                    && let Some(entry) = self.entry_mut(key)
                {
                    entry.says = Some(text);
                    self.changed(key);
                }
            }
            Occurrence::Refused(run, fault) => match known(run) {
                Some(key) => {
                    self.output.read(&mut self.os, run, true);
                    self.release_run(key);
                    self.feed(key, Event::Refused(fault.to_string()));
                }
                None => self.os.forget(run),
            },
            Occurrence::Ended(run, ending) => match known(run) {
                Some(key) => {
                    // Its last lines are in the log before anybody hears that it ended.
                    self.output.read(&mut self.os, run, true);
                    self.feed(key, Event::Ended(ending));
                }
                None => self.os.forget(run),
            },
        }
    }

    /// Gives an event to a service's machine, and does what it asks for until it asks for nothing more.
    pub(super) fn feed(&mut self, key: u32, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut actions = Vec::new();
        while let Some(event) = events.pop_front() {
            let now = self.os.now();
            let Some(entry) = self.entry_mut(key) else { return };
            entry.machine.apply(event, now, &mut actions);
            for action in actions.drain(..) {
                events.extend(self.act(key, action));
            }
        }
        self.changed(key);
    }
}
