//! Waiting until services are as wanted: look, and look again whenever something changed. What is looked
//! for is the caller's.

use anysvc_backend_api::{Batch, Deadline, Error, Named, Result, contain};

use crate::{
    scandir::Scandir,
    state::Reader,
    watch::{Changed, Watch},
};

/// Looks at each of some services until `look` says that it is settled, or the deadline passes. Those
/// that are not settled then are given back.
///
/// # Errors
/// When the file system can't be watched.
pub(crate) fn until(
    scandir: &Scandir,
    names: &[&str],
    loggers: bool,
    deadline: Deadline,
    mut look: impl FnMut(&mut Reader<'_>, usize) -> bool,
) -> Result<Vec<usize>> {
    let mut reader = Reader::until(scandir, deadline);
    let mut open: Vec<usize> = (0..names.len()).collect();
    // Mostly all is well at once, or after a moment that the setting up of a watch takes anyway.
    open.retain(|&index| !look(&mut reader, index));
    if open.is_empty() || deadline.passed() {
        return Ok(open);
    }
    let mut watch = Watch::new(scandir);
    for &index in &open {
        watch.add(index, names[index], loggers);
    }
    open.retain(|&index| !look(&mut reader, index));
    while !open.is_empty() {
        match watch.changed(deadline)? {
            Changed::Nothing => break,
            Changed::All => open.retain(|&index| !look(&mut reader, index)),
            Changed::These(indices) => {
                open.retain(|index| indices.binary_search(index).is_err() || !look(&mut reader, *index));
            }
        }
    }
    Ok(open)
}

/// How far an item of a batch is.
enum Progress<P, R> {
    Open(P),
    Done(Result<R>),
}

/// Waits for the items of a batch whose earlier phase succeeded. `look` answers for an item, or says
/// that it is not there yet; `late` says what became too late.
pub(crate) fn each<N: Named, P, R>(
    scandir: &Scandir,
    batch: &Batch<N>,
    earlier: Vec<Result<P>>,
    mut look: impl FnMut(&mut Reader<'_>, &N, &mut P) -> Result<Option<R>>,
    late: impl Fn(&N, &P) -> Error,
) -> Vec<Result<R>> {
    let mut work: Vec<_> = earlier
        .into_iter()
        .map(|prior| prior.map_or_else(|error| Progress::Done(Err(error)), Progress::Open))
        .collect();
    let names: Vec<&str> = batch.items.iter().map(Named::name).collect();
    let waited = until(scandir, &names, false, batch.deadline, |reader, index| {
        let Progress::Open(state) = &mut work[index] else { return true };
        let item = &batch.items[index];
        let answer = contain(|| look(reader, item, state)).map_err(|e| e.with_service(item.name()));
        let Some(answer) = answer.transpose() else { return false };
        work[index] = Progress::Done(answer);
        true
    });
    let finish = |(item, progress): (&N, Progress<P, R>)| match (progress, &waited) {
        (Progress::Done(answer), _) => answer,
        (Progress::Open(_), Err(error)) => Err(error.clone().with_service(item.name())),
        (Progress::Open(state), Ok(_)) => Err(late(item, &state).with_service(item.name())),
    };
    batch.items.iter().zip(work).map(finish).collect()
}
