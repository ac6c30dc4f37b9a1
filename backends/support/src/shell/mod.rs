//! Putting a shell script together, line by line, and what scripts of several backends do. It knows no
//! service manager.

mod condition;
mod values;

pub use condition::unless;
pub use values::{SHELLS_OWN, expand, expands, fail, read_file};

use crate::quote;

/// A `/bin/sh` script under construction.
#[derive(Debug, Default)]
pub struct Script(Vec<u8>);

impl Script {
    /// One that opens with a comment.
    pub fn new(comment: &str) -> Script {
        let mut script = Script(b"#!/bin/sh\n".to_vec());
        script.text(comment);
        script
    }

    /// Adds lines as they are.
    pub fn text(&mut self, lines: &str) {
        self.raw(lines.as_bytes());
    }

    /// Adds a line that need not be UTF-8.
    pub fn raw(&mut self, line: &[u8]) {
        self.0.extend_from_slice(line);
        self.0.push(b'\n');
    }

    /// The finished script.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// A line of literal pieces and quoted words: `line!("cd -P ", word(path), " || exit")`.
#[doc(hidden)]
#[macro_export]
macro_rules! shell_line {
    ($($piece:expr),+ $(,)?) => {{
        let mut line: Vec<u8> = Vec::new();
        $(line.extend_from_slice($piece.as_ref());)+
        line
    }};
}
pub use crate::shell_line as line;

/// One quoted word.
pub fn word(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    quote::sh(bytes.as_ref())
}

/// Quoted words, separated by blanks.
pub fn words<I: IntoIterator<Item: AsRef<[u8]>>>(all: I) -> Vec<u8> {
    all.into_iter().map(word).collect::<Vec<_>>().join(&b' ')
}
