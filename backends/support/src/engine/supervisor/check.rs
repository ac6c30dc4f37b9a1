//! What the engine refuses of a spec, by the name of the field. Pure.

use anysvc_backend_api::{Bytes, Error, ErrorKind, LogTo, Result, ServiceSpec, check_name, expand};

/// The smallest log file: s6-log's, so that a spec means the same on both.
const SMALLEST_LOG: u64 = 4096;

/// Refuses, by the name of the field, what the engine can't do. Reads nothing.
///
/// # Errors
/// `invalid-name`, `invalid-spec` or `unsupported`.
pub fn check(spec: &ServiceSpec) -> Result<()> {
    check_name(&spec.name)?;
    let invalid = |what: String| Err(Error::new(ErrorKind::InvalidSpec, what).with_service(&spec.name));
    let holds_nul = |bytes: &Bytes| bytes.contains(&0);
    match spec.command.first() {
        None => return invalid("`command` is empty".to_owned()),
        Some(program) if program.is_empty() => return invalid("`command` names no program".to_owned()),
        _ => {}
    }
    if spec.command.iter().any(holds_nul) {
        return invalid("`command` holds a NUL byte, which no argument can".to_owned());
    }
    if let Some(variable) = spec.env.iter().find(|variable| holds_nul(&variable.value)) {
        return invalid(format!("`env.{}` holds a NUL byte, which no value can", variable.name));
    }
    if let Some(fd) = spec.ready.as_ref().and_then(|ready| ready.notify_fd)
        && (fd < 3 || i32::try_from(fd).is_err())
    {
        return invalid(format!("`ready.notify-fd` is {fd}; it has to be 3 or more"));
    }
    if spec.log.to == Some(LogTo::Manager) {
        let message = "`log.to` can't be `manager` here: there is no log but files";
        return Err(Error::unsupported(message).with_service(&spec.name));
    }
    if spec.log_size() < SMALLEST_LOG {
        return invalid(format!("`log.size` is {}; it has to be {SMALLEST_LOG} or more", spec.log_size()));
    }
    let give_up = spec.restart.give_up.as_ref();
    if give_up.is_some_and(|limit| limit.after == 0 || limit.within.is_zero()) {
        return invalid("`restart.give-up` needs `after` and `within` of more than nothing".to_owned());
    }
    let paths = [
        ("env-file", spec.env_file.as_ref()),
        ("directory", spec.directory.as_ref()),
        ("log.directory", spec.log.directory.as_ref()),
    ];
    for (field, path) in paths {
        let Some(path) = path else { continue };
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            return invalid(format!("`{field}` is no path"));
        }
        if let Err(why) = expand::pieces(bytes) {
            return invalid(format!("`{field}`: {why}"));
        }
    }
    Ok(())
}
