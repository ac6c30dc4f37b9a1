//! Unregistering services of ours: stopped first, which may take long and needs no lock, then taken out
//! of the scandir. One that was killed half-way is completed by the next.

use anysvc_backend_api::{Batch, Error, ErrorKind, Result, Target};

use crate::{
    listen::Awaited,
    removal::{self, PREFIX, Tombstone},
    scandir::{Identity, Lock, Scandir},
    state::{Maker, Reader},
    verbs::{down, send_down, still_stopping},
    waiting,
};

/// Unregisters them; one answer each. What is absent is fine.
pub(crate) fn unregister(scandir: &Scandir, batch: &Batch<Target>) -> Vec<Result<()>> {
    let stopped = stop(scandir, batch);
    let present = stopped.iter().any(|answer| matches!(answer, Ok(Some(_))));
    if !present && !has_left_overs(scandir) {
        return batch.then(stopped, |_, _| Ok(()));
    }
    let lock = match Lock::take_anyway(scandir, batch.deadline) {
        Ok(lock) => lock,
        Err(error) => return batch.then(stopped, |_, mark| mark.map_or(Ok(()), |_| Err(error.clone()))),
    };
    removal::sweep(scandir, &lock, batch.deadline);
    remove(scandir, batch, stopped)
}

/// A service that was there, by its mark.
type Present = Option<Identity>;

/// Stops those that are there. Who is killed here leaves a stopped service, which the next one removes.
fn stop(scandir: &Scandir, batch: &Batch<Target>) -> Vec<Result<Present>> {
    let mut reader = Reader::new(scandir);
    let sent = batch.each(|Target { name }| match reader.maker(name)? {
        Maker::Nobody => Ok(None),
        Maker::Others => Err(Error::not_ours(name).with_path(scandir.path().join(name))),
        Maker::Us => {
            let mark = reader.mark(name)?;
            match send_down(&mut reader, name) {
                Err(error) if error.kind == ErrorKind::NotRegistered => Ok(None),
                sent => sent.map(|()| mark),
            }
        }
    });
    waiting::each(
        scandir,
        batch,
        Awaited::Process,
        sent,
        |reader, Target { name }, mark| match (*mark, reader.slot(name)?) {
            (None, _) | (_, None) => Ok(Some(None)),
            // Somebody else has removed it, and one of that name was registered since.
            (Some(_), Some(_)) if reader.mark(name)? != *mark => Ok(Some(None)),
            (Some(_), Some(slot)) => Ok(down(scandir, &slot, name)?.then_some(*mark)),
        },
        |target, _| still_stopping(&target.name),
    )
}

/// Takes them out, all with one rescan.
fn remove(scandir: &Scandir, batch: &Batch<Target>, stopped: Vec<Result<Present>>) -> Vec<Result<()>> {
    let mut reader = Reader::new(scandir);
    let mut tombstones = Vec::new();
    let buried = batch.then(stopped, |Target { name }, mark| {
        // Somebody else may have removed it since.
        if mark.is_none() || reader.mark(name)? != mark {
            return Ok(None);
        }
        tombstones.push(Tombstone::bury(scandir, name)?);
        Ok(Some(tombstones.len() - 1))
    });
    let ended = removal::end(scandir, tombstones, batch.deadline);
    batch.then(buried, |_, index| index.map_or(Ok(()), |index| ended[index].clone()))
}

fn has_left_overs(scandir: &Scandir) -> bool {
    let mut found = false;
    let read = scandir.each_entry(|name, _| found |= name.to_bytes().starts_with(PREFIX.as_bytes()));
    read.is_ok() && found
}
