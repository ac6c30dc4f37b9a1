//! What is put into a container's files so that its services come back when it starts: what would be done,
//! doing it, and taking it out again. What was written is noted beside it with a sum of each file, so that
//! nothing is overwritten or removed that is not as we left it. This module must not know any service
//! manager: the files come from a backend.

mod config;
mod note;
mod place;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Error, ErrorKind, RenderedFile, Result};

use crate::config::CONFIG_FILE;
pub use config::file as config_file;
use note::{Note, Noted};
pub use place::{ACCOUNTS, Root};

/// What is to happen to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is not there yet.
    Write,
    /// It is ours, and says something else.
    Replace,
    /// It is as it should be.
    Keep,
    /// It is ours, and no longer wanted.
    Remove,
}

impl Step {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Write => "write",
            Step::Replace => "replace",
            Step::Keep => "keep",
            Step::Remove => "remove",
        }
    }
}

/// What is to be done, in this order.
#[derive(Debug)]
pub struct Change {
    /// Each file, and what happens to it.
    pub steps: Vec<(Step, PathBuf)>,
    wanted: Vec<RenderedFile>,
    before: Note,
}

/// What putting these files there, and nothing else of ours, would do.
///
/// # Errors
/// `not-ours` where there is something that we did not write, or that was edited since; `permission-denied`
/// where others may write; `io`.
pub fn install(root: &Root, wanted: Vec<RenderedFile>) -> Result<Change> {
    let before = Note::read(root)?.without_edited(root, Path::new(CONFIG_FILE))?;
    let mut steps = Vec::new();
    for file in &wanted {
        steps.push((step(root, &before, file)?, file.path.clone()));
    }
    // First what makes the manager look at the others.
    let gone = before.files.iter().rev().map(|noted| &noted.path);
    for path in gone.filter(|path| wanted.iter().all(|file| file.path != **path)) {
        if !steps.iter().any(|(_, known)| known == path) && is_ours_to_remove(root, &before, path)? {
            steps.push((Step::Remove, path.clone()));
        }
    }
    if wanted.is_empty() {
        alone(root, &before)?;
    }
    Ok(Change { steps, wanted, before })
}

/// What taking out all that was put there would do.
///
/// # Errors
/// As [`install`]; `not-ours` also where a folder of ours holds something else by now, which would be of no
/// use without what is taken out.
pub fn remove(root: &Root) -> Result<Change> {
    install(root, Vec::new())
}

fn step(root: &Root, before: &Note, wanted: &RenderedFile) -> Result<Step> {
    match root.read(&wanted.path)? {
        None => Ok(Step::Write),
        Some(found) if found.mode == wanted.mode && found.content == *wanted.content => Ok(Step::Keep),
        Some(found) if before.knows(&wanted.path, &found) => Ok(Step::Replace),
        Some(_) => Err(not_ours(root, before, &wanted.path)),
    }
}

fn is_ours_to_remove(root: &Root, before: &Note, path: &Path) -> Result<bool> {
    match root.read(path)? {
        None => Ok(false),
        Some(found) if before.knows(path, &found) => Ok(true),
        Some(_) => Err(not_ours(root, before, path)),
    }
}

fn not_ours(root: &Root, before: &Note, path: &Path) -> Error {
    let shown = root.shown(path);
    let how = match before.files.iter().any(|noted| noted.path == path) {
        true => "was edited since `anysvc container install` wrote it",
        false => "is there already, and `anysvc container install` did not write it",
    };
    Error::new(ErrorKind::NotOurs, format!("{} {how}; nothing was changed", shown.display()))
        .with_path(&shown)
        .with_hint("move it away, and try again")
}

/// The folders that we made hold nothing but what we put there.
fn alone(root: &Root, before: &Note) -> Result<()> {
    for folder in &before.folders {
        for name in root.names(folder)? {
            let path = folder.join(&name);
            let ours = |noted: &Noted| noted.path == path || place::staged_path(&noted.path) == path;
            let known = before.files.iter().any(ours) || before.folders.contains(&path);
            if !known {
                let message = format!(
                    "{} is not of anysvc, in a folder that is; nothing was changed",
                    root.shown(&path).display()
                );
                return Err(Error::new(ErrorKind::NotOurs, message)
                    .with_path(root.shown(&path))
                    .with_hint("move it away, and try again"));
            }
        }
    }
    Ok(())
}

impl Change {
    /// Whether everything is as it should be.
    pub fn is_nothing(&self) -> bool {
        self.steps.iter().all(|(step, _)| *step == Step::Keep)
    }

    /// Does it. One that is killed half-way is completed by the next: until all is done, the note knows what
    /// was there and what is to be.
    ///
    /// # Errors
    /// `io`.
    pub fn apply(&self, root: &Root) -> Result<()> {
        let mut note = self.announce(root)?;
        // What one that was killed had begun, for files too that are as they should be.
        note.files.iter().try_for_each(|noted| root.remove_staged(&noted.path))?;
        for (step, path) in &self.steps {
            let file = self.wanted.iter().find(|file| file.path == *path);
            match (step, file) {
                (Step::Write | Step::Replace, Some(file)) => root.write(path, file.mode, &file.content)?,
                (Step::Remove, _) => root.remove(path)?,
                _ => {}
            }
        }
        if self.wanted.is_empty() {
            // What is inside comes after what it is in.
            note.folders.iter().rev().try_for_each(|folder| root.remove_folder(folder))?;
            return Note::remove(root);
        }
        note.files = self.noted().collect();
        note.write(root)
    }

    /// Notes what is about to be written, beside what was.
    fn announce(&self, root: &Root) -> Result<Note> {
        let mut note = self.before.clone();
        if !self.wanted.is_empty() {
            note.files.extend(self.noted());
            let missing = root.missing(self.wanted.iter().map(|file| file.path.as_path()))?;
            note.folders
                .extend(missing.into_iter().filter(|folder| !Path::new(note::SHARED).starts_with(folder)));
            note.write(root)?;
        }
        Ok(note)
    }

    fn noted(&self) -> impl Iterator<Item = Noted> {
        self.wanted.iter().map(|file| Noted::of(&file.path, file.mode, &file.content))
    }
}
