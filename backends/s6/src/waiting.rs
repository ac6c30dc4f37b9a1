//! Waiting until services are as wanted: look, and look again whenever something changed. What is looked
//! for is the caller's.

use std::time::Duration;

use anysvc_backend_api::{Batch, Deadline, Error, Named, Result, contain};
use anysvc_backend_support::socket;

use crate::{
    control::{Fifo, NOTHING},
    listen::{Awaited, Listener},
    scandir::{REAP, Scandir, Svscan},
    slot,
    state::Reader,
    watch::{Changed, Watch},
};

/// A supervisor that was told to start a service does so at once. One that can't, or that was told to stop
/// what does not run, announces nothing.
const AT_ONCE: Duration = Duration::from_millis(10);

/// A supervisor listens within a millisecond, unless the machine is busy; so often one is looked at, and so
/// long.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const HEARD_IN: Duration = Duration::from_secs(2);

/// Nobody announces that a service directory is moved by hand: so much later that is seen.
const SILENCE: Duration = Duration::from_secs(1);

/// Looks at each of some services until `look` says that it is settled, or the deadline passes. Those
/// that are not settled then are given back.
///
/// # Errors
/// When the file system can't be watched.
pub(crate) fn until(
    scandir: &Scandir,
    names: &[&str],
    awaited: Awaited,
    deadline: Deadline,
    mut look: impl FnMut(&mut Reader<'_>, usize) -> bool,
) -> Result<Vec<usize>> {
    let mut reader = Reader::until(scandir, deadline);
    let mut open: Vec<usize> = (0..names.len()).collect();
    // Mostly all is well at once.
    open.retain(|&index| !look(&mut reader, index));
    if open.is_empty() || deadline.passed() {
        return Ok(open);
    }
    listen(&mut reader, names, awaited, deadline, &mut open, &mut look);
    if open.is_empty() || deadline.passed() {
        return Ok(open);
    }
    let mut watch = Watch::new(scandir);
    for &index in &open {
        watch.add(index, names[index], awaited == Awaited::NoSupervisor);
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

/// Looks again when supervisors tell something, as long as they are sure to tell what is waited for: they
/// announce the end of each process, and its start.
fn listen(
    reader: &mut Reader<'_>,
    names: &[&str],
    awaited: Awaited,
    deadline: Deadline,
    open: &mut Vec<usize>,
    look: &mut impl FnMut(&mut Reader<'_>, usize) -> bool,
) {
    let Some(mut listener) = Listener::new(reader, names, open, awaited) else { return };
    open.retain(|&index| !look(reader, index));
    while listener.reaches(open) && !open.is_empty() {
        let process = |&index: &usize| reader.told(names[index]).raw().is_some_and(|raw| raw.pid.is_some());
        let sure = awaited == Awaited::NoSupervisor || open.iter().all(process);
        let heard = listener.heard(deadline.min(Deadline::after(if sure { SILENCE } else { AT_ONCE })));
        match heard.is_empty() {
            true if deadline.passed() || !sure => return,
            true => open.retain(|&index| !look(reader, index)),
            false => open.retain(|index| !heard.contains(index) || !look(reader, *index)),
        }
    }
}

/// Waits until the supervisor of a service has done all that it was told, where there is one that we may tell
/// things; but not long for one that does not listen (SIGSTOP): it will do it some time.
pub(crate) fn until_heard(scandir: &Scandir, name: &str, deadline: Deadline) {
    let Some(fifo) = slot::listening(scandir, name) else { return };
    if fifo.write(&[NOTHING]).is_ok() {
        until_read(&fifo, deadline);
    }
}

/// The same of s6-svscan. What it has read it does after that, and before it reads again.
pub(crate) fn until_scanned(scandir: &Scandir, deadline: Deadline) {
    let Ok(fifo) = Svscan::new(scandir.path()).fifo() else { return };
    until_read(&fifo, deadline);
    if fifo.write(REAP).is_ok() {
        until_read(&fifo, deadline);
    }
}

fn until_read(fifo: &Fifo, deadline: Deadline) {
    let deadline = deadline.min(Deadline::after(HEARD_IN));
    while fifo.unread().is_ok_and(|bytes| bytes > 0) && !deadline.passed() {
        socket::pause(LOOK_EVERY);
    }
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
    awaited: Awaited,
    earlier: Vec<Result<P>>,
    mut look: impl FnMut(&mut Reader<'_>, &N, &mut P) -> Result<Option<R>>,
    late: impl Fn(&N, &P) -> Error,
) -> Vec<Result<R>> {
    let mut work: Vec<_> = earlier
        .into_iter()
        .map(|prior| prior.map_or_else(|error| Progress::Done(Err(error)), Progress::Open))
        .collect();
    let names: Vec<&str> = batch.items.iter().map(Named::name).collect();
    let waited = until(scandir, &names, awaited, batch.deadline, |reader, index| {
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

/// Waits for the supervisors of services, of their loggers too, one after the other: those behind it come
/// meanwhile, so that mostly one look at each is enough, and one or two are watched. Those that `look` does
/// not find there at the deadline are given back.
///
/// # Errors
/// When the file system can't be watched.
pub(crate) fn in_turn(
    scandir: &Scandir,
    names: &[&str],
    open: &[usize],
    deadline: Deadline,
    mut look: impl FnMut(&mut Reader<'_>, usize) -> bool,
) -> Result<Vec<usize>> {
    let mut reader = Reader::until(scandir, deadline);
    let mut watch = None;
    // s6-svscan starts them in their order or against it: where the last and the first are there, most are.
    let from_the_last = open.iter().rev().take(1).chain(open.iter().rev().skip(1).rev());
    for &index in from_the_last {
        if look(&mut reader, index) {
            continue;
        }
        let watch = watch.get_or_insert_with(|| Watch::new(scandir));
        watch.add(index, names[index], true);
        while !look(&mut reader, index) {
            if watch.changed(deadline)? == Changed::Nothing {
                return Ok(open.iter().copied().filter(|&index| !look(&mut reader, index)).collect());
            }
        }
    }
    Ok(Vec::new())
}
