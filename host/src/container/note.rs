//! The note of what was written into a container: the folders that were made for it, and each file with its
//! mode and a sum of what it held. It must not know what the files are for.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Error, ErrorKind, Result, Sum};

use super::place::{BEGUN, Found, Root};

/// The folder of the configuration: it and those above are never ours alone.
pub(super) const SHARED: &str = "/etc/anysvc";
/// Where it is, in the container.
const PATH: &str = "/etc/anysvc/container-files";
/// What its first line says.
const FORMAT: &str = "# What `anysvc container install` wrote, and a sum of what each file held then. 1";

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) path: PathBuf,
    mode: u32,
    sum: String,
}

/// The note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// In the order in which they were made.
    pub(super) folders: Vec<PathBuf>,
    /// In the order in which they were written; of one that is being replaced, both.
    pub(super) files: Vec<Noted>,
}

impl Noted {
    pub(super) fn of(path: &Path, mode: u32, content: &[u8]) -> Noted {
        Noted { path: path.to_owned(), mode, sum: Sum::of(content).to_string() }
    }
}

impl Note {
    /// Whether a file is as we wrote it. One without content may be as it is before it is given its mode.
    pub(super) fn knows(&self, path: &Path, found: &Found) -> bool {
        let found_now = Noted::of(path, found.mode, &found.content);
        let begun = |noted: &Noted| {
            found.content.is_empty()
                && found.mode == BEGUN
                && *noted == Noted { mode: noted.mode, ..found_now.clone() }
        };
        self.files.iter().any(|noted| *noted == found_now || begun(noted))
    }

    /// Without a file that was edited since, and so became somebody's: of a configuration this is to be
    /// expected.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn without_edited(mut self, root: &Root, path: &Path) -> Result<Note> {
        if self.files.iter().any(|noted| noted.path == path)
            && let Some(found) = root.read(path)?
            && !self.knows(path, &found)
        {
            self.files.retain(|noted| noted.path != path);
        }
        Ok(self)
    }

    /// What was noted; nothing where nothing was.
    ///
    /// # Errors
    /// When it can't be read, or makes no sense.
    pub(super) fn read(root: &Root) -> Result<Note> {
        let Some(found) = root.read(Path::new(PATH))? else { return Ok(Note::default()) };
        str::from_utf8(&found.content).ok().and_then(Note::parse).ok_or_else(|| {
            let shown = root.shown(Path::new(PATH));
            let message = format!("{} makes no sense to this version", shown.display());
            Error::new(ErrorKind::NotOurs, message)
                .with_path(shown)
                .with_hint("move it away, and what `anysvc container install` wrote with it")
        })
    }

    fn parse(text: &str) -> Option<Note> {
        let mut lines = text.lines();
        (lines.next() == Some(FORMAT)).then_some(())?;
        let mut note = Note::default();
        for line in lines {
            match line.split_once(' ')? {
                ("folder", path) => note.folders.push(absolute(path)?),
                ("file", rest) => {
                    let mut words = rest.splitn(3, ' ');
                    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
                    let sum = words.next()?.to_owned();
                    note.files.push(Noted { path: absolute(words.next()?)?, mode, sum });
                }
                _ => return None,
            }
        }
        Some(note)
    }

    fn to_text(&self) -> String {
        let folders = self.folders.iter().map(|path| format!("folder {}\n", path.display()));
        let file =
            |noted: &Noted| format!("file {:04o} {} {}\n", noted.mode, noted.sum, noted.path.display());
        format!(
            "{FORMAT}\n{}{}",
            folders.collect::<String>(),
            self.files.iter().map(file).collect::<String>()
        )
    }

    /// Writes it.
    ///
    /// # Errors
    /// `io`.
    pub(super) fn write(&self, root: &Root) -> Result<()> {
        root.write(Path::new(PATH), 0o644, self.to_text().as_bytes())
    }

    /// Removes it.
    ///
    /// # Errors
    /// `io`.
    pub(super) fn remove(root: &Root) -> Result<()> {
        root.remove(Path::new(PATH))
    }
}

/// A path that can't lead back up.
fn absolute(path: &str) -> Option<PathBuf> {
    use std::path::Component;
    let path = Path::new(path);
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    (path.is_absolute() && path.components().all(plain)).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_nothing_else_is_one() {
        let files = vec![Noted::of(Path::new("/a/b c"), 0o755, b"x"), Noted::of(Path::new("/d"), 0o644, b"")];
        let note = Note { folders: vec!["/a".into()], files };
        assert_eq!(Note::parse(&note.to_text()), Some(note));
        for wrong in
            ["", "x\n", "file 0644 0 ../x\n", "file 9 0 /x\n", "file 0644 /x\n", "folder x\n", "link /x\n"]
        {
            assert_eq!(
                Note::parse(&format!("{FORMAT}\n{wrong}")).filter(|note| *note != Note::default()),
                None,
                "{wrong:?}"
            );
        }
        assert_eq!(Note::parse("anything\n"), None);
    }
}
