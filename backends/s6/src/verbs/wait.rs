//! Waiting until services are as somebody wants them.

use anysvc_backend_api::{Batch, Error, Goal, Result, State, Status, Value, WaitRequest};

use crate::{
    listen::Awaited,
    scandir::Scandir,
    slot::unseen,
    state::{Reader, status},
    waiting,
};

/// Waits; without a scandir, everything is gone.
pub(crate) fn wait(scandir: Option<&Scandir>, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
    let Some(scandir) = scandir else { return batch.each(absent) };
    let open = batch.each(|_| Ok(()));
    waiting::each(
        scandir,
        batch,
        Awaited::Any,
        open,
        |reader, request, ()| look(reader, request),
        |request, ()| request.late(),
    )
}

fn look(reader: &mut Reader<'_>, request: &WaitRequest) -> Result<Option<Status>> {
    let Some(status) = status(reader, &request.name)? else { return absent(request).map(Some) };
    if status.native.get("supervised") == Some(&Value::Null) {
        return Err(unseen(&request.name));
    }
    Ok((request.met_by(&status) || request.hopeless(&status)).then_some(status))
}

fn absent(request: &WaitRequest) -> Result<Status> {
    match request.goal {
        Goal::Gone => Ok(Status::new(&request.name, State::Stopped)),
        _ => Err(Error::not_registered(&request.name)),
    }
}
