//! What the result of a job means, and what it means that there is none.

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::jobs::Goal;

/// What the manager's result of a job means. That a process ended at once is no failure of the order: what
/// the service does now is a question for its status.
pub(super) fn of(goal: Goal, service: &str, result: &str) -> Result<()> {
    let shown = service.escape_debug();
    let failed = |message: String| Error::new(ErrorKind::CommandFailed, message).with_code(result);
    Err(match (goal, result) {
        (_, "done" | "skipped") | (Goal::Up | Goal::Again, "failed") => return Ok(()),
        (_, "canceled") => failed(format!("somebody gave another order for `{shown}` meanwhile"))
            .with_hint(format!("`anysvc status {shown}` shows what it does now")),
        (_, "dependency") => failed(format!("something that `{shown}` needs could not be started"))
            .with_hint(format!("`systemctl list-dependencies {shown}` shows what it needs")),
        (_, "timeout") => failed(format!("systemd's own time for the job of `{shown}` was over"))
            .with_hint(format!("`anysvc logs {shown}` may say what it waited for")),
        _ => failed(format!("systemd's job for `{shown}` ended as `{}`", result.escape_debug()))
            .with_hint(format!("`anysvc status {shown}` shows what it does now")),
    })
}

/// The error for a job that was not over by the deadline. Nothing is undone.
pub(super) fn late(goal: Goal, service: &str) -> Error {
    let shown = service.escape_debug();
    match goal {
        Goal::Up => Error::timed_out(format!("`{shown}` was not started in time"))
            .with_hint(format!("its start goes on; see its state with `anysvc status {shown}`")),
        Goal::Again => Error::timed_out(format!("`{shown}` was told to restart and is not up yet"))
            .with_hint("it is killed after its stop time-out, and started then"),
        Goal::Down => Error::timed_out(format!("`{shown}` was told to stop and has not ended yet"))
            .with_hint("it is killed after its stop time-out; see its state with `anysvc status`"),
    }
}

/// The error for a job that was asked for again and again, and left no trace.
pub(super) fn vanished(service: &str) -> Error {
    let shown = service.escape_debug();
    Error::new(ErrorKind::CommandFailed, format!("systemd takes the order for `{shown}` and does nothing"))
        .with_hint("its own log may say why: `journalctl -b _PID=1`")
}
