//! The one error type: what happened, to what, why, and what to do next. It crosses as a bag, and its
//! kinds are the contract of the command line.

use std::{fmt, path::PathBuf};

use crate::{
    model::check_name,
    wire::{Refusal, wire_enum, wire_struct},
};

/// The result of anything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

wire_enum! {
    /// What sort of failure it is. Programs decide by it; each has one exit code.
    pub enum ErrorKind or CommandFailed {
        /// Reading or writing failed.
        Io = 1 "io",
        /// A bug: some code panicked.
        Panicked = 2 "panicked",
        /// The command line is wrong.
        Usage = 3 "usage",
        /// Not a name for a service.
        InvalidName = 4 "invalid-name",
        /// A specification is wrong.
        InvalidSpec = 5 "invalid-spec",
        /// There is no such service.
        NotRegistered = 6 "not-registered",
        /// There is one already.
        AlreadyRegistered = 7 "already-registered",
        /// It exists, and we did not make it.
        NotOurs = 8 "not-ours",
        /// This backend can't do that.
        Unsupported = 9 "unsupported",
        /// The operating system or the manager forbids it.
        PermissionDenied = 10 "permission-denied",
        /// No backend fits or is installed.
        NoBackend = 11 "no-backend",
        /// A backend's files are not trusted, or could not be loaded.
        Plugin = 12 "plugin",
        /// The service manager does not answer.
        ManagerUnavailable = 13 "manager-unavailable",
        /// The service manager refused or failed.
        CommandFailed = 14 "command-failed",
        /// It took too long.
        TimedOut = 15 "timed-out",
        /// The service died at once, or never became ready.
        Died = 16 "died",
    }
}

wire_struct! { lenient:
    /// A failure.
    pub struct Error {
        /// What sort.
        pub kind: ErrorKind,
        /// The service it is about.
        pub service: Option<String>,
        /// What happened, to what, and why: a lower-case sentence without a full stop.
        pub message: String,
        /// What to do next.
        pub hint: Option<String>,
        /// The file it is about.
        pub path: Option<PathBuf>,
        /// The exit status of a command.
        pub status: Option<i32>,
        /// What a command wrote to its standard error.
        pub stderr: Option<String>,
        /// The manager's or system's own name for it: `EACCES`, an HRESULT, a D-Bus error.
        pub native_code: Option<String>,
    }
}

impl Error {
    /// A failure with a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error {
            kind,
            service: None,
            message: message.into(),
            hint: None,
            path: None,
            status: None,
            stderr: None,
            native_code: None,
        }
    }

    /// A failure of the operating system on a file. EACCES, EPERM and EROFS become `permission-denied`.
    pub fn io(what: &str, path: impl Into<PathBuf>, cause: &std::io::Error) -> Error {
        let path = path.into();
        let kind = match cause.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                ErrorKind::PermissionDenied
            }
            _ => ErrorKind::Io,
        };
        let mut error = Error::new(kind, format!("cannot {what} {}: {cause}", path.display()));
        error.native_code = cause.raw_os_error().map(|code| code.to_string());
        error.hint = remedy(cause);
        error.path = Some(path);
        error
    }

    /// Adds what to do next.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the service, unless one is named already.
    pub fn with_service(mut self, name: &str) -> Error {
        self.service.get_or_insert_with(|| name.to_owned());
        self
    }

    /// Adds the file.
    pub fn with_path(mut self, path: impl Into<PathBuf>) -> Error {
        self.path = Some(path.into());
        self
    }

    /// Adds the manager's own name for it.
    pub fn with_code(mut self, code: impl Into<String>) -> Error {
        self.native_code = Some(code.into());
        self
    }

    /// `unsupported`, saying what can't be done.
    pub fn unsupported(what: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unsupported, what)
    }

    /// `not-registered`, with how to create it.
    pub fn not_registered(name: &str) -> Error {
        let hint = match check_name(name) {
            Ok(()) => format!("create it with `anysvc register {name} -- COMMAND`"),
            // Only what others made can have such a name.
            Err(_) => "`anysvc list --foreign` shows what there is".to_owned(),
        };
        Error::new(ErrorKind::NotRegistered, format!("there is no service `{}`", name.escape_debug()))
            .with_service(name)
            .with_hint(hint)
    }

    /// `already-registered`, with how to change or remove it.
    pub fn already_registered(name: &str) -> Error {
        Error::new(
            ErrorKind::AlreadyRegistered,
            format!("there is a service `{}` already", name.escape_debug()),
        )
        .with_service(name)
        .with_hint("`--replace` updates it, `anysvc unregister` removes it")
    }

    /// `not-ours`, with how to take it over.
    pub fn not_ours(name: &str) -> Error {
        Error::new(ErrorKind::NotOurs, format!("anysvc did not make the service `{}`", name.escape_debug()))
            .with_service(name)
            .with_hint("`anysvc register --adopt` takes it over")
    }

    /// `timed-out`, saying what took too long.
    pub fn timed_out(what: impl Into<String>) -> Error {
        Error::new(ErrorKind::TimedOut, what)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// What to do where something of the machine is used up or closed, whatever was tried.
fn remedy(cause: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind as Cause;
    // ENFILE and EMFILE, on every Unix. std has no name for them.
    let out_of_files = cfg!(unix) && matches!(cause.raw_os_error(), Some(23 | 24));
    let hint = match cause.kind() {
        Cause::StorageFull | Cause::QuotaExceeded => {
            "make room on that file system: `df` and `df -i` show what is short"
        }
        Cause::ReadOnlyFilesystem => "that file system is mounted read-only",
        _ if out_of_files => "raise the limit of open files (`ulimit -n`)",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// A refusal is about what the other side sent.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Unknown(key) => {
                Error::unsupported(format!("this backend does not know `{key}`, which has to be understood"))
                    .with_hint("update the backend, or leave it out")
            }
            Refusal::Missing(key) => {
                Error::new(ErrorKind::Plugin, format!("the other side left out `{key}`"))
            }
            Refusal::Malformed(key) => {
                Error::new(ErrorKind::Plugin, format!("the other side sent a `{key}` that makes no sense"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn what_is_used_up_is_told_with_its_remedy() {
        let hint = |errno| Error::io("write", "/x", &std::io::Error::from_raw_os_error(errno)).hint;
        // ENOSPC, EMFILE, ENFILE, EROFS; ENOENT says all by itself.
        for (errno, remedy) in [(28, "`df -i`"), (24, "`ulimit -n`"), (23, "`ulimit -n`"), (30, "read-only")]
        {
            assert!(hint(errno).is_some_and(|hint| hint.contains(remedy)), "{errno}");
        }
        assert_eq!(hint(2), None);
    }

    #[test]
    fn only_what_could_be_registered_is_hinted_at() {
        let hint = |name| Error::not_registered(name).hint.unwrap_or_default();
        assert_eq!(hint("web"), "create it with `anysvc register web -- COMMAND`");
        for name in ["a b", "../x", "", "cron.service", "\u{1b}[31m"] {
            assert_eq!(hint(name), "`anysvc list --foreign` shows what there is");
        }
    }
}
