//! From what s6 says of a service to its state in the model.

use std::time::{Duration, SystemTime};

use anysvc_backend_api::{Exit, Rest, Result, State, Status, Value};

use crate::scripts::{Parts, marker};

use super::{
    decode::{Raw, Unreadable},
    exit,
    read::{Maker, Reader, Slot, TRIES, Told},
};

/// How much of a status is wanted. What it says is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What a table of many shows. Which parts one of ours has is taken from its note.
    Table,
    /// All of it.
    All,
}

/// The status of a service; `None` if there is none of that name.
///
/// # Errors
/// When the file system fails.
pub(crate) fn status(reader: &mut Reader<'_>, name: &str) -> Result<Option<Status>> {
    status_of(reader, name, Depth::All)
}

/// The same, as far as it is wanted.
///
/// # Errors
/// When the file system fails.
pub(crate) fn status_of(reader: &mut Reader<'_>, name: &str, depth: Depth) -> Result<Option<Status>> {
    status_in(reader, name, depth, TRIES)
}

fn status_in(reader: &mut Reader<'_>, name: &str, depth: Depth, tries: u32) -> Result<Option<Status>> {
    let slot = match depth {
        Depth::Table => reader.slot_with_parts(name)?,
        Depth::All => reader.slot(name)?,
    };
    let Some(slot) = slot else { return Ok(None) };
    let facts = Facts::read(reader, name, &slot, depth);
    if !facts.ours && tries > 1 && reader.maker(name)? != Maker::Others {
        // Removed, or another one put in its place, while we looked.
        return status_in(reader, name, depth, tries - 1);
    }
    let mut status = Status::new(name, State::Unknown);
    status.ours = facts.ours;
    match (&slot.told, slot.supervised) {
        (Told::Status(raw), Some(true)) => {
            // Of one that waits, it is the reason.
            if raw.up().is_some() && (depth == Depth::All || facts.delayed) {
                status.last_exit = reader.tally(name);
            }
            live(&mut status, raw, facts);
            if status.state == State::Running && facts.parts.notification {
                status.ready = raw.ready.then_some(true).or_else(|| says_ready(reader, name));
            }
        }
        (told, supervised) => unsupervised(&mut status, told, supervised),
    }
    if facts.ours
        && facts.parts.log
        && let Some(logger) = reader.logger_down(name)
    {
        let how = ended(&exit::of_wstat(logger.wstat, logger.stamp.time()));
        let silent = format!("its logger does not run: {how}");
        status.reason = Some(status.reason.map_or_else(|| silent.clone(), |why| format!("{why}; {silent}")));
    }
    if depth == Depth::All {
        if facts.ours {
            status.told_up = Some(!facts.down_file);
            status.rest = rest(&status, &slot, facts);
        }
        status.native = native(&slot, facts, reader);
    }
    Ok(Some(status))
}

/// What files tell beside the status.
#[derive(Clone, Copy)]
struct Facts {
    ours: bool,
    /// What else is to be looked at.
    parts: Parts,
    /// It is down unless somebody starts it: so `stop` and `register` left it.
    down_file: bool,
    /// What runs is `run`, which waits out the restart delay.
    delayed: bool,
    /// The delay was running, or about to, when it was stopped.
    waited: bool,
    held_back: bool,
    gave_up: bool,
    /// `finish` said that its end was the last one.
    over: bool,
    /// It was stopped for a replacement that has not come.
    cut_short: bool,
    /// When it was told to be down, where it is up all the same.
    told_down: Option<SystemTime>,
}

impl Facts {
    fn read(reader: &mut Reader<'_>, name: &str, slot: &Slot, depth: Depth) -> Facts {
        let ours = slot.parts.is_some() || reader.ours(name);
        let parts = slot.parts.unwrap_or(Parts::ANY);
        let delay = ours && parts.delay;
        let live = slot.live();
        let (up, rests) = live.map_or((false, false), |raw| (raw.up().is_some(), raw.at_rest()));
        let ended = rests && live.is_some_and(|raw| !raw.never_started());
        // What one that does not rest was told to be is no part of its state.
        let down_file = (rests || depth == Depth::All) && reader.has(name, "down");
        // What `stop` left down is stopped, whatever there was before.
        let over = ours && rests && !down_file;
        Facts {
            ours,
            parts,
            down_file,
            waited: delay && rests && reader.has(name, marker::DELAY),
            delayed: delay && up && reader.has(name, marker::DELAY),
            held_back: over && reader.holds(name, marker::CONDITION),
            gave_up: over && reader.has(name, marker::GAVE_UP),
            over: over && reader.holds(name, marker::OVER),
            told_down: if ours && up && down_file { reader.made(name, "down") } else { None },
            // Of what never ran nothing was cut short.
            cut_short: down_file && ours && ended && reader.has(name, marker::REPLACED),
        }
    }
}

/// A service that is not ready can become so only where it says how.
fn says_ready(reader: &mut Reader<'_>, name: &str) -> Option<bool> {
    reader.has(name, "notification-fd").then_some(false)
}

fn live(status: &mut Status, raw: &Raw, facts: Facts) {
    status.wanted_up = Some(raw.want_up);
    status.since = raw.stamp.time();
    status.pid = raw.up().filter(|_| !facts.delayed);
    if raw.up().is_none() && !raw.never_started() {
        let last = exit::of_wstat(raw.wstat, raw.stamp.time());
        // `run` ends with 0 when it is told to stop while it waits, which is no end of the program.
        status.last_exit = Some(last).filter(|last| !facts.waited || last.code != Some(0));
    }
    status.state = match (raw.up(), raw.finishing, raw.want_up) {
        (Some(_), _, true) if facts.delayed => State::Backoff,
        (Some(_), _, true) => State::Running,
        (Some(_), _, false) | (None, true, false) => State::Stopping,
        (None, false, true) if raw.never_started() => State::Starting,
        (None, _, true) => State::Backoff,
        (None, false, false) => at_rest(status.last_exit.as_ref(), facts),
    };
    if facts.held_back && matches!(status.state, State::Stopped | State::Failed) {
        status.state = State::Stopped;
        status.held_back = true;
    }
    status.reason = reason(status, raw, facts);
}

/// Down and not wanted up: either somebody stopped it, or `finish` said that it is over (125).
fn at_rest(last: Option<&Exit>, facts: Facts) -> State {
    // Ours has a `down` file whenever a stop of ours, or a registration, left it down. For a foreign
    // one that ended by a signal there is no telling who sent it: stopping is what signals are for.
    let over = !facts.down_file
        && last.is_some_and(|e| e.code.is_some_and(|code| code != 0) || (facts.ours && e.signal.is_some()));
    if over { State::Failed } else { State::Stopped }
}

/// Times of files are those of the last tick of the kernel's clock.
const SAME_TIME: Duration = Duration::from_millis(20);

/// Why it rests: our `down` file says that we told it so, `finish` that it was the last end; else it was
/// somebody's hand. And whose process was started after it was told to be down runs by somebody's hand.
fn rest(status: &Status, slot: &Slot, facts: Facts) -> Option<Rest> {
    match (status.state, slot.supervised) {
        (State::Stopped, Some(false)) => Some(Rest::Unattended),
        (State::Stopped | State::Failed, Some(true)) if !facts.down_file && !facts.held_back => {
            Some(if facts.over { Rest::Over } else { Rest::ByHand })
        }
        (State::Running, _) => {
            let (started, told) = (status.since?, facts.told_down?);
            (started > told + SAME_TIME).then_some(Rest::ByHand)
        }
        _ => None,
    }
}

fn reason(status: &Status, raw: &Raw, facts: Facts) -> Option<String> {
    let Some(how) = status.last_exit.as_ref().map(ended) else {
        return (facts.waited && facts.down_file).then(|| "stopped".to_owned());
    };
    match status.state {
        _ if status.held_back => Some("condition not met".to_owned()),
        State::Backoff => Some(format!("{how}; it will be started again")),
        State::Failed if facts.gave_up => Some(format!("{how}, as it did too often; it was given up")),
        State::Failed => Some(format!("{how}; it will not be started again by itself")),
        State::Stopped if facts.cut_short => {
            Some("stopped for a replacement that was cut short; register it again".to_owned())
        }
        State::Stopped if facts.down_file => Some("stopped".to_owned()),
        State::Stopped if !raw.want_up => Some(format!("{how}, and is done")),
        _ => None,
    }
}

fn ended(exit: &Exit) -> String {
    match (exit.code, exit.signal.as_deref()) {
        (Some(code), _) => format!("it exited with {code}"),
        (None, Some(signal)) => format!("it was killed by {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}

fn unsupervised(status: &mut Status, told: &Told, supervised: Option<bool>) {
    let (state, reason) = match (told, supervised) {
        (Told::Failed(error), _) => (State::Unknown, format!("its status can't be read: {error}")),
        (Told::Denied, _) | (_, None) => (State::Unknown, "only its owner may see its status".to_owned()),
        (Told::Unreadable(why), _) => (State::Unknown, unreadable(*why)),
        (Told::Status(raw), _) => match raw.pid {
            // The last that a supervisor said before it was killed; the process lives on without it.
            Some(pid) => (State::Unknown, format!("its supervisor is gone; process {pid} may still run")),
            None => (State::Stopped, "no supervisor is there".to_owned()),
        },
        (Told::Nothing, _) => (State::Stopped, "no supervisor has been there yet".to_owned()),
    };
    status.state = state;
    status.reason = Some(reason);
    if let (Some(raw), State::Stopped) = (told.raw(), state) {
        status.since = raw.stamp.time();
        status.last_exit = (!raw.never_started()).then(|| exit::of_wstat(raw.wstat, raw.stamp.time()));
    }
}

fn unreadable(why: Unreadable) -> String {
    match why {
        Unreadable::Size(size) => {
            format!("its status file has {size} bytes, which no s6 that is known writes")
        }
        Unreadable::Pid(pid) => format!("its status file names process {pid}, which can't be"),
    }
}

fn native(slot: &Slot, facts: Facts, reader: &Reader<'_>) -> Value {
    let scandir = reader.scandir().path().to_string_lossy().into_owned();
    let mut pairs = Vec::with_capacity(7);
    let mut put = |key: &str, value: Value| pairs.push((key.to_owned(), value));
    put("scandir", scandir.into());
    put("supervised", slot.supervised.map_or(Value::Null, Value::Bool));
    put("normally_up", (!facts.down_file).into());
    if let Some(raw) = slot.told.raw() {
        put("want_up", raw.want_up.into());
        put("paused", (raw.paused && raw.pid.is_some()).into());
        put("finishing", raw.finishing.into());
        if let Some(pgid) = raw.pgid {
            put("pgid", i64::from(pgid).into());
        }
    }
    Value::Map(pairs)
}

#[cfg(test)]
mod tests;
