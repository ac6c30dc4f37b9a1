//! Starting and restarting services that exist, ours and foreign. What is not down is brought to rest
//! first: then what it did before can be forgotten, the delay of a restart does not count, and a `finish`
//! that calls the end final (125) can't swallow the command. (`s6-svc -r` would only send a signal.) What
//! is down and wanted up may be started by somebody else just now, and is not taken down again.

use anysvc_backend_api::{Batch, Deadline, Error, Result, Target};

use super::stop::still_stopping;
use crate::{
    control::{DOWN, UP},
    listen::Awaited,
    scandir::Scandir,
    scripts::{forget_failures, marker},
    slot::{set_again, set_down, set_replaced, tell, unsupervised},
    state::{Reader, Stamp},
    supervise::supervise,
    waiting,
};

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Nothing is left to do.
    Done,
    /// No supervisor is there: s6-svscan has to look again.
    Unsupervised,
    /// It was told to stop; the stamp of what was there.
    Resting(Stamp),
    /// It was told to start, or does so by itself; the stamp before.
    Starting(Stamp),
}

impl Step {
    /// For a service that its supervisor starts by itself.
    pub(crate) const BY_ITSELF: Step = Step::Starting(Stamp::NEVER);
}

/// Whether one that runs is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Start,
    Restart,
}

/// Starts them, and waits until each was seen up, or was up and ended again.
pub(crate) fn bring_up(scandir: &Scandir, batch: &Batch<Target>, mode: Mode) -> Vec<Result<()>> {
    let mut reader = Reader::new(scandir);
    let begun = batch.each(|target| begin(&mut reader, &target.name, mode, batch.deadline));
    let begun = with_supervisors(scandir, batch, begun);
    waiting::each(
        scandir,
        batch,
        Awaited::Process,
        begun,
        |reader, target, step| advance(reader, &target.name, step),
        |target, step| late(scandir, &target.name, *step),
    )
}

/// The first step.
///
/// # Errors
/// `not-registered`, `permission-denied`.
pub(crate) fn begin(reader: &mut Reader<'_>, name: &str, mode: Mode, deadline: Deadline) -> Result<Step> {
    let mut slot = reader.slot(name)?.ok_or_else(|| Error::not_registered(name))?;
    let scandir = reader.scandir();
    let ours = reader.ours(name);
    let runs_as_wanted = slot.live().is_some_and(|raw| raw.up().is_some() && raw.want_up);
    if mode == Mode::Start && ours && runs_as_wanted && reader.has(name, "down") {
        // Somebody started it by hand, or its stop was cut short: its supervisor may have been told, and
        // not have listened yet.
        waiting::until_heard(scandir, name, deadline);
        slot = reader.slot(name)?.ok_or_else(|| Error::not_registered(name))?;
    }
    if slot.supervised == Some(false) {
        // Its next supervisor starts it by itself.
        stays_up(reader, name)?;
        return Ok(Step::Unsupervised);
    }
    let Some(raw) = slot.live() else {
        // Its status can't be seen; whether it may be told will show.
        tell(scandir, name, &[UP])?;
        return stays_up(reader, name).map(|()| Step::Done);
    };
    let runs = raw.up().is_some() && !(ours && reader.has(name, marker::DELAY));
    match (mode, runs) {
        (Mode::Start, true) if raw.want_up => stays_up(reader, name).map(|()| Step::Done),
        // On its way down, or started "once" by somebody else: s6 does not tell.
        (Mode::Start, true) if !ours => tell(scandir, name, &[UP]).map(|()| Step::Done),
        // It was told just now, maybe by a command that was killed before its next step.
        _ if !raw.at_rest() && raw.never_started() => {
            stays_up(reader, name).map(|()| Step::Starting(raw.stamp))
        }
        // Also what is to be started by itself, or was told just now by somebody else: told again, a
        // supervisor starts it at once, whatever is left of its delay, or has done so already.
        _ if raw.is_down() => go(reader, name, raw.stamp),
        _ => {
            if ours {
                set_down(scandir, name, true)?;
            }
            tell(scandir, name, &[DOWN])?;
            Ok(Step::Resting(raw.stamp))
        }
    }
}

/// From where nothing of it runs.
fn go(reader: &mut Reader<'_>, name: &str, before: Stamp) -> Result<Step> {
    let scandir = reader.scandir();
    if reader.ours(name) {
        forget_failures(&scandir.path().join(name))?;
    }
    tell(scandir, name, &[UP])?;
    stays_up(reader, name)?;
    Ok(Step::Starting(before))
}

/// Removes the `down` file of a service of ours, and not before it was told to start: as long as it is
/// there, whoever comes after one that was killed here sees that the start was not made.
fn stays_up(reader: &mut Reader<'_>, name: &str) -> Result<()> {
    if reader.ours(name) { set_down(reader.scandir(), name, false) } else { Ok(()) }
}

/// Looks how far it is, and goes on.
///
/// # Errors
/// `not-registered` if it has been removed meanwhile, `permission-denied`.
pub(crate) fn advance(reader: &mut Reader<'_>, name: &str, step: &mut Step) -> Result<Option<()>> {
    let slot = reader.slot(name)?.ok_or_else(|| Error::not_registered(name))?;
    let Some(raw) = slot.live() else { return Ok(matches!(step, Step::Done).then_some(())) };
    match *step {
        Step::Done => Ok(Some(())),
        Step::Unsupervised => Ok(None),
        Step::Starting(before) if raw.stamp != before && !raw.never_started() => Ok(Some(())),
        // Somebody stopped it again before it was started, and nothing more will come: a stop of ours
        // leaves that file, which was removed when it was told to start.
        Step::Starting(_) if raw.at_rest() && reader.ours(name) && reader.has(name, "down") => Ok(Some(())),
        Step::Starting(_) => Ok(None),
        Step::Resting(_) if raw.at_rest() => {
            *step = go(reader, name, raw.stamp)?;
            Ok(None)
        }
        // Somebody else was quicker: it runs again.
        Step::Resting(before) if raw.up().is_some() && raw.want_up && raw.stamp != before => {
            stays_up(reader, name).map(Some)
        }
        Step::Resting(_) => Ok(None),
    }
}

/// Gets supervisors for those that have none. A service of ours then starts by itself, having no `down`
/// file any more.
fn with_supervisors(scandir: &Scandir, batch: &Batch<Target>, begun: Vec<Result<Step>>) -> Vec<Result<Step>> {
    let alone = |step: &Result<Step>| matches!(step, Ok(Step::Unsupervised));
    let pairs = batch.items.iter().zip(&begun);
    let names: Vec<&str> = pairs.filter(|(_, step)| alone(step)).map(|(target, _)| &*target.name).collect();
    if names.is_empty() {
        return begun;
    }
    let supervised = supervise(scandir, &names, batch.deadline);
    let mut reader = Reader::new(scandir);
    batch.then(begun, |target, step| {
        if !matches!(step, Step::Unsupervised) {
            return Ok(step);
        }
        supervised.clone()?;
        match begin(&mut reader, &target.name, Mode::Start, batch.deadline)? {
            Step::Unsupervised => Err(unsupervised(&target.name)),
            step => Ok(step),
        }
    })
}

/// Has a service that was told to stop run again as soon as it has ended: for whoever can't wait for that.
///
/// # Errors
/// `not-registered`, `permission-denied`, `command-failed`.
pub(crate) fn run_again(reader: &mut Reader<'_>, name: &str) -> Result<()> {
    let slot = reader.slot(name)?.ok_or_else(|| Error::not_registered(name))?;
    let scandir = reader.scandir();
    if reader.ours(name) {
        if slot.live().is_some_and(|raw| raw.pid.is_some()) {
            set_again(scandir, name, true)?;
        }
        set_down(scandir, name, false)?;
        set_replaced(scandir, name, false)?;
    }
    tell(scandir, name, &[UP])
}

fn late(scandir: &Scandir, name: &str, step: Step) -> Error {
    match step {
        Step::Resting(_) => {
            let mut reader = Reader::new(scandir);
            let hint = match run_again(&mut reader, name) {
                Ok(()) if reader.ours(name) => "it is started again when it has ended".to_owned(),
                Ok(()) => format!(
                    "it is started again when it has ended, unless its `finish` forbids that; \
                     then start it with `anysvc start {name}`"
                ),
                Err(error) => {
                    format!("when it has ended it stays down ({error}); start it with `anysvc start {name}`")
                }
            };
            still_stopping(name).with_hint(hint)
        }
        _ => Error::timed_out(format!("`{}` was not started in time", name.escape_debug()))
            .with_hint("look at its log, and at what s6-svscan wrote to its standard error"),
    }
}
