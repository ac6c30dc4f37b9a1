//! Asking `s6-svstat`, for a status file in a layout that we do not know: an s6 newer than us knows its
//! own. The one place where a command of s6's is run. It draws no conclusions.

use std::{path::Path, process::Command, time::Duration};

use anysvc_backend_api::Deadline;
use anysvc_backend_support::command;

use super::decode::{Raw, Stamp};
use crate::tools;

/// It reads two small files.
const AT_MOST: Duration = Duration::from_secs(2);
/// What is asked; there since s6 2.5, and no part of it depends on words for people.
const FIELDS: &str = "up,wantedup,ready,paused,pid,exitcode,signum,updownsince,readysince";

/// The status of a service, as `s6-svstat` has it.
pub(super) fn ask(service: &Path, path: &[std::path::PathBuf], deadline: Deadline) -> Option<Raw> {
    let mut svstat = Command::new(tools::place(path)?.join("s6-svstat"));
    let deadline = deadline.min(Deadline::after(AT_MOST));
    let output = command::run(svstat.args(["-o", FIELDS, "--"]).arg(service), &[0], deadline);
    parse(std::str::from_utf8(&output.ok()?.stdout).ok()?)
}

fn parse(line: &str) -> Option<Raw> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [up, want_up, ready, paused, pid, code, signal, stamp, ready_stamp] = words[..] else { return None };
    let truth = |word: &str| word.parse::<bool>().ok();
    // -1 stands for what is not.
    let number = |word: &str| word.parse::<i32>().ok().map(|n| u16::try_from(n).unwrap_or(0));
    let (up, stamp, ready_stamp) = (truth(up)?, label(stamp)?, label(ready_stamp)?);
    Some(Raw {
        stamp,
        ready_stamp,
        pid: if up { Some(pid.parse().ok()?) } else { None },
        pgid: None,
        wstat: (number(code)? << 8) | number(signal)?,
        paused: truth(paused)?,
        // It has no word for that. The second stamp of one that is down is when `finish` was done.
        finishing: !up && ready_stamp < stamp,
        want_up: truth(want_up)?,
        ready: truth(ready)?,
    })
}

/// `@` and the twelve bytes in hexadecimal.
fn label(word: &str) -> Option<Stamp> {
    let digits = word.strip_prefix('@')?.as_bytes();
    let mut bytes = [0; 12];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Stamp::unpack(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_svstat_prints_is_read() {
        // Of s6 2.11.3: one that runs, and one that exited with 3 and is over.
        let line = "true true false false 23713 -1 -1 @400000006b0196041d2a6e14 @400000006b0196041bcba9e2\n";
        let up = parse(line).unwrap();
        assert_eq!((up.up(), up.want_up, up.wstat), (Some(23713), true, 0));
        assert!(up.stamp.time() > up.ready_stamp.time());
        let line = "false false false false -1 3 -1 @400000006b0196041be44b5d @400000006b0196041d1feb22\n";
        let down = parse(line).unwrap();
        assert_eq!((down.pid, down.wstat, down.at_rest()), (None, 0x0300, true));
        for line in ["", "true", "x x x x x x x x x", "true true true true 1 1 1 @4 @4"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
