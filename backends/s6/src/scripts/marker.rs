//! The files by which scripts, publisher and the reader of states tell each other things, and the mark
//! that says a service directory is ours.
//!
//! | file | written by | means |
//! |---|---|---|
//! | `data/anysvc` | publisher | ours: the format and the name |
//! | `data/hash` | publisher, 0600 | sums of the spec and of each file as they were written: what differs from its own was edited |
//! | `data/pid` | `run` | pid and group of the main process, and its start time where /proc tells; emptied by `finish` |
//! | `data/again` | a restart that could not wait | the next end is not the last, whatever the policy; removed by `finish`, `run` and stop |
//! | `data/condition` | `run` | the condition is false, and `finish` took the service down; removed when it holds. Tells nothing while the service is up |
//! | `data/delay` | `finish` | uptime at the end of the last process. As long as it exists and s6 says up, that process is `run` waiting, not the program; `run` removes it before it starts the program |
//! | `data/gave-up` | `finish` | it failed too often and was left down; removed by `run` and [`forget_failures`] |
//! | `data/over` | `finish` | not empty: that end was the last one, by the restart policy; emptied by `run` |
//! | `data/replaced` | `register --replace` | it was up, and is stopped for the one that is to come; removed by stop. Tells nothing without a `down` file |
//! | `supervise/lock` | publisher | as `data/anysvc`, of which one is enough, and which [`Parts`] there are: for who looks at many services, and opens it anyway to see who has the lock. s6 makes an empty one where there is none, and neither reads nor changes what it holds (`s6-supervise.c`, 2.11 to 2.15) |
//! | `log/data/folder` | publisher; `log/run` where it is expanded | the folder of the log files and a newline; absent or empty until `log/run` knows |
//! | `log/data/user` | publisher | root's `log/run` changes to this user |
//! | `log/data/uid` | `log/run` | the number of that user; absent or empty until it starts |
//!
//! [`forget_failures`]: super::forget_failures

use anysvc_backend_api::{ServiceSpec, Sum};

use super::{File, Parts, ServiceDirectory};

/// Says that a service directory is ours.
pub const MARK: &str = "data/anysvc";
/// The sums of everything else in it.
pub const HASH: &str = "data/hash";
/// The main process.
pub const PID: &str = "data/pid";
/// A restart waits for the end of the main process.
pub const AGAIN: &str = "data/again";
/// The condition is false.
pub const CONDITION: &str = "data/condition";
/// The restart delay is running, or was when the service was stopped.
pub const DELAY: &str = "data/delay";
/// It was stopped for its replacement.
pub const REPLACED: &str = "data/replaced";
/// Its end was the last one, and nobody's hand.
pub const OVER: &str = "data/over";
/// The service gave up.
pub const GAVE_UP: &str = "data/gave-up";
/// Where the log files are.
pub const LOG_FOLDER: &str = "log/data/folder";

/// What a supervisor locks, and what our note is in.
pub const LOCK: &str = "supervise/lock";

/// Who writes the log files, where root's script changes to another user.
pub const LOG_USER: &str = "log/data/user";
/// The same as a number.
pub const LOG_UID: &str = "log/data/uid";

/// The format of the mark.
const FORMAT: &str = "anysvc 1";

/// No note is longer, in bytes.
pub const LONGEST_NOTE: usize = 512;

/// The name in a mark, if it is one.
fn read_mark(content: &[u8]) -> Option<&str> {
    let mut lines = str::from_utf8(content).ok()?.lines();
    (lines.next()? == FORMAT).then_some(())?;
    lines.next()?.strip_prefix("name ")
}

/// What was written into a service directory: the spec that it was made from, and its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    spec: String,
    files: Vec<(String, u32, String)>,
}

impl Written {
    fn of(directory: &ServiceDirectory, spec: &ServiceSpec) -> Written {
        let file = |file: &File| {
            (Sum::of(&file.content).to_string(), file.mode, file.path.to_string_lossy().into_owned())
        };
        Written { spec: Sum::of_spec(spec).to_string(), files: directory.files.iter().map(file).collect() }
    }

    /// What the file says; `None` where it makes no sense.
    pub fn parse(content: &[u8]) -> Option<Written> {
        let mut lines = str::from_utf8(content).ok()?.lines();
        let spec = lines.next()?.strip_prefix("spec ")?.to_owned();
        let file = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let (sum, mode) = (words.next()?.to_owned(), u32::from_str_radix(words.next()?, 8).ok()?);
            Some((sum, mode, words.next()?.to_owned()))
        };
        Some(Written { spec, files: lines.map(file).collect::<Option<_>>()? })
    }

    /// Whether it was made from this spec.
    pub fn is_from(&self, spec: &ServiceSpec) -> bool {
        self.spec == Sum::of_spec(spec).to_string()
    }

    /// Whether this is how a file was written.
    pub fn has(&self, path: &str, mode: u32, content: &[u8]) -> bool {
        let sum = Sum::of(content).to_string();
        self.files.iter().any(|file| (&file.0, file.1, &*file.2) == (&sum, mode, path))
    }

    /// The paths of the files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(_, _, path)| &**path)
    }

    fn to_text(&self) -> String {
        let files = self.files.iter().map(|(sum, mode, path)| format!("{sum} {mode:04o} {path}\n"));
        format!("spec {}\n{}", self.spec, files.collect::<String>())
    }
}

/// The parts that a service of this name has, by the note in its lock. What it says of another is nothing.
pub fn read_note(content: &[u8], name: &str) -> Option<Parts> {
    Parts::of_lines(content).filter(|_| read_mark(content) == Some(name))
}

/// Adds the mark, the note and the sums to a finished directory.
pub(super) fn add(directory: &mut ServiceDirectory, spec: &ServiceSpec) {
    let written = Written::of(directory, spec);
    let mark = format!("{FORMAT}\nname {}\n", spec.name);
    directory.note = format!("{mark}{}", Parts::of(directory, spec).line());
    directory.add(MARK, 0o644, mark);
    // Not for everybody: who guesses a secret could make sure by it.
    directory.files.push(File {
        path: HASH.into(),
        mode: 0o600,
        content: written.to_text().into(),
        secret: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> ServiceSpec {
        ServiceSpec { name: "web".into(), ..Default::default() }
    }

    #[test]
    fn a_mark_reads_back_and_nothing_else_is_one() {
        let mut directory = ServiceDirectory::default();
        add(&mut directory, &web());
        assert_eq!(read_mark(directory.get(MARK).unwrap()), Some("web"));
        for text in ["", "anysvc 2\nname web\n", "anysvc 1\n", "name web\n"] {
            assert_eq!(read_mark(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn what_was_written_is_told_from_everything_else() {
        let mut directory = ServiceDirectory::default();
        directory.add("log/run", 0o755, "a");
        add(&mut directory, &web());
        let text = directory.get(HASH).unwrap();
        let written = Written::parse(text).unwrap();
        assert_eq!(written.to_text().as_bytes(), text);
        assert_eq!(written.paths().collect::<Vec<_>>(), ["log/run"]);
        assert!(written.has("log/run", 0o755, b"a") && written.is_from(&web()));
        assert!(!written.has("log/run", 0o700, b"a") && !written.has("log/run", 0o755, b"b"));
        assert!(!written.has("run", 0o755, b"a"));
        assert!(!written.is_from(&ServiceSpec { umask: Some(0), ..web() }));
        for wrong in ["", "343e\n", "spec x\ny\n", "spec x\ny 9 run\n"] {
            assert_eq!(Written::parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
