//! What s6 and our scripts make of each field of a spec: the table that people see.

use anysvc_backend_api::{
    Description, Field,
    Support::{Carried, Native, Refused},
};

/// Adds the answer for each field of a spec.
pub fn fields(description: Description) -> Description {
    description
        .supports(
            Native,
            &[
                Field::Env,
                Field::User,
                Field::Group,
                Field::StopSignal,
                Field::StopTimeout,
                Field::LogManager,
                Field::LogDirectory,
                Field::LogKeep,
                Field::LogConsole,
            ],
        )
        .supports(
            Carried,
            &[
                Field::Description,
                Field::Directory,
                Field::Umask,
                Field::After,
                Field::Requires,
                Field::RestartPolicy,
                Field::RestartNeverOn,
                Field::RestartAlwaysOn,
                Field::LogNone,
            ],
        )
        .noted(Refused, Field::Transient, "a scandir keeps what is in it until that is unregistered")
        .noted(Native, Field::Limits, "s6 2.11.3.1 or newer; only root can raise a hard limit")
        .noted(Native, Field::RestartGiveUp, "at most 4096 failures; whole seconds, from 1")
        .noted(Native, Field::ReadyNotifyFd, "from descriptor 3")
        .noted(Native, Field::LogFiles, "a line of more than 8 KiB becomes several")
        .noted(
            Native,
            Field::LogSize,
            "4 KiB to 256 MiB less one byte; below 528 KiB a burst may make a file larger, by 264 KiB at most",
        )
        .noted(Carried, Field::RestartDelay, "1 s at least; counted by the run script")
        .noted(
            Carried,
            Field::EnvFile,
            "`env` wins; read by the shell, so that no value holds a NUL or newline",
        )
        .noted(Carried, Field::When, "decided from `env`, `env-file` and the container's environment")
        .noted(Carried, Field::Expansion, "by the run script, when the service starts")
        .noted(Carried, Field::Boot, "kept; takes effect with `anysvc reconcile` at boot")
        .noted(Carried, Field::ReadyCheck, "probed by anysvc")
        .noted(Carried, Field::ReadyPort, "probed by anysvc")
        .noted(Carried, Field::ReadyHttp, "probed by anysvc")
        .noted(Refused, Field::ReadySdNotify, "s6 does not speak sd_notify; use notify-fd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_exactly_one_answer() {
        assert_eq!(fields(Description::new("s6", "", "")).unsettled(), []);
    }
}
