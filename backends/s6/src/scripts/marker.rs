//! The files by which scripts, publisher and the reader of states tell each other things, and the mark
//! that says a service directory is ours.
//!
//! | file | written by | means |
//! |---|---|---|
//! | `data/anysvc` | publisher | ours: the format and the name |
//! | `data/hash` | publisher, 0600 | what the files were made from: equal hashes, equal service |
//! | `data/pid` | `run` | pid and group of the main process, and its start time where /proc tells; emptied by `finish` |
//! | `data/again` | a restart that could not wait | the next end is not the last, whatever the policy; removed by `finish`, `run` and stop |
//! | `data/condition` | `run` | the condition is false, and `finish` took the service down; removed when it holds. Tells nothing while the service is up |
//! | `data/delay` | `finish` | uptime at the end of the last process. As long as it exists and s6 says up, that process is `run` waiting, not the program; `run` removes it before it starts the program |
//! | `data/gave-up` | `finish` | it failed too often and was left down; removed by `run` and [`forget_failures`] |
//! | `data/over` | `finish` | not empty: that end was the last one, by the restart policy; emptied by `run` |
//! | `data/replaced` | `register --replace` | it was up, and is stopped for the one that is to come; removed by stop. Tells nothing without a `down` file |
//! | `log/data/folder` | publisher; `log/run` where it is expanded | the folder of the log files and a newline; absent or empty until `log/run` knows |
//! | `log/data/user` | publisher | root's `log/run` changes to this user |
//! | `log/data/uid` | `log/run` | the number of that user; absent or empty until it starts |
//!
//! [`forget_failures`]: super::forget_failures

use anysvc_backend_api::Sum;

use super::{File, ServiceDirectory};

/// Says that a service directory is ours.
pub const MARK: &str = "data/anysvc";
/// The hash of everything else in it.
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

/// Who writes the log files, where root's script changes to another user.
pub const LOG_USER: &str = "log/data/user";
/// The same as a number.
pub const LOG_UID: &str = "log/data/uid";

/// The format of the mark.
const FORMAT: &str = "anysvc 1";

/// The name in a mark, if it is one.
pub fn read_mark(content: &[u8]) -> Option<&str> {
    let mut lines = str::from_utf8(content).ok()?.lines();
    (lines.next()? == FORMAT).then_some(())?;
    lines.next()?.strip_prefix("name ")
}

/// Adds mark and hash to a finished directory.
pub(super) fn add(directory: &mut ServiceDirectory, name: &str) {
    let mut hash = Sum::default();
    for file in &directory.files {
        hash.field(file.path.as_os_str().as_encoded_bytes());
        hash.field(&file.mode.to_be_bytes());
        hash.field(&file.content);
    }
    directory.add(MARK, 0o644, format!("{FORMAT}\nname {name}\n"));
    // Not for everybody: who guesses a secret could make sure by it.
    directory.files.push(File {
        path: HASH.into(),
        mode: 0o600,
        content: format!("{hash}\n").into(),
        secret: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_nothing_else_is_one() {
        let mut directory = ServiceDirectory::default();
        add(&mut directory, "web");
        assert_eq!(read_mark(directory.get(MARK).unwrap()), Some("web"));
        for text in ["", "anysvc 2\nname web\n", "anysvc 1\n", "name web\n"] {
            assert_eq!(read_mark(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_hash_changes_with_every_byte_of_every_file() {
        let hash = |path: &str, mode, content: &str| {
            let mut directory = ServiceDirectory::default();
            directory.add(path, mode, content);
            add(&mut directory, "web");
            directory.get(HASH).unwrap().to_vec()
        };
        let base = hash("run", 0o755, "a");
        assert_eq!(base, hash("run", 0o755, "a"));
        for other in [hash("ru", 0o755, "na"), hash("run", 0o750, "a"), hash("run", 0o755, "b")] {
            assert_ne!(base, other);
        }
    }
}
