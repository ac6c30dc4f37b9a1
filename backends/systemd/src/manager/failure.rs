//! From what D-Bus and systemd call a failure to ours, with what to do next.

use anysvc_backend_api::{Error, ErrorKind, Scope};

use crate::bus::{Fault, Garbled, Refusal};

/// Why a question to the manager has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection is of no use any more.
    Broken(Fault),
    /// It was refused.
    Refused(Refusal),
}

impl Failure {
    /// Whether the manager is lost, and may be found again.
    pub(crate) fn is_loss(&self) -> bool {
        match self {
            Failure::Broken(fault) => !matches!(fault, Fault::Late | Fault::Refused(_)),
            Failure::Refused(refusal) => unanswered(refusal),
        }
    }

    /// As an error about a service.
    pub(crate) fn about(&self, service: &str, scope: Scope) -> Error {
        match self {
            Failure::Broken(fault) => broken(fault),
            Failure::Refused(refusal) => refused(refusal, service, scope),
        }
    }

    /// As an error about the manager.
    pub(crate) fn error(&self, scope: Scope) -> Error {
        Error { service: None, ..self.about("systemd", scope) }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Broken(fault)
    }
}

impl From<Garbled> for Failure {
    fn from(_: Garbled) -> Failure {
        Failure::Broken(Fault::Garbled)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

/// The error for a call about a unit that was refused.
pub(super) fn refused(refusal: &Refusal, service: &str, scope: Scope) -> Error {
    let Refusal { name, text } = refusal;
    let shown = service.escape_debug();
    let short = name.rsplit('.').next().unwrap_or_default();
    let error = match short {
        "NoSuchUnit" | "UnknownObject" => Error::not_registered(service),
        "AccessDenied" | "InteractiveAuthorizationRequired" | "AuthFailed" | "NotAuthorized" => denied(scope),
        "UnitMasked" => Error::new(ErrorKind::CommandFailed, format!("the unit of `{shown}` is masked"))
            .with_hint(format!(
                "whoever masked it did not want it to start; `systemctl unmask {shown}` ends that"
            )),
        "BadUnitSetting" | "LoadFailed" | "UnitExists" => {
            Error::new(ErrorKind::CommandFailed, format!("systemd can't use the unit of `{shown}`: {text}"))
                .with_hint(format!(
                    "`systemd-analyze verify` says more; `anysvc show {shown}` names its file"
                ))
        }
        _ if unanswered(refusal) => {
            Error::new(ErrorKind::ManagerUnavailable, format!("systemd does not answer: {text}"))
                .with_hint("if it was just re-executed or reloaded, try again")
        }
        _ => Error::new(ErrorKind::CommandFailed, format!("systemd refused: {text}")),
    };
    error.with_service(service).with_code(name)
}

/// Whether a refusal says that the manager itself did not get the call, or could not answer it.
pub(super) fn unanswered(refusal: &Refusal) -> bool {
    const WORDS: [&str; 6] =
        ["NoReply", "Timeout", "TimedOut", "ServiceUnknown", "NameHasNoOwner", "Disconnected"];
    WORDS.iter().any(|word| refusal.is(word))
}

/// The error for somebody who may only look.
fn denied(scope: Scope) -> Error {
    let message = match scope {
        Scope::System => "only root may change the services of the machine",
        Scope::User => "this user's systemd does not take orders from us",
    };
    Error::new(ErrorKind::PermissionDenied, message).with_hint(match scope {
        Scope::System => "run it as root, by sudo, or use `--scope user` for services of your own",
        Scope::User => "run it as the user whose services they are",
    })
}

/// The error for a connection that is of no use any more.
pub(super) fn broken(fault: &Fault) -> Error {
    match fault {
        Fault::Absent(why) | Fault::Lost(why) => {
            Error::new(ErrorKind::ManagerUnavailable, format!("the connection to systemd broke: {why}"))
                .with_hint("if systemd or D-Bus was just restarted, try again")
        }
        Fault::Late => Error::timed_out("systemd did not answer in time")
            .with_hint("it may be busy or reloading; a longer `--timeout` waits longer"),
        Fault::Garbled => {
            Error::new(ErrorKind::ManagerUnavailable, "what came from systemd's socket makes no sense")
                .with_hint("`busctl` shows whether D-Bus works on this machine")
        }
        Fault::Refused(why) => {
            Error::new(ErrorKind::PermissionDenied, format!("systemd's socket does not let us in: {why}"))
                .with_hint("run it as root, or as the user whose services they are")
        }
    }
}
