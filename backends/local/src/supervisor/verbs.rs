//! The verbs, one item each: what is checked, recorded, and told to the engine. It must not know who asks
//! or when the answer goes out.

use anysvc_backend_api::{
    Error, Probe, Registration, Result, ServiceSpec, SignalRequest, State, Target, WaitRequest,
    abi::{Bag, Verb, VerbCode},
    contain,
    wire::WireStruct,
};
use anysvc_backend_support::{ceiling::Ceiling, engine::Service};

use super::{
    desk::{Desk, Entry, leaving},
    pending::{Pending, Wait},
};
use crate::{
    check::{check, check_console},
    records::Kept,
};

/// What comes of an item.
enum Step {
    /// It is done.
    Done,
    /// It is answered.
    Tell(Bag),
    /// It is done when this is so.
    Wait(String, Wait),
}

impl Desk {
    /// One item of a verb, into the answers of its request. A panic is an error of that item.
    pub(super) fn verb(&mut self, code: u32, item: Bag, pending: &mut Pending) {
        let step = contain(|| match Verb::from_code(VerbCode(code)) {
            Some(Verb::Register) => self.register(Registration::from_bag(item)?),
            Some(Verb::Unregister) => self.unregister(Target::from_bag(item)?.name),
            Some(Verb::Start) => self.start(Target::from_bag(item)?.name),
            Some(Verb::Stop) => self.stop(Target::from_bag(item)?.name),
            Some(Verb::Restart) => self.restart(Target::from_bag(item)?.name),
            Some(Verb::Signal) => self.signal(&SignalRequest::from_bag(item)?),
            Some(Verb::Check) => check(&ServiceSpec::from_bag(item)?).map(|()| Step::Done),
            Some(Verb::Status | Verb::Glance) => {
                let status = self.status(&Target::from_bag(item)?.name)?;
                Ok(Step::Tell(status.into_bag()))
            }
            Some(Verb::Wait) => {
                let request = WaitRequest::from_bag(item)?;
                Ok(Step::Wait(request.name.clone(), Wait::Goal(request)))
            }
            Some(Verb::Render | Verb::Compare | Verb::BootFiles) | None => {
                Err(Error::unsupported("the running supervisor does not know this verb"))
            }
        });
        match step {
            Ok(Step::Done) => pending.answered(Ok(().into_bag())),
            Ok(Step::Tell(bag)) => pending.answered(Ok(bag)),
            Ok(Step::Wait(name, wait)) => pending.waits(&name, wait),
            Err(error) => pending.answered(Err(error)),
        }
    }

    fn register(&mut self, registration: Registration) -> Result<Step> {
        check(&registration.spec)?;
        check_console(&registration.spec, self.console)?;
        if !registration.spec.limits.is_empty() {
            // This process starts it.
            Ceiling::of(std::process::id(), "the embedded supervisor", "the service could not be started")
                .check(&registration.spec.limits)?;
        }
        if self.leaving {
            return Err(leaving());
        }
        let name = registration.spec.name.clone();
        if self.entries.contains_key(&name) {
            if !registration.replace {
                return Err(Error::already_registered(&name));
            }
            return self.replace(registration);
        }
        let kept = Kept { up: registration.start, status: None };
        // Its own record comes last: with it the service exists.
        self.records.keep(&name, &kept)?;
        let up = registration.start;
        let added =
            self.records.put(&registration).and_then(|()| self.engine.add(service(&registration), up));
        if let Err(error) = added {
            self.records.forget(&name)?;
            return Err(error);
        }
        self.entries.insert(name.clone(), Entry { kept, live: up, ..Entry::default() });
        Ok(if up { Step::Wait(name, Wait::Begun { old: None }) } else { Step::Done })
    }

    /// Changes how a service is registered. One that runs is restarted if anything changed.
    fn replace(&mut self, registration: Registration) -> Result<Step> {
        let name = registration.spec.name.clone();
        let new = service(&registration);
        let old = self.engine.service(&name).ok_or_else(|| Error::not_registered(&name))?.clone();
        let changed = old != new;
        if changed {
            self.engine.update(new)?;
            if let Err(error) = self.records.put(&registration) {
                self.engine.update(old)?;
                return Err(error);
            }
        }
        let runs = !matches!(self.status(&name)?.state, State::Stopped | State::Failed);
        match (runs, changed, registration.start) {
            (true, true, _) => self.restart(name),
            (false, _, true) => self.start(name),
            // It may be on its way back, after its supervisor was killed.
            (true, false, true) => Ok(Step::Wait(name, Wait::Begun { old: None })),
            _ => Ok(Step::Done),
        }
    }

    fn unregister(&mut self, name: String) -> Result<Step> {
        if !self.entries.contains_key(&name) {
            return Ok(Step::Done);
        }
        self.want(&name, false)?;
        self.engine.stop(&name)?;
        let state = self.engine.status(&name)?.state;
        if matches!(state, State::Stopped | State::Failed) && self.remove(&name) {
            return Ok(Step::Done);
        }
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.going = true;
        }
        Ok(Step::Wait(name, Wait::Gone))
    }

    fn start(&mut self, name: String) -> Result<Step> {
        self.want(&name, true)?;
        self.engine.start(&name)?;
        Ok(Step::Wait(name, Wait::Begun { old: None }))
    }

    fn stop(&mut self, name: String) -> Result<Step> {
        self.want(&name, false)?;
        self.engine.stop(&name)?;
        Ok(Step::Wait(name, Wait::Down))
    }

    fn restart(&mut self, name: String) -> Result<Step> {
        self.want(&name, true)?;
        let old = self.engine.status(&name)?.pid;
        self.engine.restart(&name)?;
        Ok(Step::Wait(name, Wait::Begun { old }))
    }

    fn signal(&mut self, request: &SignalRequest) -> Result<Step> {
        if !self.entries.contains_key(&request.name) {
            return Err(Error::not_registered(&request.name));
        }
        self.engine.signal(&request.name, request.signal).map(|()| Step::Done)
    }

    /// What supervisor this is.
    pub(super) fn who(&self) -> Probe {
        let facts =
            vec![format!("process {}", std::process::id()), format!("{} services", self.entries.len())];
        Probe { version: Some(env!("CARGO_PKG_VERSION").to_owned()), facts, ..Probe::default() }
    }
}

/// A registration as the engine takes it.
pub(super) fn service(registration: &Registration) -> Service {
    Service { spec: registration.spec.clone(), log_directory: registration.log_directory.clone() }
}
