//! Looking at processes that may not be our children: when one started, and who is left of a group.
//! Reads /proc; where there is none, nothing is known.

use std::fs;

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group},
};

/// A line of /proc/PID/stat, as far as we need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) state: u8,
    pub(super) group: u32,
    pub(super) session: u32,
    /// In clock ticks since the machine started.
    pub(super) started: u64,
}

pub(super) fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(line: &[u8]) -> Option<Stat> {
    // The name may hold anything, parentheses and spaces included: its last parenthesis is the last.
    let end = line.iter().rposition(|b| *b == b')')?;
    let rest = str::from_utf8(line.get(end + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Counted from 3, which is the state (proc_pid_stat(5)).
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        state: *fields.first()?.as_bytes().first()?,
        group: u32::try_from(number(5)?).ok()?,
        session: u32::try_from(number(6)?).ok()?,
        started: number(22)?,
    })
}

/// All living members of a group (zombies are not).
pub(super) fn members(group: u32) -> Vec<(u32, Stat)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let alive = |stat: &Stat| stat.group == group && !b"ZXx".contains(&stat.state);
    pids.filter_map(|pid| stat(pid).filter(alive).map(|stat| (pid, stat))).collect()
}

/// Whether there is a group with this number, zombies included.
pub(super) fn group_exists(group: u32) -> bool {
    pid(group).is_some_and(|group| !matches!(test_kill_process_group(group), Err(Errno::SRCH)))
}

/// Kills what is left of a group whose main process is gone. Its number may be somebody else's by now:
/// only members of the session of that number that started no earlier, under the same user (a service of
/// root may have changed it), are ours.
pub(super) fn kill_remains(group: u32, started: u64, uid: u32) {
    if !group_exists(group) {
        return;
    }
    for (member, stat) in members(group) {
        if stat.session == group && stat.started >= started && (uid == 0 || owner(member) == Some(uid)) {
            log::info!("killing process {member}, which is left of group {group}");
            let _gone = pid(member).map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

/// Kills a group and its main process, which may not have made the group yet.
pub(super) fn kill_group(main: u32) {
    let Some(main) = pid(main) else { return };
    let _gone = kill_process_group(main, Signal::KILL);
    let _gone = kill_process(main, Signal::KILL);
}

pub(super) fn pid(number: u32) -> Option<Pid> {
    // Not 0 and not 1: a signal to those means other things.
    Pid::from_raw(i32::try_from(number).ok().filter(|n| *n > 1)?)
}

fn owner(pid: u32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(format!("/proc/{pid}")).ok().map(|about| about.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_process_name_does_not_move_the_fields() {
        let line = b"77 (a) S 1 (x)) R 1 70 69 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 99 1\n";
        let expected = Stat { state: b'R', group: 70, session: 69, started: 12345 };
        assert_eq!(parse(line), Some(expected));
        for cut in 0..40 {
            assert_eq!(parse(&line[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn our_own_process_is_seen() {
        let me = stat(std::process::id()).expect("there is a /proc here");
        assert!(me.started > 0);
        assert!(members(me.group).iter().any(|(pid, _)| *pid == std::process::id()));
    }
}
