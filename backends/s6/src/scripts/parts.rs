//! The parts that not every service directory has, and a line that says which of them one has: who looks at a
//! thousand services does not look for what is not there, which costs more than looking at what is. Of what
//! somebody adds by hand the line says nothing, so that who wants to know all of one service looks.

use anysvc_backend_api::ServiceSpec;

use super::{ServiceDirectory, run};

/// How the line begins.
const LINE: &str = "parts";
const LOG: &str = "log";
const NOTIFICATION: &str = "notification-fd";
const DELAY: &str = "delay";

/// Which of them there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// A logger.
    pub log: bool,
    /// A descriptor by which it says that it is ready.
    pub notification: bool,
    /// A restart delay that `run` waits out.
    pub delay: bool,
}

impl Parts {
    /// Nothing is known.
    pub const ANY: Parts = Parts { log: true, notification: true, delay: true };

    pub(super) fn of(directory: &ServiceDirectory, spec: &ServiceSpec) -> Parts {
        let has = |part: &str| directory.files.iter().any(|file| file.path.starts_with(part));
        Parts { log: has(LOG), notification: has(NOTIFICATION), delay: run::waits(spec) }
    }

    /// What the line says that is one of these; `None` where there is none.
    pub(super) fn of_lines(content: &[u8]) -> Option<Parts> {
        let mut lines = str::from_utf8(content).ok()?.split_inclusive('\n');
        let line = lines.find_map(|line| line.strip_prefix(LINE)?.strip_suffix('\n'))?;
        let says = |part: &str| line.split(' ').any(|word| word == part);
        Some(Parts { log: says(LOG), notification: says(NOTIFICATION), delay: says(DELAY) })
    }

    /// The line.
    pub(super) fn line(self) -> String {
        let parts = [(self.log, LOG), (self.notification, NOTIFICATION), (self.delay, DELAY)];
        let words = parts.into_iter().filter(|(there, _)| *there).map(|(_, word)| format!(" {word}"));
        format!("{LINE}{}\n", words.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for bits in 0..8 {
            let parts = Parts { log: bits & 1 != 0, notification: bits & 2 != 0, delay: bits & 4 != 0 };
            let lines = format!("anysvc 1\nname log\n{}", parts.line());
            assert_eq!(Parts::of_lines(lines.as_bytes()), Some(parts), "{lines}");
        }
    }

    #[test]
    fn a_line_that_is_not_whole_says_nothing() {
        for lines in ["", "anysvc 1\nname web\n", "anysvc 1\nname web\nparts log", "a\n parts\n"] {
            assert_eq!(Parts::of_lines(lines.as_bytes()), None, "{lines:?}");
        }
        assert_eq!(Parts::of_lines(b"parts log\n\xff"), None);
    }
}
