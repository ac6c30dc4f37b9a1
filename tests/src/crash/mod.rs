//! Kills a command at its N-th change to the file system: what a crash at the worst moment is.
//!
//! One counter runs over the whole tree of processes that the command makes, so that a sweep
//! over N leaves out nothing. What other processes do (a supervisor that the command talks to)
//! is neither counted nor touched.
//!
//! ```no_run
//! use anysvc_tests::{APP, S6Lab};
//!
//! let lab = S6Lab::new().nested().start();
//! let start = || lab.anysvc(["start", "web"]).uid(APP);
//! let all = start().traced();
//! println!("{} points:\n{all}", all.calls.len());
//! for n in 1..=all.calls.len() {
//!     assert!(start().killed_at(n).hit(), "point {n} is not reached any more");
//!     // ... whatever must hold now ...
//! }
//! ```
//!
//! **What counts** (`calls.rs` has the table): calls that make, move, remove or change files or
//! their attributes, that open for writing, that write to regular files and named FIFOs, and
//! that flush. Writes to pipes, sockets, terminals and memory files do not, and neither do
//! locks: a lock goes with its holder, so that a crash right after it is the crash at the next
//! change. A command that uses io_uring, whose writes no one sees, is an error.
//!
//! **How**: a seccomp filter stops a process on such a call and a ptracer decides, so that all
//! other calls run at full speed. SIGKILL at that stop means that the call is never made.

mod calls;
mod filter;
mod look;
mod sweep;
#[cfg(test)]
mod tests;
mod tracer;
mod world;

pub use sweep::sweep;
pub use world::{Supervisor, World};

use crate::enter::Enter;
use std::fmt;
use std::process::{Command, ExitStatus};

/// One change to the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The system call.
    pub name: &'static str,
    /// The file it is about, as far as its arguments tell.
    pub subject: String,
}

/// A command that ran under the driver, to its end or to its crash.
#[must_use = "say whether it was to be hit"]
#[derive(Debug)]
pub struct Traced {
    /// The calls that count, in order; the last is the one that was not made if it was [`hit`](Traced::hit).
    pub calls: Vec<Call>,
    /// How the command itself ended.
    pub status: ExitStatus,
    /// What it put out.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
    hit: bool,
}

impl Traced {
    /// Whether it was killed at the call it was to be killed at; otherwise it ended before.
    pub fn hit(&self) -> bool {
        self.hit
    }
}

/// Runs a command to its end, and lists its changes to the file system.
///
/// # Errors
/// When it can't be run or traced, uses io_uring, or hangs.
pub fn count(command: Command) -> std::io::Result<Traced> {
    tracer::run(command, 0)
}

/// Runs a command and kills it, and all processes it made, at its change number `n`, counted
/// from 1, before that takes effect.
///
/// # Errors
/// As [`count`].
pub fn kill_at(command: Command, n: usize) -> std::io::Result<Traced> {
    tracer::run(command, n)
}

impl Enter<'_> {
    /// Runs it to its end, and lists its changes to the file system. Its input is empty.
    #[track_caller]
    pub fn traced(self) -> Traced {
        self.killed_at(0)
    }

    /// Runs it, and kills it and all it started at its change number `n`; with 0 never.
    #[track_caller]
    pub fn killed_at(self, n: usize) -> Traced {
        kill_at(self.to_command(), n).unwrap_or_else(|error| panic!("{self}\nunder the driver: {error}"))
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Call { name, subject }) in self.calls.iter().enumerate() {
            writeln!(f, "{:4} {name} {subject}", at + 1)?;
        }
        Ok(())
    }
}
