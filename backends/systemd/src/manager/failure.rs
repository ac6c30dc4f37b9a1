//! From what D-Bus and systemd call a failure to ours, with what to do next.

use anysvc_backend_api::{Error, ErrorKind, Scope};

use crate::bus::{Fault, Refusal};

/// The error for a call about a unit that was refused.
pub(crate) fn refused(refusal: &Refusal, service: &str, scope: Scope) -> Error {
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
pub(crate) fn unanswered(refusal: &Refusal) -> bool {
    let short = refusal.name.rsplit('.').next().unwrap_or_default();
    ["NoReply", "Timeout", "TimedOut", "ServiceUnknown", "NameHasNoOwner", "Disconnected"].contains(&short)
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
pub(crate) fn broken(fault: &Fault) -> Error {
    match fault {
        Fault::Lost(why) => {
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
