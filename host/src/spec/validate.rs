//! What a spec has to be, however it was written: the rules that concern more than the form of one
//! value. This module must not know files, options or backends.

mod ready;
mod rules;

use anysvc_backend_api::{Error, ErrorKind, ReadySpec, Result, ServiceSpec, Value, check_name};

use super::Spec;
pub(crate) use rules::MOST_LOGS;

/// A broken rule.
#[derive(Debug)]
pub(crate) struct Violation {
    /// The key that it is about.
    pub(crate) key: &'static str,
    /// A sentence without a place.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

/// Checks a spec that was made by code. Files and options are checked when they are read.
///
/// # Errors
/// `invalid-name` or `invalid-spec`, with the key.
pub fn check(spec: &Spec) -> Result<()> {
    let name = &spec.service.name;
    check_name(name).map_err(|e| e.with_service(name))?;
    violation(spec).map_err(|v| {
        let error = Error::new(ErrorKind::InvalidSpec, format!("{} of `{name}`: {}", v.key, v.message));
        Error { hint: v.hint, ..error }.with_service(name)
    })
}

/// The first rule that a spec breaks. Its name is somebody else's business.
pub(crate) fn violation(spec: &Spec) -> Result<(), Violation> {
    rules::check(&spec.service)?;
    for value in spec.natives.values() {
        if !matches!(value, Value::Map(_)) {
            return Err(rules::broken("native", "it has to be a table for each backend"));
        }
    }
    Ok(())
}

/// Takes out what says nothing: `transient = false`, `sd-notify = false`, and a readiness in which nothing is left.
pub(crate) fn tidy(spec: &mut ServiceSpec) {
    spec.transient = spec.transient.filter(|yes| *yes);
    if let Some(ready) = &mut spec.ready {
        ready.sd_notify = ready.sd_notify.filter(|yes| *yes);
        if *ready == ReadySpec::default() {
            spec.ready = None;
        }
    }
}
