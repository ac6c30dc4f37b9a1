//! The specification of a service. What a spec does not set is `None`, so that only what it sets
//! itself is ever refused; the accessors give the value that then holds, the same on every backend.

use std::{path::PathBuf, time::Duration};

use super::{Bytes, Signal, Value};
use crate::wire::{wire_enum, wire_struct};

/// The values that hold where a spec says nothing.
pub mod defaults {
    use std::time::Duration;

    /// Delay before a restart, from the end of the process.
    pub const RESTART_DELAY: Duration = Duration::from_secs(1);
    /// Exit codes that mean: do not restart.
    pub const NEVER_ON: &[i32] = &[78];
    /// Exit codes that mean: a planned restart.
    pub const ALWAYS_ON: &[i32] = &[75];
    /// Time between the stop signal and KILL.
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
    /// Time to become ready, where readiness is given.
    pub const READY_TIMEOUT: Duration = Duration::from_secs(30);
    /// The file mode creation mask.
    pub const UMASK: u32 = 0o022;
    /// Size at which a log file is rotated, in bytes.
    pub const LOG_SIZE: u64 = 1 << 20;
    /// Rotated log files that are kept.
    pub const LOG_KEEP: u32 = 10;
}

wire_enum! {
    /// When a service whose process ended is started again.
    pub enum RestartPolicy {
        /// Not at all.
        Never = 1 "never",
        /// After a failure: an exit code other than 0, or any signal that we did not send.
        OnFailure = 2 "on-failure",
        /// After every end.
        Always = 3 "always",
    }
}

wire_enum! {
    /// What happens at the start of the scope's manager.
    pub enum Boot {
        /// As the operator left it.
        Restore = 1 "restore",
        /// It is started.
        Up = 2 "up",
        /// It is not started.
        Down = 3 "down",
    }
}

wire_enum! {
    /// Where the output of a service goes.
    pub enum LogTo {
        /// The service manager's own log.
        Manager = 1 "manager",
        /// Rotated files in a folder.
        Files = 2 "files",
        /// Nowhere.
        None = 3 "none",
    }
}

wire_enum! {
    /// A resource limit, as in setrlimit(2); sizes in bytes, `cpu` in seconds.
    pub enum LimitKind {
        /// Size of the address space.
        As = 1 "as",
        /// Size of a core file.
        Core = 2 "core",
        /// CPU time.
        Cpu = 3 "cpu",
        /// Size of the data segment.
        Data = 4 "data",
        /// Size of a file that is written.
        Fsize = 5 "fsize",
        /// Locked memory.
        Memlock = 6 "memlock",
        /// Open files.
        Nofile = 7 "nofile",
        /// Processes of the user.
        Nproc = 8 "nproc",
        /// Size of the stack.
        Stack = 9 "stack",
    }
}

wire_struct! { must:
    /// One environment variable.
    pub struct EnvVar {
        /// Its name, `[A-Za-z_][A-Za-z0-9_]*`.
        pub name: String,
        /// Its value, any bytes but NUL.
        pub value: Bytes,
    }
}

wire_struct! { must:
    /// One resource limit, soft and hard.
    pub struct Limit {
        /// Which.
        pub kind: LimitKind,
        /// The value; `None` is unlimited.
        pub value: Option<u64>,
    }
}

wire_struct! { must:
    /// When to stop restarting: `after` failures within `within`.
    pub struct GiveUp {
        /// The failure that is the last, from 1.
        pub after: u32,
        /// The time in which so many must fall.
        pub within: Duration,
    }
}

wire_struct! { must:
    /// How a service is restarted.
    #[derive(Default)]
    pub struct RestartSpec {
        /// When.
        pub policy: Option<RestartPolicy>,
        /// How long after the end of the process.
        pub delay: Option<Duration>,
        /// When to give up; without it never.
        pub give_up: Option<GiveUp>,
        /// Exit codes that mean: do not restart. Beats `always_on`.
        pub never_on: Option<Vec<i32>>,
        /// Exit codes that mean: a planned restart, not counted for giving up.
        pub always_on: Option<Vec<i32>>,
    }
}

wire_struct! { must:
    /// How a service is stopped.
    #[derive(Default)]
    pub struct StopSpec {
        /// The signal for the main process.
        pub signal: Option<Signal>,
        /// Then KILL, after this long.
        pub timeout: Option<Duration>,
    }
}

wire_struct! { must:
    /// How a service says that it is ready. At most one of the first five is set.
    #[derive(Default)]
    pub struct ReadySpec {
        /// It writes a newline to this descriptor.
        pub notify_fd: Option<u32>,
        /// It speaks sd_notify(3).
        pub sd_notify: Option<bool>,
        /// This command succeeds.
        pub check: Option<Vec<Bytes>>,
        /// This TCP port on the local machine accepts a connection.
        pub port: Option<u16>,
        /// This URL answers with a status below 400.
        pub http: Option<String>,
        /// How long it may take.
        pub timeout: Option<Duration>,
    }
}

wire_struct! { must:
    /// Where a service's output goes.
    #[derive(Default)]
    pub struct LogSpec {
        /// To the manager, to files, or nowhere.
        pub to: Option<LogTo>,
        /// The folder for files; may contain `${VAR}`.
        pub directory: Option<PathBuf>,
        /// Rotate at this size, in bytes.
        pub size: Option<u64>,
        /// Rotated files that are kept.
        pub keep: Option<u32>,
        /// Also to the console of the manager (a container's output).
        pub console: Option<bool>,
    }
}

wire_struct! { must:
    /// A service runs only while its condition holds, and reads as stopped otherwise.
    pub struct Condition {
        /// The environment variable that is looked at, at each start.
        pub env: String,
        /// `true`: it holds if the value is a word for true; `false`: if it is not, or unset; `None`:
        /// if it is set and not empty. The words are [`TRUE_WORDS`](crate::TRUE_WORDS).
        pub truthy: Option<bool>,
    }
}

wire_struct! { must:
    /// How to run a service.
    #[derive(Default)]
    pub struct ServiceSpec {
        /// The name; see [`check_name`](crate::check_name).
        pub name: String,
        /// One line for people.
        pub description: Option<String>,
        /// The program and its arguments. Never a shell string.
        pub command: Vec<Bytes>,
        /// Variables added to the environment of the manager or container.
        pub env: Vec<EnvVar>,
        /// A file of `NAME=value` lines, read at each start; may contain `${VAR}`.
        pub env_file: Option<PathBuf>,
        /// The working directory; may contain `${VAR}`.
        pub directory: Option<PathBuf>,
        /// The account it runs as; the registering one without.
        pub user: Option<String>,
        /// The group it runs as; the account's own without.
        pub group: Option<String>,
        /// The file mode creation mask.
        pub umask: Option<u32>,
        /// Resource limits.
        pub limits: Vec<Limit>,
        /// Services that are started before this one where both are.
        pub after: Vec<String>,
        /// Services that have to be started before this one.
        pub requires: Vec<String>,
        /// What happens at boot.
        pub boot: Option<Boot>,
        /// It is gone at the next boot of the machine or container, and nothing brings it back.
        pub transient: Option<bool>,
        /// Restarting.
        pub restart: RestartSpec,
        /// Stopping.
        pub stop: StopSpec,
        /// Readiness.
        pub ready: Option<ReadySpec>,
        /// Output.
        pub log: LogSpec,
        /// The condition.
        pub when: Option<Condition>,
        /// What this backend passes through to its manager.
        pub native: Value,
    }
}

impl ServiceSpec {
    /// Whether it is gone at the next boot.
    pub fn is_transient(&self) -> bool {
        self.transient == Some(true)
    }

    /// When the service is restarted.
    pub fn policy(&self) -> RestartPolicy {
        self.restart.policy.unwrap_or(RestartPolicy::OnFailure)
    }

    /// Delay before a restart.
    pub fn restart_delay(&self) -> Duration {
        self.restart.delay.unwrap_or(defaults::RESTART_DELAY)
    }

    /// Exit codes that mean: do not restart.
    pub fn never_on(&self) -> &[i32] {
        self.restart.never_on.as_deref().unwrap_or(defaults::NEVER_ON)
    }

    /// Exit codes that mean: a planned restart.
    pub fn always_on(&self) -> &[i32] {
        self.restart.always_on.as_deref().unwrap_or(defaults::ALWAYS_ON)
    }

    /// The signal that asks it to stop.
    pub fn stop_signal(&self) -> Signal {
        self.stop.signal.unwrap_or_else(|| Signal::from_number(15).expect("15 is a signal"))
    }

    /// Time between the stop signal and KILL.
    pub fn stop_timeout(&self) -> Duration {
        self.stop.timeout.unwrap_or(defaults::STOP_TIMEOUT)
    }

    /// Time to become ready; `None` where nothing says how.
    pub fn ready_timeout(&self) -> Option<Duration> {
        self.ready.as_ref().map(|r| r.timeout.unwrap_or(defaults::READY_TIMEOUT))
    }

    /// What happens at boot.
    pub fn boot(&self) -> Boot {
        self.boot.unwrap_or(Boot::Restore)
    }

    /// The file mode creation mask.
    pub fn umask(&self) -> u32 {
        self.umask.unwrap_or(defaults::UMASK)
    }

    /// Size at which a log file is rotated, in bytes.
    pub fn log_size(&self) -> u64 {
        self.log.size.unwrap_or(defaults::LOG_SIZE)
    }

    /// Rotated log files that are kept.
    pub fn log_keep(&self) -> u32 {
        self.log.keep.unwrap_or(defaults::LOG_KEEP)
    }
}
