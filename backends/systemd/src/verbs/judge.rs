//! From what systemd says of a unit to its state in the model. Pure.

use std::time::SystemTime;

use anysvc_backend_api::{Exit, Rest, Signal, State, Status, Value};

use crate::manager::{Facts, Listed, Unit};

/// waitid(2)'s words for how a process ended.
const EXITED: u32 = 1;
const KILLED: u32 = 2;
const DUMPED: u32 = 3;

/// What is known of a unit from its file and its link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// We made it.
    pub(super) ours: bool,
    /// It is started at boot.
    pub(super) enabled: bool,
    /// That is because it was last told to be up.
    pub(super) restored: bool,
    /// `stop` took that from it.
    pub(super) stopped: bool,
    /// Somebody removed its file.
    pub(super) gone: bool,
}

/// The status of a service.
pub(super) fn status(name: &str, unit: &Unit, own: Own) -> Status {
    let Unit { listed, facts } = unit;
    let mut status = Status::new(name, state(listed, facts));
    status.ours = own.ours;
    let rests = matches!(listed.active.as_str(), "inactive" | "failed") && status.state != State::Starting;
    status.last_exit = last_exit(facts);
    if rests {
        at_rest(&mut status, facts, own);
        // Nothing runs for which somebody may have asked that it starts at boot.
        status.told_up = own.restored.then_some(true);
    }
    status.ready = ready(&status, listed, facts);
    status.pid = Some(facts.pid).filter(|&pid| pid != 0 && !rests);
    status.since = since(&status, facts);
    status.restarts = facts.restarts;
    status.wanted_up = wanted_up(listed, &status);
    let reason = status.reason.take();
    status.reason = reason.or_else(|| on_the_way(&status, listed, facts));
    if own.gone {
        // The manager can't start it again. It was not told that it is down: then nothing would be left of it.
        (status.told_up, status.rest) = (Some(true), Some(Rest::Unattended));
        status.reason = Some("the file of its unit is gone".to_owned());
    }
    status.native = native(listed, facts, own);
    status
}

fn state(listed: &Listed, facts: &Facts) -> State {
    let job = listed.job.as_ref().map(|(_, kind)| kind.as_str());
    match (listed.active.as_str(), listed.sub.as_str()) {
        ("active" | "reloading" | "refreshing", _) => State::Running,
        ("activating", sub) if sub.starts_with("auto-restart") => State::Backoff,
        // Its process runs, and says later that it is ready.
        ("activating", "start") if says_ready(facts) && facts.pid != 0 => State::Running,
        ("activating", _) => State::Starting,
        ("deactivating", _) => State::Stopping,
        ("inactive" | "failed", _) if matches!(job, Some("start" | "restart")) => State::Starting,
        ("failed", _) => State::Failed,
        ("inactive", _) => State::Stopped,
        _ => State::Unknown,
    }
}

fn says_ready(facts: &Facts) -> bool {
    facts.kind.starts_with("notify")
}

fn ready(status: &Status, listed: &Listed, facts: &Facts) -> Option<bool> {
    (says_ready(facts) && status.state == State::Running).then(|| listed.active != "activating")
}

/// Held back, stopped by somebody, done, or failed: systemd does not tell the first three apart.
fn at_rest(status: &mut Status, facts: &Facts, own: Own) {
    let how = status.last_exit.as_ref().map(|exit| ended(exit, facts));
    // Of one that failed before it had a process nothing else is known.
    let ran = how.is_some() || status.state == State::Failed;
    if held_back(facts) {
        status.state = State::Stopped;
        status.held_back = true;
        status.last_exit = None;
        status.reason = Some("condition not met".to_owned());
    } else if own.stopped || was_stopped(facts) || (status.state == State::Stopped && was_not_let(facts)) {
        status.state = State::Stopped;
        status.reason = how.map(|_| "stopped".to_owned());
    } else {
        // Nobody stopped it: its restart policy made this end the last one.
        status.rest = ran.then_some(Rest::Over);
        // TERM and the like systemd calls clean, and nobody sent them to stop it.
        if own.ours && status.last_exit.as_ref().is_some_and(|exit| exit.signal.is_some()) {
            status.state = State::Failed;
        }
        status.reason = match status.state {
            State::Failed => Some(failed(how, facts)),
            _ => how.map(|how| format!("{how}, and is done")),
        };
    }
}

/// Its own condition says so with an exit code, those of others beforehand.
fn held_back(facts: &Facts) -> bool {
    facts.result == "exec-condition"
        || (facts.condition == Some(false)
            && facts.condition_at >= facts.ended
            && facts.condition_at.is_some())
}

/// A unit that is told to stop leaves its active state first, and then its process ends. One that ends by
/// itself does so the other way round.
fn was_stopped(facts: &Facts) -> bool {
    let Facts { began: Some(began), left_active: Some(left), ended: Some(ended), .. } = facts else {
        return false;
    };
    began <= left && left < ended && !set_out_again(facts)
}

/// One that is `inactive`, and not `failed`, and did not end well, or waited for its restart: it was stopped
/// meanwhile.
fn was_not_let(facts: &Facts) -> bool {
    !matches!(facts.result.as_str(), "success" | "") || set_out_again(facts)
}

/// It ended, and waited for a restart or was started since, without a process so far.
fn set_out_again(facts: &Facts) -> bool {
    facts.ended.is_some() && facts.set_out >= facts.ended
}

/// It was not let start again: it did that too often.
fn gave_up(facts: &Facts) -> bool {
    facts.result == "start-limit-hit" || set_out_again(facts)
}

fn failed(how: Option<String>, facts: &Facts) -> String {
    let how = how.unwrap_or_else(|| "it failed".to_owned());
    match facts.result.as_str() {
        NOT_STARTED => not_started(State::Failed, None),
        _ if gave_up(facts) => format!("{how}, as it did too often; it was given up"),
        "timeout" => format!("{how}, because it took too long to start or to stop"),
        "watchdog" => format!("{how}, because it did not say in time that it lives"),
        "oom-kill" => format!("{how}, because the memory was used up"),
        _ => format!("{how}; it will not be started again by itself"),
    }
}

/// The result of one that systemd could not even begin.
pub(super) const NOT_STARTED: &str = "resources";

/// The reason for it, with what systemd said.
pub(super) fn not_started(state: State, why: Option<&str>) -> String {
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let next = match state {
        State::Backoff => "it will be tried again",
        _ => "it will not be tried again by itself",
    };
    format!("systemd could not start it{why}; {next}")
}

fn on_the_way(status: &Status, listed: &Listed, facts: &Facts) -> Option<String> {
    let how = status.last_exit.as_ref().map(|exit| ended(exit, facts));
    match status.state {
        State::Backoff if facts.result == NOT_STARTED => Some(not_started(status.state, None)),
        State::Backoff => Some(format!("{}; it will be started again", how?)),
        State::Running if listed.sub == "exited" => {
            Some("its process has ended, and systemd keeps it active".to_owned())
        }
        State::Stopped if listed.load == "masked" => Some("its unit is masked".to_owned()),
        State::Stopped if !matches!(listed.load.as_str(), "loaded" | "stub") => {
            Some(format!("systemd can't use its unit: {}", listed.load))
        }
        State::Running if listed.load == "not-found" => Some("the file of its unit is gone".to_owned()),
        State::Unknown => Some(format!("systemd calls it {} ({})", listed.active, listed.sub)),
        _ => None,
    }
}

fn last_exit(facts: &Facts) -> Option<Exit> {
    let number = i32::try_from(facts.status).ok();
    let (code, signal) = match facts.code {
        EXITED => (number, None),
        KILLED | DUMPED => (None, number.and_then(Signal::from_number).map(Signal::name)),
        _ => return None,
    };
    Some(Exit { code, signal, at: facts.ended })
}

fn ended(exit: &Exit, facts: &Facts) -> String {
    match (exit.code, exit.signal.as_deref()) {
        (Some(code), _) => match before_it_ran(code, facts) {
            Some(why) => format!("{why} (systemd's exit code {code})"),
            None => format!("it exited with {code}"),
        },
        (None, Some(signal)) => format!("it was killed by {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}

/// The exit codes of systemd's own, systemd.exec(5): those that a spec can lead to.
fn before_it_ran(code: i32, facts: &Facts) -> Option<&'static str> {
    let why = match code {
        200 => "its directory can't be entered",
        203 => "its program can't be executed",
        205 => "its limits can't be set",
        209 => "its output can't be opened",
        216 => "its group is unknown or not allowed",
        217 => "its user is unknown or not allowed",
        _ => return None,
    };
    (facts.result == "exit-code").then_some(why)
}

fn since(status: &Status, facts: &Facts) -> Option<SystemTime> {
    match status.state {
        // A reload changes the state and changes it back.
        State::Running if status.ready != Some(false) => facts.became_active,
        State::Running => facts.began,
        _ => facts.changed,
    }
}

fn wanted_up(listed: &Listed, status: &Status) -> Option<bool> {
    match (listed.job.as_ref().map(|(_, kind)| kind.as_str()), status.state) {
        (Some("stop"), _) => Some(false),
        (Some("start" | "restart"), _) => Some(true),
        (_, State::Running | State::Starting | State::Backoff) => Some(true),
        (_, State::Stopped | State::Failed) => Some(false),
        _ => None,
    }
}

fn native(listed: &Listed, facts: &Facts, own: Own) -> Value {
    let mut pairs = vec![
        ("unit".to_owned(), listed.id.as_str().into()),
        ("load".to_owned(), listed.load.as_str().into()),
        ("active".to_owned(), listed.active.as_str().into()),
        ("sub".to_owned(), listed.sub.as_str().into()),
    ];
    let mut put = |key: &str, text: &str| pairs.push((key.to_owned(), text.into()));
    if !facts.file.is_empty() {
        put("file", &facts.file);
    }
    // What is up has none yet.
    if listed.active != "active" && !facts.result.is_empty() {
        put("result", &facts.result);
    }
    if let Some((_, kind)) = &listed.job {
        put("job", kind);
    }
    if own.ours {
        pairs.push(("enabled".to_owned(), own.enabled.into()));
    }
    Value::Map(pairs)
}

#[cfg(test)]
mod tests;
