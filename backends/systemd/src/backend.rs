//! Which verb is where. It knows no D-Bus and no text of units.

use anysvc_backend_api::{
    Backend, Batch, Context, Deadline, Description, Error, ListQuery, Probe, Registration, Result, Status,
    Target,
};

/// The systemd of one caller.
#[derive(Debug)]
pub struct Systemd {
    #[expect(dead_code, reason = "the verbs that need it are not written")]
    context: Context,
}

fn not_yet() -> Error {
    Error::unsupported("the systemd backend can't do that yet")
}

impl Backend for Systemd {
    fn describe() -> Description {
        Description::new("systemd", "units of systemd", env!("CARGO_PKG_VERSION"))
    }

    fn open(context: Context) -> Result<Systemd> {
        Ok(Systemd { context })
    }

    fn probe(&self, _: Deadline) -> Result<Probe> {
        Err(not_yet())
    }

    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<()>> {
        batch.all(|| Err(not_yet()))
    }

    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.all(|| Err(not_yet()))
    }

    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.all(|| Err(not_yet()))
    }

    fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.all(|| Err(not_yet()))
    }

    fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.all(|| Err(not_yet()))
    }

    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        batch.all(|| Err(not_yet()))
    }

    fn list(&self, _: &ListQuery, _: Deadline) -> Result<Vec<Status>> {
        Err(not_yet())
    }
}
