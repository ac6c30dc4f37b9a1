//! What the manager itself said of a unit that it could not start: the service had no process then, and wrote
//! nothing.

use std::time::{Duration, SystemTime};

use anysvc_backend_api::{Deadline, Scope};
use anysvc_backend_support::socket;
use rustix::{event::PollFlags, process::geteuid};

use super::{
    Matches,
    export::Entry,
    journalctl::{From, Journalctl},
};

/// How long its line may be on the way to the journal.
const LAG: Duration = Duration::from_millis(500);

/// Its first complaint about a unit since then.
pub(crate) fn refusal(scope: Scope, unit: &str, since: SystemTime) -> Option<String> {
    let (field, whose) = match scope {
        Scope::System => ("UNIT", "_PID=1".to_owned()),
        Scope::User => ("USER_UNIT", format!("_UID={}", geteuid().as_raw())),
    };
    let words = vec!["--priority=warning".to_owned(), format!("{field}={unit}"), whose];
    let matches = Matches { field, words, names: Default::default(), called: Default::default() };
    let deadline = Deadline::after(LAG);
    let mut journal = Journalctl::start(&matches, &From::Time(since), true).ok()?;
    loop {
        let (entries, more) = journal.take().ok()?;
        let said = entries.iter().find_map(message);
        if said.is_some() || !more {
            return said.map(|said| without_name(&said, unit));
        }
        socket::ready(journal.fd(), PollFlags::IN, deadline).ok()?;
    }
}

fn message(entry: &Entry) -> Option<String> {
    let (_, said) = entry.iter().find(|(field, _)| field == "MESSAGE")?;
    Some(String::from_utf8_lossy(said).into_owned())
}

fn without_name(said: &str, unit: &str) -> String {
    let said = said.strip_prefix(unit).and_then(|said| said.strip_prefix(": ")).unwrap_or(said);
    said.trim_end_matches('.').to_owned()
}
