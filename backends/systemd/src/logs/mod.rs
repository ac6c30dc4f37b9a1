//! What services wrote, from the journal, read by `journalctl`.

mod export;
mod journalctl;
mod refusal;
mod stream;

use std::collections::{HashMap, HashSet};

use anysvc_backend_api::{Error, LogQuery, LogStream, Result, Scope, Target};

use crate::{
    manager::{Gate, unit_of},
    shelf::{Found, Shelf},
    unit,
    verbs::{self, Services},
};

pub(crate) use refusal::refusal;

/// Which records of the journal are a service's.
#[derive(Clone, Debug)]
struct Matches {
    /// The field that names the unit.
    field: &'static str,
    /// What is asked of journalctl.
    words: Vec<String>,
    /// The names that were asked for, by their units.
    names: HashMap<String, String>,
    /// Those whose lines may be known by what their output is called alone.
    called: HashSet<String>,
}

/// Opens the logs of some services.
///
/// # Errors
/// `not-registered`; `unsupported` for one whose output goes nowhere; `io` where there is no journalctl.
pub(crate) fn open(services: &Services<'_>, uid: u32, query: &LogQuery) -> Result<Box<dyn LogStream>> {
    verbs::exist(services, query.names.iter().map(Target::new).collect())?;
    let mut ours = HashSet::new();
    for name in &query.names {
        let Found::Ours(kept) = Shelf::find(services.place, name)? else { continue };
        ours.insert(name.clone());
        if unit::is_silent(&kept.unit) {
            let message = format!("`{}` keeps no log: its `log.to` is `none`", name.escape_debug());
            return Err(Error::unsupported(message).with_service(name));
        }
    }
    let matches = matches(services.gate, uid, &query.names, ours)?;
    Ok(Box::new(stream::Stream::open(matches, query)?))
}

fn matches(gate: &Gate, uid: u32, names: &[String], ours: HashSet<String>) -> Result<Matches> {
    let mut units = HashMap::new();
    for name in names {
        units.insert(unit_of(name).ok_or_else(|| Error::not_registered(name))?, name.clone());
    }
    let (field, whose) = match gate.scope() {
        Scope::System => ("_SYSTEMD_UNIT", None),
        Scope::User => ("_SYSTEMD_USER_UNIT", Some(format!("_UID={uid}"))),
    };
    // Matches of one field are alternatives; those of two have to hold both.
    let mut words: Vec<String> =
        units.keys().map(|unit| format!("{field}={unit}")).chain(whose.clone()).collect();
    // journald asks the kernel which unit a process is of, and knows none for one that has ended by then. The
    // machine's manager tells it beforehand, a user's does not.
    let called = if gate.scope() == Scope::User { ours } else { HashSet::new() };
    if !called.is_empty() {
        words.extend(["+".to_owned(), "_TRANSPORT=stdout".to_owned()].into_iter().chain(whose));
        words.extend(called.iter().map(|name| format!("SYSLOG_IDENTIFIER={name}")));
    }
    Ok(Matches { field, words, names: units, called })
}
