//! What a backend says of itself without being loaded: `ID.toml` beside its library. This module must
//! not know where manifests lie, nor which backends there are.

mod condition;
#[cfg(test)]
mod fuzz;
mod parse;

use std::path::Path;

use anysvc_backend_api::{Result, Scope};

pub use condition::{Condition, Reason, Truth};

/// A manifest is short; a longer file is something else.
pub const LONGEST: u64 = 64 * 1024;

/// A backend's manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its id: the manifest's file name without `.toml`.
    pub id: String,
    /// One line for people.
    pub summary: String,
    /// The library's file name, in the manifest's own folder.
    pub library: String,
    /// Version of the API that it was made for: major, minor.
    pub api: (u32, u32),
    /// Whose managers it can talk to.
    pub scopes: Vec<Scope>,
    /// Higher is asked first.
    pub priority: i64,
    /// Meant for machines where nothing else fits.
    pub fallback: bool,
    /// When it fits.
    pub fits: Condition,
}

impl Manifest {
    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// `plugin`, with file, line, and the nearest known key. Unknown keys are no error in the manifest
    /// of a newer minor version of the API.
    pub fn parse(path: &Path, text: &str) -> Result<Manifest> {
        parse::manifest(path, text)
    }
}

/// Whether something can be a backend's id: it is part of file names and of keys.
pub fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    (1..=64).contains(&bytes.len()) && bytes[0].is_ascii_alphanumeric() && bytes.iter().all(plain)
}
