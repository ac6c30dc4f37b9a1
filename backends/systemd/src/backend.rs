//! Which verb is where. It knows no D-Bus and no text of units.

use anysvc_backend_api::{
    Backend, Batch, Capability, Context, Deadline, Description, Difference, Done, ListQuery, LogQuery,
    LogStream, Probe, Registration, Rendering, Result, ServiceSpec, SignalRequest, Status, Target,
    WaitRequest,
};

use crate::{
    logs,
    manager::Gate,
    place::Place,
    probe, register, unit, unregister,
    verbs::{self, Mode, Services},
};

/// The systemd of one caller.
#[derive(Debug)]
pub struct Systemd {
    context: Context,
    gate: Gate,
    place: Place,
}

impl Systemd {
    fn services(&self) -> Services<'_> {
        Services { gate: &self.gate, place: &self.place }
    }
}

impl Backend for Systemd {
    fn describe() -> Description {
        let description = Description::new("systemd", "units of systemd", env!("CARGO_PKG_VERSION"))
            .can(Capability::RuntimeRegistration)
            .can(Capability::Logs)
            .can(Capability::LogsFollow)
            .can(Capability::Signal)
            .can(Capability::Foreign)
            .can(Capability::NativeBoot);
        unit::fields(description)
    }

    fn open(context: Context) -> Result<Systemd> {
        let gate = Gate::of(&context);
        let place = Place::of(&context, gate.runtime())?;
        Ok(Systemd { context, gate, place })
    }

    fn probe(&self, deadline: Deadline) -> Result<Probe> {
        probe::probe(&self.context, &self.gate, deadline)
    }

    fn check(&self, batch: &Batch<ServiceSpec>) -> Vec<Result<()>> {
        batch.each(unit::check)
    }

    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>> {
        register::register(&self.services(), &self.context.user, batch)
    }

    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>> {
        unregister::unregister(&self.services(), batch)
    }

    fn render(&self, batch: &Batch<Registration>) -> Vec<Result<Rendering>> {
        batch.each(|registration| register::render(&self.services(), &self.context.user, registration))
    }

    fn compare(&self, batch: &Batch<Registration>) -> Vec<Result<Difference>> {
        register::compare(&self.services(), &self.context.user, batch)
    }

    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        verbs::bring_up(&self.services(), batch, Mode::Start)
    }

    fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        verbs::stop(&self.services(), batch)
    }

    fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        verbs::bring_up(&self.services(), batch, Mode::Restart)
    }

    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        verbs::status(&self.services(), batch)
    }

    fn list(&self, query: &ListQuery, deadline: Deadline) -> Result<Vec<Status>> {
        verbs::list(&self.services(), query, deadline)
    }

    fn wait(&self, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
        verbs::wait(&self.services(), batch)
    }

    fn signal(&self, batch: &Batch<SignalRequest>) -> Vec<Result<()>> {
        verbs::signal(&self.services(), batch)
    }

    fn logs(&self, query: &LogQuery) -> Result<Box<dyn LogStream>> {
        logs::open(&self.services(), self.context.user.uid, query)
    }
}
