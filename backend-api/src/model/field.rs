//! The fields of a spec that a backend has to take a stand on, and which of them a spec sets.

use super::{LogTo, ServiceSpec, Value, expand};
use crate::wire::wire_enum;

wire_enum! {
    /// A field of a spec, named as in a spec file.
    pub enum Field or Unknown {
        /// `description`
        Description = 1 "description",
        /// `env`
        Env = 2 "env",
        /// `env-file`
        EnvFile = 3 "env-file",
        /// `directory`
        Directory = 4 "directory",
        /// `user`
        User = 5 "user",
        /// `group`
        Group = 6 "group",
        /// `umask`
        Umask = 7 "umask",
        /// `limits`
        Limits = 8 "limits",
        /// `after`
        After = 9 "after",
        /// `requires`
        Requires = 10 "requires",
        /// `boot`
        Boot = 11 "boot",
        /// `restart.policy`
        RestartPolicy = 12 "restart.policy",
        /// `restart.delay`
        RestartDelay = 13 "restart.delay",
        /// `restart.give-up`
        RestartGiveUp = 14 "restart.give-up",
        /// `restart.never-on`
        RestartNeverOn = 15 "restart.never-on",
        /// `restart.always-on`
        RestartAlwaysOn = 16 "restart.always-on",
        /// `stop.signal`
        StopSignal = 17 "stop.signal",
        /// `stop.timeout`
        StopTimeout = 18 "stop.timeout",
        /// `ready.notify-fd`
        ReadyNotifyFd = 19 "ready.notify-fd",
        /// `ready.sd-notify`
        ReadySdNotify = 20 "ready.sd-notify",
        /// `ready.check`
        ReadyCheck = 21 "ready.check",
        /// `ready.port`
        ReadyPort = 22 "ready.port",
        /// `ready.http`
        ReadyHttp = 23 "ready.http",
        /// `log.to = "manager"`
        LogManager = 24 "log.to=manager",
        /// `log.to = "files"`
        LogFiles = 25 "log.to=files",
        /// `log.to = "none"`
        LogNone = 26 "log.to=none",
        /// `log.directory`
        LogDirectory = 27 "log.directory",
        /// `log.size`
        LogSize = 28 "log.size",
        /// `log.keep`
        LogKeep = 29 "log.keep",
        /// `log.console`
        LogConsole = 30 "log.console",
        /// `when.env`
        When = 31 "when.env",
        /// `${VAR}` in `directory`, `env-file` and `log.directory`
        Expansion = 32 "${VAR}",
        /// `transient`
        Transient = 33 "transient",
        /// A field of a newer version.
        Unknown = 0 "unknown",
    }
}

impl Field {
    /// The fields that a spec sets itself.
    pub fn set_by(spec: &ServiceSpec) -> Vec<Field> {
        let restart = &spec.restart;
        let ready = spec.ready.clone().unwrap_or_default();
        let log = &spec.log;
        let expands = |path: &Option<std::path::PathBuf>| {
            path.as_ref().is_some_and(|p| {
                let pieces = expand::pieces(p.as_os_str().as_encoded_bytes()).unwrap_or_default();
                pieces.iter().any(|piece| matches!(piece, expand::Piece::Variable { .. }))
            })
        };
        let table = [
            (Field::Description, spec.description.is_some()),
            (Field::Env, !spec.env.is_empty()),
            (Field::EnvFile, spec.env_file.is_some()),
            (Field::Directory, spec.directory.is_some()),
            (Field::User, spec.user.is_some()),
            (Field::Group, spec.group.is_some()),
            (Field::Umask, spec.umask.is_some()),
            (Field::Limits, !spec.limits.is_empty()),
            (Field::After, !spec.after.is_empty()),
            (Field::Requires, !spec.requires.is_empty()),
            (Field::Boot, spec.boot.is_some()),
            (Field::Transient, spec.is_transient()),
            (Field::RestartPolicy, restart.policy.is_some()),
            (Field::RestartDelay, restart.delay.is_some()),
            (Field::RestartGiveUp, restart.give_up.is_some()),
            (Field::RestartNeverOn, restart.never_on.is_some()),
            (Field::RestartAlwaysOn, restart.always_on.is_some()),
            (Field::StopSignal, spec.stop.signal.is_some()),
            (Field::StopTimeout, spec.stop.timeout.is_some()),
            (Field::ReadyNotifyFd, ready.notify_fd.is_some()),
            (Field::ReadySdNotify, ready.sd_notify == Some(true)),
            (Field::ReadyCheck, ready.check.is_some()),
            (Field::ReadyPort, ready.port.is_some()),
            (Field::ReadyHttp, ready.http.is_some()),
            (Field::LogManager, log.to == Some(LogTo::Manager)),
            (Field::LogFiles, log.to == Some(LogTo::Files)),
            (Field::LogNone, log.to == Some(LogTo::None)),
            (Field::LogDirectory, log.directory.is_some()),
            (Field::LogSize, log.size.is_some()),
            (Field::LogKeep, log.keep.is_some()),
            (Field::LogConsole, log.console.is_some()),
            (Field::When, spec.when.is_some()),
            (
                Field::Expansion,
                expands(&spec.directory) || expands(&spec.env_file) || expands(&log.directory),
            ),
        ];
        debug_assert_eq!(table.len() + 1, Field::ALL.len());
        debug_assert!(matches!(spec.native, Value::Null | Value::Map(_)));
        table.into_iter().filter_map(|(field, set)| set.then_some(field)).collect()
    }
}
