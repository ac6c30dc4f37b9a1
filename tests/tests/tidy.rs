//! What every source file of ours keeps to. A failure names the file, the line and the fix.

use anysvc_tests::repository;
use std::fs;
use std::path::{Path, PathBuf};

/// Longer than this, a file has more than one job.
const LONGEST: usize = 400;
/// Files that may be longer, each with its reason.
const MAY_BE_LONG: [(&str, &str); 0] = [];
/// Files that may sleep, each with its reason. All others wait for what they wait for.
const MAY_SLEEP: [(&str, &str); 7] = [
    ("backend-api/src/poll.rs", "the default for managers that tell no one of changes"),
    (
        "backends/s6/src/log_place/tests.rs",
        "lets the other side begin to wait first; the tests hold either way",
    ),
    ("backends/s6/tests/scripts_common/mod.rs", "nothing tells that a process has become its program"),
    ("backends/s6/tests/scripts_finish.rs", "nothing tells that a process that is not our child has ended"),
    ("backends/support/src/inotify.rs", "lets the other side begin to wait first; the test holds either way"),
    ("tests/src/lab.rs", "a test's condition can be anything, which nothing notifies of"),
    ("xtask/src/demo.rs", "the demo polls what a user would look at"),
];

/// All Rust files of ours, with their text, by path from the root.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(repository(), &mut found);
    let sources: Vec<_> = found
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .map(|path| {
            let name = path.strip_prefix(repository()).unwrap_or(&path).to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {name}: {error}"));
            (name, text)
        })
        .collect();
    assert!(
        sources.len() > 10,
        "only {} Rust files found: this test looks in the wrong place",
        sources.len()
    );
    sources
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("listing {}: {error}", dir.display())) {
        let entry = entry.expect("a folder that can be listed has entries");
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !hidden && name != "target" {
                walk(&entry.path(), found);
            }
        } else if !hidden {
            found.push(entry.path());
        }
    }
}

/// Panics with every complaint at once, and what to do.
fn no(complaints: impl IntoIterator<Item = String>, what_to_do: &str) {
    let complaints: Vec<_> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "{what_to_do}:\n  {}", complaints.join("\n  "));
}

/// `file:line` of each line that `wrong` says yes to.
fn lines(wrong: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        let numbered = text.lines().enumerate().filter(|(_, line)| wrong(&name, line));
        complaints.extend(numbered.map(|(at, line)| format!("{name}:{}: {}", at + 1, line.trim())));
    }
    complaints
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//! "));
    no(silent.map(|(name, _)| name), "begin these files with a `//!` line that says their one job");
}

#[test]
fn no_line_ends_in_blanks() {
    no(lines(|_, line| line.ends_with([' ', '\t', '\r'])), "cut the blanks at the end of these lines");
}

#[test]
fn nothing_is_left_for_later_or_for_debugging() {
    // Put together, so that this file does not complain of itself.
    let words = ["todo", "dbg", "unimplemented"].map(|word| format!("{word}!("));
    no(
        lines(|_, line| words.iter().any(|word| line.contains(word))),
        "write what is missing here, or say in an issue that it is; take out what was for debugging",
    );
}

#[test]
fn no_file_is_too_long() {
    let long = sources()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(name, count)| *count > LONGEST && MAY_BE_LONG.iter().all(|(allowed, _)| allowed != name));
    no(
        long.map(|(name, count)| format!("{name}: {count} lines")),
        "split these files by what changes them, or give the reason in MAY_BE_LONG in tests/tests/tidy.rs",
    );
}

#[test]
fn nobody_sleeps_without_a_reason() {
    let word = ["thread", "sleep("].join("::");
    no(
        lines(|name, line| line.contains(&word) && MAY_SLEEP.iter().all(|(allowed, _)| *allowed != name)),
        "wait for the event instead (poll, inotify, wait), or give the reason in MAY_SLEEP in tests/tests/tidy.rs",
    );
}

#[test]
fn allow_lists_name_files_that_exist() {
    let lists = MAY_BE_LONG.iter().chain(&MAY_SLEEP);
    let stale = lists.filter(|(name, _)| !repository().join(name).is_file());
    no(stale.map(|(name, _)| (*name).to_owned()), "take these out of the lists in tests/tests/tidy.rs");
}
