//! A backend that panics over services whose name begins with `bad`, and in `open`, `probe`, `list`,
//! `logs` or `next` when a setting of that name is there. Otherwise it says yes to everything.

#[path = "../../constructor.rs"]
mod constructor;

use anysvc_backend_api::{
    Backend, Batch, Capability, Context, Deadline, Description, Done, ListQuery, LogChunk, LogQuery,
    LogStream, Named, Probe, Registration, Rendering, Result, ServiceSpec, SignalRequest, State, Status,
    Target, Value, WaitRequest, export_backend,
};

/// What it was opened with.
pub struct Unruly(Value);

struct Stream(Value);

/// Panics if the settings say so.
fn trip(settings: &Value, place: &str) {
    assert!(settings.get(place).is_none(), "told to panic in {place}");
}

/// Panics over bad services.
fn judge<T: Named>(batch: &Batch<T>) -> Vec<Result<()>> {
    batch.each(|item| {
        assert!(!item.name().starts_with("bad"), "over {}", item.name());
        Ok(())
    })
}

fn told<T: Named>(batch: &Batch<T>) -> Vec<Result<Status>> {
    batch.then(judge(batch), |item, ()| Ok(Status::new(item.name(), State::Running)))
}

impl Backend for Unruly {
    fn describe() -> Description {
        Description::new("unruly", "panics when told to", "1.2.3").can(Capability::Logs)
    }
    fn open(context: Context) -> Result<Unruly> {
        trip(&context.settings, "open");
        log::info!("opened by {}", context.user.uid);
        Ok(Unruly(context.settings))
    }
    fn probe(&self, _: Deadline) -> Result<Probe> {
        trip(&self.0, "probe");
        Ok(Probe::default())
    }
    fn check(&self, batch: &Batch<ServiceSpec>) -> Vec<Result<()>> {
        judge(batch)
    }
    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>> {
        Done::plainly(judge(batch))
    }
    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>> {
        Done::plainly(judge(batch))
    }
    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        judge(batch)
    }
    fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        judge(batch)
    }
    fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        judge(batch)
    }
    fn signal(&self, batch: &Batch<SignalRequest>) -> Vec<Result<()>> {
        judge(batch)
    }
    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        told(batch)
    }
    fn wait(&self, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
        told(batch)
    }
    fn render(&self, batch: &Batch<Registration>) -> Vec<Result<Rendering>> {
        batch.then(judge(batch), |_, ()| Ok(Rendering::default()))
    }
    fn list(&self, _: &ListQuery, _: Deadline) -> Result<Vec<Status>> {
        trip(&self.0, "list");
        // What records cost that nobody wants, `./x bench` measures.
        if let Some(Value::Int(records)) = self.0.get("records") {
            (0..*records).for_each(|number| log::trace!("record {number}"));
        }
        Ok(Vec::new())
    }
    fn logs(&self, _: &LogQuery) -> Result<Box<dyn LogStream>> {
        trip(&self.0, "logs");
        Ok(Box::new(Stream(self.0.clone())))
    }
}

impl LogStream for Stream {
    fn next(&mut self, _: Deadline) -> Result<LogChunk> {
        trip(&self.0, "next");
        Ok(LogChunk::default())
    }
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| ())
    }
}

export_backend!(Unruly);
