//! The first line of every unit that we make: it says that the unit is ours, and what `start` and `stop`
//! must know of it. It is a comment for systemd. The rest of the unit's text is not known here.
//!
//! ```text
//! # anysvc boot=restore
//! ```
//!
//! Words that are not known here are for somebody else.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use anysvc_backend_api::Boot;

/// How the line begins.
pub const MARK: &str = "# anysvc ";

/// Longer than any line that we write.
const MOST: u64 = 512;

/// What the line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What happens at boot, as the spec has it.
    pub boot: Boot,
}

impl Mark {
    /// The line, with its end. More words may be put before the end.
    pub fn line(self) -> String {
        format!("{MARK}boot={}\n", self.boot)
    }

    /// What the text of a unit says; `None` if we did not make it.
    pub fn of(text: &[u8]) -> Option<Mark> {
        let line = text.strip_prefix(MARK.as_bytes())?;
        let line = str::from_utf8(line.split(|&byte| byte == b'\n').next()?).ok()?;
        let word = line.split(' ').find_map(|word| word.strip_prefix("boot="));
        let boot = [Boot::Up, Boot::Down].into_iter().find(|boot| word == Some(&boot.to_string()));
        Some(Mark { boot: boot.unwrap_or(Boot::Restore) })
    }

    /// What the file of a unit says; `None` if there is none, or we did not make it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(path: &Path) -> io::Result<Option<Mark>> {
        let mut text = Vec::with_capacity(MOST as usize);
        match File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut text)) {
            Ok(_) => Ok(Mark::of(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for boot in [Boot::Restore, Boot::Up, Boot::Down] {
            let mark = Mark { boot };
            let text = format!("{}[Unit]\nDescription=x\n", mark.line());
            assert_eq!(Mark::of(text.as_bytes()), Some(mark));
        }
    }

    #[test]
    fn words_of_a_newer_version_are_left_alone() {
        assert_eq!(Mark::of(b"# anysvc new=1 boot=up hash=ab\n"), Some(Mark { boot: Boot::Up }));
        assert_eq!(Mark::of(b"# anysvc boot=sideways\n"), Some(Mark { boot: Boot::Restore }));
    }

    #[test]
    fn a_unit_of_others_has_none() {
        for text in ["", "[Unit]\n# anysvc boot=up\n", "# anysvcs boot=up\n", "# anysvc \u{fffd}"] {
            assert_eq!(Mark::of(text.as_bytes()).is_some(), text.contains('\u{fffd}'), "{text:?}");
        }
        assert_eq!(Mark::of(b"# anysvc \xff\n"), None);
    }
}
