//! Places in a text, and errors that name them. This module must not know what the text says.

use std::path::Path;

use anysvc_backend_api::{Error, ErrorKind};

/// What is wrong with a value, and where if that is known better than by its key.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    /// Offset in the text.
    pub(crate) at: Option<usize>,
    /// A sentence without a place.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl From<String> for Fault {
    fn from(message: String) -> Fault {
        Fault { at: None, message, hint: None }
    }
}

impl Fault {
    /// Gives it a place, unless it has one.
    pub(crate) fn at(mut self, offset: usize) -> Fault {
        self.at.get_or_insert(offset);
        self
    }
}

/// A text and where it is from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// What errors call it.
    pub(crate) path: &'a Path,
    /// All of it.
    pub(crate) text: &'a str,
    /// Where the part begins that offsets count from.
    pub(crate) base: usize,
}

impl Source<'_> {
    /// An error about a place: `FILE:LINE:COLUMN: message`.
    pub(crate) fn error(&self, kind: ErrorKind, at: usize, message: &str) -> Error {
        let (line, column) = self.position(at);
        let path = self.path.display();
        Error::new(kind, format!("{path}:{line}:{column}: {message}")).with_path(self.path)
    }

    /// The line and column of an offset, from 1; columns count characters.
    fn position(&self, at: usize) -> (usize, usize) {
        let end = (self.base + at).min(self.text.len());
        let before = &self.text.as_bytes()[..end];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let column = before[line_start..].iter().filter(|b| !matches!(b, 0x80..=0xbf)).count();
        (before.iter().filter(|b| **b == b'\n').count() + 1, column + 1)
    }
}

/// The candidate that was probably meant, if one is close enough. Long words are no typing errors.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let near = candidates.iter().map(|c| (strsim::osa_distance(word, c), *c)).min()?;
    (near.0 <= near.1.len().div_ceil(3).min(word.len())).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source { path: Path::new("f"), text: "ab\näöx\n", base: 0 };
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(2), (1, 3));
        assert_eq!(source.position(7), (2, 3));
        assert_eq!(source.position(8), (2, 4));
        assert_eq!(source.position(999), (3, 1));
        assert_eq!(Source { base: 3, ..source }.position(0), (2, 1));
    }

    #[test]
    fn the_nearest_word_is_found_if_it_is_near() {
        let keys = ["delay", "policy", "give-up", "user"];
        assert_eq!(nearest("dealy", &keys), Some("delay"));
        assert_eq!(nearest("giveup", &keys), Some("give-up"));
        assert_eq!(nearest("usr", &keys), Some("user"));
        assert_eq!(nearest("banana", &keys), None);
        assert_eq!(nearest("x", &[]), None);
        assert_eq!(nearest(&"x".repeat(100_000), &keys), None);
    }
}
