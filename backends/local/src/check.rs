//! What this backend makes of each field of a spec, and what it refuses.

use anysvc_backend_api::{
    Description, Error, ErrorKind, Field, LogTo, Result, ServiceSpec, Support, Value, check_name,
};
use anysvc_backend_support::engine;

/// Adds the answer for each field.
pub fn fields(description: Description) -> Description {
    use Field::*;
    description
        .supports(
            Support::Native,
            &[
                Description,
                Env,
                EnvFile,
                Directory,
                User,
                Group,
                Umask,
                Limits,
                RestartPolicy,
                RestartDelay,
                RestartGiveUp,
                RestartNeverOn,
                RestartAlwaysOn,
                StopSignal,
                StopTimeout,
                ReadyNotifyFd,
                ReadySdNotify,
                LogFiles,
                LogNone,
                LogDirectory,
                LogSize,
                LogKeep,
                When,
                Expansion,
            ],
        )
        .supports(Support::Carried, &[After, Requires, Boot, ReadyCheck, ReadyPort, ReadyHttp])
        .noted(Support::Native, LogConsole, "to the output of process 1, where that can be written to")
        .noted(Support::Refused, Transient, "what is registered stays until it is unregistered")
        .noted(Support::Refused, LogManager, "the embedded supervisor keeps no log but the files")
}

/// Refuses, by the name of the field, what can't be done.
///
/// # Errors
/// `invalid-name`, `invalid-spec` or `unsupported`.
pub fn check(spec: &ServiceSpec) -> Result<()> {
    check_name(&spec.name)?;
    if spec.log.to == Some(LogTo::Manager) {
        let error =
            Error::unsupported("`log.to = \"manager\"`: the embedded supervisor has no log of its own");
        return Err(error.with_hint("use `files`, or leave it out"));
    }
    if let Value::Map(pairs) = &spec.native
        && let Some((key, _)) = pairs.first()
    {
        let message = format!("`native.local` has nothing called `{}`", key.escape_debug());
        return Err(Error::new(ErrorKind::InvalidSpec, message));
    }
    engine::check(spec)
}

/// Refuses a console where there is none that can be written to.
///
/// # Errors
/// `unsupported`.
pub fn check_console(spec: &ServiceSpec, is_there: bool) -> Result<()> {
    if is_there || spec.log.console != Some(true) {
        return Ok(());
    }
    let error = Error::unsupported("`log.console`: the output of process 1 can't be written to");
    Err(error.with_hint("leave it out; `anysvc logs -f` shows the lines"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_exactly_one_answer() {
        assert_eq!(fields(Description::new("local", "", "")).unsettled(), []);
    }

    #[test]
    fn what_makes_no_sense_here_is_refused_by_name() {
        let mut spec =
            ServiceSpec { name: "a".into(), command: vec!["/bin/true".into()], ..Default::default() };
        assert_eq!(check(&spec), Ok(()));
        spec.log.to = Some(LogTo::Manager);
        assert!(check(&spec).unwrap_err().message.contains("log.to"));
        spec.log.to = None;
        spec.native = Value::Map(vec![("Type".into(), Value::Null)]);
        assert!(check(&spec).unwrap_err().message.contains("native.local"));
    }
}
