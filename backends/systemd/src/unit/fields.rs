//! What systemd and our units make of each field of a spec: the table that people see.

use anysvc_backend_api::{
    Description, Field,
    Support::{Carried, Native, Refused},
};

/// Adds the answer for each field.
pub fn fields(description: Description) -> Description {
    let no_files = "systemd rotates no files; its journal keeps the output";
    description
        .supports(
            Native,
            &[
                Field::Description,
                Field::User,
                Field::Group,
                Field::Umask,
                Field::After,
                Field::Boot,
                Field::Transient,
                Field::RestartPolicy,
                Field::RestartDelay,
                Field::RestartNeverOn,
                Field::StopSignal,
                Field::StopTimeout,
                Field::ReadySdNotify,
                Field::LogManager,
                Field::LogNone,
                Field::LogConsole,
            ],
        )
        .noted(Native, Field::Env, "UTF-8 alone; kept in a file that only the owner reads")
        .noted(
            Native,
            Field::Limits,
            "refused above the hard limits of a manager that may not raise them: a user's, or a container's; \
             and `nofile` above fs.nr_open",
        )
        .noted(Native, Field::Requires, "as Wants= and After=, so that a stop stops nothing else")
        .noted(
            Native,
            Field::RestartGiveUp,
            "starts are counted, in windows of the manager's own; a planned restart begins a new one, and \
             before systemd 255 so does a reload, which each (un)registration is",
        )
        .noted(Native, Field::RestartAlwaysOn, "reset by ExecStopPost= where failures are counted")
        .noted(Native, Field::Directory, "by a shell where it holds `${VAR}` or odd characters")
        .noted(Carried, Field::EnvFile, "read by a shell, so that no value holds a NUL or newline")
        .noted(Carried, Field::When, "decided by a shell, as ExecCondition=")
        .noted(Carried, Field::Expansion, "by a shell, when the service starts")
        .noted(Carried, Field::ReadyCheck, "probed by anysvc")
        .noted(Carried, Field::ReadyPort, "probed by anysvc")
        .noted(Carried, Field::ReadyHttp, "probed by anysvc")
        .noted(Refused, Field::ReadyNotifyFd, "systemd knows no descriptor for this; use sd-notify")
        .noted(Refused, Field::LogFiles, no_files)
        .noted(Refused, Field::LogDirectory, no_files)
        .noted(Refused, Field::LogSize, no_files)
        .noted(Refused, Field::LogKeep, no_files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_exactly_one_answer() {
        assert_eq!(fields(Description::new("systemd", "", "")).unsettled(), []);
    }
}
