//! Running another program with a deadline: what it wrote, and typed errors that carry its status and
//! standard error. Knows nothing of what it runs.

use std::{path::Path, process::Command};

use anysvc_backend_api::{Deadline, Result};

/// What a command that succeeded, or ended with an accepted status, gave.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

/// Runs a command to its end, its standard input empty. Ends it by KILL at the deadline.
///
/// # Errors
/// `command-failed` with status and standard error when it ends in another way than by an accepted exit
/// code; `timed-out`; `io` or `permission-denied` when it can't be started.
pub fn run(command: &mut Command, accepted: &[i32], deadline: Deadline) -> Result<Output> {
    let _ = (command, accepted, deadline, Path::new(""));
    Err(anysvc_backend_api::Error::unsupported("to be written"))
}
