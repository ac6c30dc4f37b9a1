//! What a spec has to be, however it was written: the rules that concern more than the form of one
//! value. This module must not know files, options or backends.

mod ready;
mod rules;

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Bytes, Error, ErrorKind, ReadySpec, Result, ServiceSpec, Value, check_name};

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

/// Takes out what says nothing: `sd-notify = false`, and a readiness in which nothing is left.
pub(crate) fn tidy(spec: &mut ServiceSpec) {
    if let Some(ready) = &mut spec.ready {
        ready.sd_notify = ready.sd_notify.filter(|yes| *yes);
        if *ready == ReadySpec::default() {
            spec.ready = None;
        }
    }
}

/// A template's spec with `{instance}` replaced in every text.
pub(crate) fn with_instance(spec: &Spec, instance: &str) -> Spec {
    let mut spec = spec.clone();
    let service = &mut spec.service;
    let text = |text: &mut String| *text = text.replace("{instance}", instance);
    let bytes = |bytes: &mut Bytes| bytes.0 = replaced(&bytes.0, instance);
    let path = |path: &mut PathBuf| *path = path_replaced(path, instance);
    service.description.iter_mut().for_each(text);
    service.command.iter_mut().for_each(bytes);
    service.env.iter_mut().for_each(|var| bytes(&mut var.value));
    [&mut service.env_file, &mut service.directory, &mut service.log.directory]
        .into_iter()
        .flatten()
        .for_each(path);
    service.user.iter_mut().chain(&mut service.group).for_each(text);
    service.after.iter_mut().chain(&mut service.requires).for_each(text);
    if let Some(ready) = &mut service.ready {
        ready.check.iter_mut().flatten().for_each(bytes);
        ready.http.iter_mut().for_each(text);
    }
    service.when.iter_mut().for_each(|when| text(&mut when.env));
    spec
}

fn replaced(bytes: &[u8], instance: &str) -> Vec<u8> {
    const MARK: &[u8] = b"{instance}";
    let mut result = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(MARK.len()).position(|w| w == MARK) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(instance.as_bytes());
        rest = &rest[at + MARK.len()..];
    }
    result.extend_from_slice(rest);
    result
}

fn path_replaced(path: &Path, instance: &str) -> PathBuf {
    // Replacing text in text keeps the encoding whole; what is no text contains no mark worth replacing.
    path.to_str().map_or_else(|| path.to_owned(), |text| PathBuf::from(text.replace("{instance}", instance)))
}
