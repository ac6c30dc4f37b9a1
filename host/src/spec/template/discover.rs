//! What a template says about finding its instances in a folder. Looking there is somebody else's job.

use std::path::{Component, Path, PathBuf};

/// The words that mean up where a template names none.
const UP: [&str; 3] = ["running", "draining", "degraded"];
/// So deep may a file be below an instance's folder.
const DEEPEST: usize = 8;

/// `[template.NAME.discover]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discover {
    /// The folder: each folder in it that holds the marker is an instance, called as the folder is.
    pub directory: PathBuf,
    /// The file that makes a folder an instance, below that folder.
    pub marker: String,
    /// Who looks, where root asks.
    pub user: Option<String>,
    /// Where the application says whether an instance is to run.
    pub state: Option<StateFile>,
    /// Files of the last boot, below an instance's folder, that are removed at boot.
    pub stale: Vec<String>,
}

/// A JSON file of the application's, and what in it says that an instance is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFile {
    /// The file, below an instance's folder.
    pub file: String,
    /// Where in it the word is, as RFC 6901 writes it.
    pub pointer: String,
    /// The words that mean up. Whatever else is there means down.
    pub up: Vec<String>,
}

impl StateFile {
    /// The words that mean up where none are named.
    pub fn usual_words() -> Vec<String> {
        UP.map(str::to_owned).to_vec()
    }
}

/// What is wrong with the name of a file below an instance's folder.
pub(super) fn fault_of_file(file: &str) -> Option<String> {
    let path = Path::new(file);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if file.is_empty() || !plain || file.ends_with('/') || file.contains('\0') {
        return Some(format!("`{}` is not a file below the instance's folder", file.escape_debug()));
    }
    (path.components().count() > DEEPEST).then(|| format!("it is deeper than {DEEPEST} folders"))
}

/// What is wrong with a pointer.
pub(super) fn fault_of_pointer(pointer: &str) -> Option<String> {
    let mut escapes = pointer.split('~').skip(1);
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Some(format!("`{}` does not begin with `/`", pointer.escape_debug()));
    }
    let wrong = escapes.any(|rest| !rest.starts_with(['0', '1']));
    wrong.then(|| format!("`{}` has a `~` that is followed by neither 0 nor 1", pointer.escape_debug()))
}
