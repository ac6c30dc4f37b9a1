//! What services wrote, from the journal, read by `journalctl`.

mod export;
mod journalctl;
mod stream;

use std::collections::HashMap;

use anysvc_backend_api::{Error, LogQuery, LogStream, Result, Scope, Target};

use crate::{
    manager::{Gate, unit_of},
    shelf::{Found, Shelf},
    unit,
    verbs::{self, Services},
};

/// Which records of the journal are a service's.
#[derive(Clone, Debug)]
struct Matches {
    /// The field that names the unit.
    field: &'static str,
    /// What is asked of journalctl.
    words: Vec<String>,
    /// The names that were asked for, by their units.
    names: HashMap<String, String>,
}

/// Opens the logs of some services.
///
/// # Errors
/// `not-registered`; `unsupported` for one whose output goes nowhere; `io` where there is no journalctl.
pub(crate) fn open(services: &Services<'_>, uid: u32, query: &LogQuery) -> Result<Box<dyn LogStream>> {
    verbs::exist(services, query.names.iter().map(Target::new).collect())?;
    for name in &query.names {
        if let Found::Ours(kept) = Shelf::find(services.place, name)?
            && unit::is_silent(&kept.unit)
        {
            let message = format!("`{}` keeps no log: its `log.to` is `none`", name.escape_debug());
            return Err(Error::unsupported(message).with_service(name));
        }
    }
    let matches = matches(services.gate, uid, &query.names)?;
    Ok(Box::new(stream::Stream::open(matches, query)?))
}

fn matches(gate: &Gate, uid: u32, names: &[String]) -> Result<Matches> {
    let mut units = HashMap::new();
    for name in names {
        units.insert(unit_of(name).ok_or_else(|| Error::not_registered(name))?, name.clone());
    }
    let (field, whose) = match gate.scope() {
        Scope::System => ("_SYSTEMD_UNIT", None),
        Scope::User => ("_SYSTEMD_USER_UNIT", Some(format!("_UID={uid}"))),
    };
    // Matches of one field are alternatives; those of two have to hold both.
    let words = units.keys().map(|unit| format!("{field}={unit}")).chain(whose).collect();
    Ok(Matches { field, words, names: units })
}
