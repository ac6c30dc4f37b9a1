//! Logs of real services: nothing lost, nothing too large, whatever the writer does.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use anysvc_backend_api::{LogSpec, RestartPolicy, State};

use super::{
    harness::{Real, shell},
    scratch::Scratch,
};
use crate::engine::log::{Settings, Shared, Writer};

/// A service that writes and ends; and its log, small enough to be rotated often.
fn writer(script: &str, size: u64, keep: u32) -> anysvc_backend_api::ServiceSpec {
    let mut spec = shell("web", script);
    spec.restart.policy = Some(RestartPolicy::Never);
    spec.log = LogSpec { size: Some(size), keep: Some(keep), ..LogSpec::default() };
    spec
}

/// The bytes of all files of a folder.
fn total(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
}

#[test]
fn a_fast_writer_loses_no_line_and_fills_no_more_than_it_may() {
    let mut real = Real::new();
    // Lines of 100 bytes with their number, as fast as they go; all of them are kept, in many files.
    let lines = 300_000u64;
    let script = format!("seq -f '%099.0f' 1 {lines}");
    let (size, keep) = (1 << 20, 60);
    real.add(writer(&script, size, keep));
    let folder = real.path("logs/web");
    real.until("its end", |real| {
        assert!(total(&folder) <= size * u64::from(keep + 1));
        real.status("web").state == State::Stopped
    });
    let got = real.lines("web");
    let wrong = got.iter().zip(1u64..).find(|(line, number)| **line != format!("{number:099}"));
    assert_eq!((wrong, got.len() as u64), (None, lines));
    let files = fs::read_dir(&folder).unwrap().count() as u64;
    assert!(files >= lines * 130 / size, "{files} files");
}

#[test]
fn the_oldest_lines_go_first_and_size_times_keep_holds_at_every_moment() {
    let mut real = Real::new();
    let (size, keep) = (4096, 2);
    real.add(writer("seq -f '%050.0f' 1 20000", size, keep));
    let folder = real.path("logs/web");
    let mut most = 0;
    real.until("its end", |real| {
        most = most.max(total(&folder));
        real.status("web").state == State::Stopped
    });
    assert!(most <= size * u64::from(keep + 1), "{most}");
    let got = real.lines("web");
    let last: Vec<String> = (20_001 - got.len()..=20_000).map(|n| format!("{n:050}")).collect();
    assert_eq!(got, last);
    assert!(got.len() as u64 * 82 > size * u64::from(keep), "{} lines are left", got.len());
}

#[test]
fn a_follower_sees_every_line_once() {
    let mut real = Real::new();
    real.add(writer("seq -f '%060.0f' 1 30000", 64 << 10, 100));
    let folder = real.path("logs/web");
    // By inode: how far it was read. Rotation renames, and changes nothing that was there.
    let mut read: BTreeMap<u64, usize> = BTreeMap::new();
    let mut seen = Vec::new();
    let mut follow = |_: &mut Real| {
        let mut files: Vec<_> = fs::read_dir(&folder).into_iter().flatten().flatten().collect();
        files.sort_by_key(|entry| entry.file_name());
        for entry in files {
            let Ok(text) = fs::read(entry.path()) else { continue };
            let at = read.entry(entry.metadata().unwrap().ino()).or_default();
            let new = &text[*at..];
            assert!(new.is_empty() || new.ends_with(b"\n"), "half a line");
            seen.extend(new.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| l[31..].to_vec()));
            *at = text.len();
        }
    };
    real.until("its end", |real| {
        follow(real);
        real.status("web").state == State::Stopped
    });
    follow(&mut real);
    let wrong = seen.iter().zip(1u64..).find(|(line, number)| **line != format!("{number:060}").into_bytes());
    assert_eq!((wrong, seen.len()), (None, 30_000));
}

#[test]
fn both_streams_whole_lines_and_the_last_without_an_end() {
    let mut real = Real::new();
    real.add(writer("printf 'a\\nhal'; echo b >&2; sleep 0.05; printf 'f\\n\\nend'", 4096, 1));
    real.until_state("web", State::Stopped);
    assert_eq!(real.lines("web"), ["a", "halb", "f", "", "end"]);
    let text = fs::read_to_string(real.path("logs/web/current")).unwrap();
    let stamp = text.lines().next().unwrap().split_at(31).0;
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00.000000000  ");
    let mut stamps: Vec<&str> = text.lines().map(|line| line.split_at(31).0).collect();
    stamps.dedup();
    assert_eq!(stamps.len(), 5, "each line has a time of its own");
}

#[test]
fn a_folder_that_cannot_be_written_costs_lines_and_says_so() {
    let mut real = Real::new();
    fs::create_dir(real.path("logs")).unwrap();
    fs::write(real.path("logs/web"), "in the way").unwrap();
    let (go, said) = (real.path("go"), real.path("said"));
    let script = format!(
        "seq 1 100000; echo >{}; while [ ! -e {} ]; do sleep 0.01; done; echo after; exec sleep 1000",
        said.display(),
        go.display()
    );
    real.add(writer(&script, 1 << 20, 5));
    // More than a pipe holds: the service would stand still if nobody read it.
    real.until("trouble", |real| {
        real.status("web")
            .native
            .get("log_trouble")
            .is_some_and(|why| why.as_str().unwrap().starts_with("cannot write the log in "))
    });
    let reason = real.status("web").reason.unwrap_or_default();
    assert!(reason.starts_with("cannot write the log in "), "{reason}");
    // What a pipe holds is read in the next turn.
    real.until_file(&said, "\n");
    real.supervisor.turn().unwrap();
    let since = Instant::now();
    fs::remove_file(real.path("logs/web")).unwrap();
    // Tried again after a second, when there is something to write.
    real.until("the next try's time", |_| since.elapsed() > Duration::from_millis(1100));
    fs::write(&go, "").unwrap();
    real.until("the line after", |real| {
        real.path("logs/web/current").exists() && real.lines("web").last().unwrap() == "after"
    });
    let lines = real.lines("web");
    assert!(
        lines[0].starts_with("anysvc: 100000 lines of output are missing here: cannot write"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2);
    assert_eq!(real.status("web").native.get("log_trouble"), None);
    assert_eq!(real.status("web").reason, None);
}

#[test]
fn no_link_is_followed_and_the_folder_is_written_with_the_rights_of_the_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut real = Real::new();
    fs::set_permissions(real.scratch.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let victim = real.path("victim");
    fs::write(&victim, "precious").unwrap();
    let theirs = real.path("theirs");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(10_000), Some(10_000)).unwrap();
    let add = |real: &mut Real, name: &str, folder: &Path| {
        let mut spec = writer("echo text", 4096, 1);
        (spec.name, spec.user, spec.directory) = (name.into(), Some("10000".into()), Some("/".into()));
        spec.log.directory = Some(folder.to_owned());
        real.add(spec);
        real.until_state(name, State::Stopped);
        real.status(name).native.get("log_trouble").is_some()
    };
    // A folder of their own is made and written as them.
    assert!(!add(&mut real, "good", &theirs.join("good")));
    let about = fs::metadata(theirs.join("good/current")).unwrap();
    assert_eq!((about.uid(), about.gid()), (10_000, 10_000));
    // A link, a second name and somebody else's folder are not written to.
    fs::create_dir(theirs.join("link")).unwrap();
    symlink(&victim, theirs.join("link/current")).unwrap();
    assert!(add(&mut real, "link", &theirs.join("link")));
    fs::create_dir(theirs.join("hard")).unwrap();
    fs::hard_link(&victim, theirs.join("hard/current")).unwrap();
    assert!(add(&mut real, "hard", &theirs.join("hard")));
    let not_theirs = real.path("not-theirs");
    assert!(add(&mut real, "other", &not_theirs));
    symlink(real.path(""), theirs.join("way")).unwrap();
    assert!(add(&mut real, "way", &theirs.join("way/made-by-root")));
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    // And this thread is root as before.
    fs::write(real.path("roots"), "").unwrap();
    assert_eq!(fs::metadata(real.path("roots")).unwrap().uid(), 0);
}

#[test]
fn a_full_disk_keeps_whole_lines_only() {
    // A limit on the size of files stands for a full disk. It is the process's, so a child tries it.
    let scratch = Scratch::new();
    let folder = scratch.path().join("log");
    // SAFETY: the child only writes files, and leaves without running anything of the test's.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: numbers only.
        unsafe {
            let limit = libc::rlimit { rlim_cur: 10_000, rlim_max: 10_000 };
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit);
        }
        let settings = Settings { folder: folder.clone(), size: 1 << 20, keep: 1 };
        let mut writer = Writer::new(settings);
        let line = [b'x'; 68];
        let lines = std::iter::repeat_n(&line[..], 1000);
        let at = (Instant::now(), SystemTime::now());
        writer.write(lines, at, &mut Shared::default(), &mut |act| act());
        let told = writer.trouble().is_some_and(|why| why.contains("File too large"));
        // SAFETY: ends the child.
        unsafe { libc::_exit(if told { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: our child, and a number to write to.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the writer did not say why");
    // 100 lines of 100 bytes are exactly the limit.
    let text = fs::read_to_string(folder.join("current")).unwrap();
    assert_eq!((text.len(), text.lines().count()), (10_000, 100));
}

#[test]
fn two_services_never_write_into_one_folder() {
    let mut real = Real::new();
    let shared = real.path("shared");
    let add = |real: &mut Real, name: &str, script: &str| {
        let mut spec = writer(script, 4096, 1);
        (spec.name, spec.log.directory) = (name.to_owned(), Some(shared.clone()));
        real.add(spec);
    };
    add(&mut real, "first", "exec sleep 1000");
    add(&mut real, "second", "echo second");
    let reason = real.until_state("second", State::Failed).reason.unwrap();
    assert!(reason.contains("that is where `first` writes"), "{reason}");
    real.supervisor.stop("first").unwrap();
    real.until_state("first", State::Stopped);
    real.supervisor.start("second").unwrap();
    real.until_state("second", State::Stopped);
    assert_eq!(real.lines("second"), ["second"]);
}

#[test]
fn half_a_line_of_a_supervisor_that_was_killed_is_ended_first() {
    let mut real = Real::new();
    fs::create_dir_all(real.path("logs/web")).unwrap();
    fs::write(real.path("logs/web/current"), format!("{:31}half", "")).unwrap();
    real.add(writer("echo whole", 4096, 1));
    real.until_state("web", State::Stopped);
    assert_eq!(real.lines("web"), ["half", "whole"]);
}

#[test]
fn copies_for_the_console_are_lines_without_times() {
    let scratch = Scratch::new();
    let console = scratch.path().join("console");
    let file = fs::File::create(&console).unwrap();
    let mut real = Real::with_console(scratch, file);
    let mut spec = writer("echo one; echo two", 4096, 1);
    spec.log.console = Some(true);
    real.add(spec);
    real.until_state("web", State::Stopped);
    assert_eq!(fs::read_to_string(console).unwrap(), "one\ntwo\n");
    assert_eq!(real.lines("web"), ["one", "two"]);
}
