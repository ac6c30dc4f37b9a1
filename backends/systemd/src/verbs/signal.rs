//! Sending signals to the main process of services.

use anysvc_backend_api::{Batch, Error, ErrorKind, Result, SignalRequest};

use super::Services;
use crate::manager::{Failure, STEPS};

/// Sends them.
pub(crate) fn signal(services: &Services<'_>, batch: &Batch<SignalRequest>) -> Vec<Result<()>> {
    services.on_each(batch, STEPS, |mut manager, found| {
        batch.then(found, |request, unit| {
            if unit.facts.pid == 0 {
                return Err(nothing_runs(&request.name));
            }
            let sent = manager.kill(&unit.listed.id, request.signal.number(), batch.deadline);
            sent.map_err(|failure| match &failure {
                // It ended meanwhile, and nobody needed it.
                Failure::Refused(refusal) if refusal.is("NoSuchProcess") || refusal.is("NoSuchUnit") => {
                    nothing_runs(&request.name)
                }
                _ => failure.about(&request.name, services.gate.scope()),
            })
        })
    })
}

fn nothing_runs(name: &str) -> Error {
    Error::new(ErrorKind::CommandFailed, format!("nothing of `{}` runs", name.escape_debug()))
        .with_hint("start it first")
}
