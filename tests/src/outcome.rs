//! How a command in a laboratory ended, and what a test wants of that. A failed expectation
//! says all that one needs to know without running it again.

use crate::lab::Lab;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

/// The end of a command: each method is an expectation, and returns it for the next.
#[must_use = "say what is expected: .success(), .fails(code), ..."]
#[derive(Debug)]
pub struct Outcome<'lab> {
    lab: &'lab Lab,
    what: String,
    output: Output,
}

impl<'lab> Outcome<'lab> {
    pub(crate) fn new(lab: &'lab Lab, what: String, output: Output) -> Self {
        Self { lab, what, output }
    }

    /// It exited with 0.
    #[track_caller]
    pub fn success(self) -> Ended<'lab> {
        self.fails(0)
    }

    /// It exited with this code.
    #[track_caller]
    pub fn fails(self, code: i32) -> Ended<'lab> {
        let ended = Ended(self);
        ended.must(ended.0.output.status.code() == Some(code), &format!("exit code {code}"));
        ended
    }

    /// It was killed by this signal.
    #[track_caller]
    pub fn killed(self, signal: i32) -> Ended<'lab> {
        let ended = Ended(self);
        ended.must(ended.0.output.status.signal() == Some(signal), &format!("death by signal {signal}"));
        ended
    }

    /// Any end is fine; what it put out is what counts.
    pub fn any(self) -> Ended<'lab> {
        Ended(self)
    }
}

/// An end that was as expected; its output can be looked at.
#[derive(Debug)]
pub struct Ended<'lab>(Outcome<'lab>);

impl Ended<'_> {
    /// Standard output is exactly this.
    #[track_caller]
    pub fn stdout_is(self, expected: &str) -> Self {
        self.must(self.stdout() == expected, &format!("standard output {expected:?}"));
        self
    }

    /// Standard output contains this.
    #[track_caller]
    pub fn stdout_contains(self, part: &str) -> Self {
        self.must(self.stdout().contains(part), &format!("{part:?} in standard output"));
        self
    }

    /// Standard output does not contain this.
    #[track_caller]
    pub fn stdout_lacks(self, part: &str) -> Self {
        self.must(!self.stdout().contains(part), &format!("no {part:?} in standard output"));
        self
    }

    /// Standard error is exactly this.
    #[track_caller]
    pub fn stderr_is(self, expected: &str) -> Self {
        self.must(self.stderr() == expected, &format!("standard error {expected:?}"));
        self
    }

    /// Standard error contains this.
    #[track_caller]
    pub fn stderr_contains(self, part: &str) -> Self {
        self.must(self.stderr().contains(part), &format!("{part:?} in standard error"));
        self
    }

    /// Standard output is one JSON document, which is returned.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_slice(&self.0.output.stdout);
        self.must(parsed.is_ok(), "one JSON document on standard output");
        parsed.unwrap_or_default()
    }

    /// What it put out, with what is not UTF-8 replaced.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.output.stdout).into_owned()
    }

    /// What it put out, byte for byte.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.0.output.stdout
    }

    /// What it complained of, with what is not UTF-8 replaced.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.output.stderr).into_owned()
    }

    /// Its exit code, or nothing if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.0.output.status.code()
    }

    #[track_caller]
    fn must(&self, holds: bool, wanted: &str) {
        assert!(
            holds,
            "{}\nexpected {wanted}; it ended with {}\n--- standard output\n{}\n--- standard error\n{}\n{}",
            self.0.what,
            self.0.output.status,
            self.stdout(),
            self.stderr(),
            self.0.lab.scene()
        );
    }
}
