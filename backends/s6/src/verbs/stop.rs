//! Stopping services, ours and foreign.

use anysvc_backend_api::{Batch, Error, ErrorKind, Result, Target};

use crate::{
    control::DOWN,
    listen::Awaited,
    scandir::{Identity, Scandir},
    scripts::marker,
    slot::{set_again, set_down, set_replaced, tell, unseen},
    state::{Reader, Slot, Told},
    waiting,
};

/// Stops them, and waits until each is down and stays so.
pub(crate) fn stop(scandir: &Scandir, batch: &Batch<Target>) -> Vec<Result<()>> {
    let mut reader = Reader::new(scandir);
    let sent = batch.each(|target| tell_to_stop(&mut reader, &target.name));
    waiting::each(
        scandir,
        batch,
        Awaited::Process,
        sent,
        |reader, target, told| match reader.slot(&target.name)? {
            // Unregistered meanwhile, and maybe registered anew: nothing of what was told runs.
            None => Ok(Some(())),
            Some(_) if scandir.identity(&target.name)? != Some(*told) => Ok(Some(())),
            Some(slot) => Ok(down(scandir, &slot, &target.name)?.then_some(())),
        },
        |target, _| still_stopping(&target.name),
    )
}

/// Tells a service to stop for its own sake; gives back which one was told.
fn tell_to_stop(reader: &mut Reader<'_>, name: &str) -> Result<Identity> {
    let scandir = reader.scandir();
    let told = scandir.identity(name)?.ok_or_else(|| Error::not_registered(name))?;
    if reader.has(name, marker::REPLACED) {
        set_replaced(scandir, name, false)?;
    }
    send_down(reader, name)?;
    Ok(told)
}

/// Tells a service to stop, and to stay down at the next start of its supervisor.
pub(crate) fn send_down(reader: &mut Reader<'_>, name: &str) -> Result<()> {
    let slot = reader.slot(name)?.ok_or_else(|| Error::not_registered(name))?;
    let scandir = reader.scandir();
    if reader.ours(name) {
        set_down(scandir, name, true)?;
        set_again(scandir, name, false)?;
    }
    match slot.live() {
        Some(raw) if raw.at_rest() => Ok(()),
        None if slot.supervised == Some(false) => Ok(()),
        _ => tell(scandir, name, &[DOWN]),
    }
}

/// Whether nothing of a service runs any more, nor will by itself.
pub(crate) fn down(scandir: &Scandir, slot: &Slot, name: &str) -> Result<bool> {
    match (&slot.told, slot.supervised) {
        (Told::Status(raw), Some(true)) => Ok(raw.at_rest()),
        (Told::Status(raw), Some(false)) => raw.pid.map_or(Ok(true), |pid| Err(orphan(name, pid))),
        (_, Some(false)) => Ok(true),
        // A supervisor takes the lock first, and writes its first status then.
        (Told::Nothing, Some(true)) => Ok(false),
        (Told::Failed(error), _) => {
            Err(Error::io("read the status of", scandir.path().join(name), &(*error).into()))
        }
        // We were allowed to tell it, and can't see what came of it.
        (_, _) => Err(unseen(name)),
    }
}

/// A supervisor that was killed leaves its process behind, which only signals reach.
fn orphan(name: &str, pid: u32) -> Error {
    Error::new(
        ErrorKind::CommandFailed,
        format!("the supervisor of `{}` is gone, and process {pid} may still run", name.escape_debug()),
    )
    .with_hint(format!("look at process {pid}; if it is the service's, end it with `kill -- -{pid}`"))
}

/// The error for a service that takes longer than the deadline. Nothing is undone.
pub(crate) fn still_stopping(name: &str) -> Error {
    Error::timed_out(format!("`{}` was told to stop and has not ended yet", name.escape_debug()))
        .with_hint("it is killed after its stop time-out; see its state with `anysvc status`")
}
