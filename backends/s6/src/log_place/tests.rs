//! Reading what a real s6-log writes while it writes it, and folders that were made to mislead.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Deadline, ErrorKind, LogQuery, LogRecord, LogStream};
use anysvc_backend_support::logs::{Source, open};

use super::LogPlace;
use crate::scripts::marker;

/// A service directory and its log folder.
struct Service {
    base: PathBuf,
    name: String,
}

impl Service {
    fn new(name: &str) -> Service {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let base = std::env::temp_dir().join(format!("anysvc-logs-{}-{serial}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        for folder in ["service/data", "service/log/data"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        fs::write(base.join("service").join(marker::MARK), "anysvc 1\nname x\n").unwrap();
        let service = Service { base, name: name.to_owned() };
        fs::write(service.base.join("service").join(marker::LOG_FOLDER), service.note()).unwrap();
        service
    }

    fn note(&self) -> String {
        format!("{}\n", self.folder().display())
    }

    fn folder(&self) -> PathBuf {
        self.base.join("logs")
    }

    fn source(&self) -> Box<dyn Source> {
        Box::new(LogPlace { service: self.name.clone(), service_directory: self.base.join("service") })
    }

    /// A file of the folder, with lines a second apart from `from` on.
    fn write(&self, name: &str, from: u64, lines: &[&str]) {
        fs::create_dir_all(self.folder()).unwrap();
        let stamp = |(i, line): (usize, &&str)| {
            format!("2026-08-01 10:00:{:02}.000000000  {line}\n", from + i as u64)
        };
        fs::write(self.folder().join(name), lines.iter().enumerate().map(stamp).collect::<String>()).unwrap();
    }

    fn logger(&self, size: u32, keep: u32) -> Child {
        Command::new("s6-log")
            .args(["-b", "--", &format!("n{keep}"), &format!("s{size}"), "T"])
            .arg(self.folder())
            .env("TZ", "UTC0")
            .stdin(Stdio::piped())
            .spawn()
            .expect("s6-log runs; Debian has it in the package s6")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.base);
    }
}

fn all(services: &[&Service], query: &LogQuery) -> Vec<String> {
    let mut stream = open(services.iter().map(|service| service.source()).collect(), query).unwrap();
    let mut lines = Vec::new();
    loop {
        let chunk = stream.next(Deadline::NONE).unwrap();
        lines.extend(chunk.records.iter().map(text));
        if chunk.end {
            return lines;
        }
    }
}

fn text(record: &LogRecord) -> String {
    String::from_utf8_lossy(&record.line.0).into_owned()
}

fn following() -> LogQuery {
    LogQuery { follow: true, ..LogQuery::default() }
}

/// Reads until so many lines have come, or none for a minute.
fn until(stream: &mut Box<dyn LogStream>, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let chunk = stream.next(Deadline::after(Duration::from_secs(60))).unwrap();
        assert!(!chunk.records.is_empty(), "only {} of {count} lines came", lines.len());
        lines.extend(chunk.records.iter().map(text));
    }
    lines
}

#[test]
fn following_gives_each_line_once_over_many_rotations() {
    let service = Service::new("web");
    let mut logger = service.logger(4096, 100_000);
    let mut input = logger.stdin.take().unwrap();
    let mut stream = open(vec![service.source()], &following()).unwrap();
    const LINES: usize = 40_000;
    let writer = thread::spawn(move || {
        for i in 0..LINES {
            writeln!(input, "line {i}").unwrap();
            if i % 1000 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let lines = until(&mut stream, LINES);
    writer.join().unwrap();
    assert!(lines.iter().enumerate().all(|(i, line)| *line == format!("line {i}")), "some order, not ours");
    assert_eq!(lines.len(), LINES);
    assert!(fs::read_dir(service.folder()).unwrap().count() > 30, "it was rotated");
    let none = stream.next(Deadline::after(Duration::from_millis(50))).unwrap();
    assert!(none.records.is_empty() && !none.end);
    assert_eq!(all(&[&service], &LogQuery::default()), lines);
    logger.wait().unwrap();
}

#[test]
fn a_reader_that_is_slow_gets_what_is_kept_in_order_and_is_told_of_each_gap() {
    let service = Service::new("web");
    let mut logger = service.logger(4096, 5);
    let mut input = logger.stdin.take().unwrap();
    let mut stream = open(vec![service.source()], &following()).unwrap();
    writeln!(input, "line 0").unwrap();
    assert_eq!(until(&mut stream, 1), ["line 0"]);
    for i in 1..10_000 {
        writeln!(input, "line {i}").unwrap();
    }
    drop(input);
    logger.wait().unwrap();
    let (mut last, mut told, mut gaps) = (0, false, 0);
    while last != 9_999 {
        for line in until(&mut stream, 1) {
            if line.starts_with("anysvc: lines may be missing here") {
                told = true;
                continue;
            }
            let number = line[5..].parse::<usize>().unwrap();
            assert!(number > last, "a line came twice or late");
            assert!(number == last + 1 || told, "nobody told of the gap before {number}");
            gaps += usize::from(number != last + 1);
            (last, told) = (number, false);
        }
    }
    assert!(gaps > 0, "it was not slow");
}

#[test]
fn where_no_rotated_file_is_kept_whoever_follows_is_told_that_there_may_be_a_gap() {
    // The same to see, whether `b` was there or not.
    for between in [None, Some("b")] {
        let service = Service::new("web");
        service.write("current", 0, &["a"]);
        let mut stream = open(vec![service.source()], &following()).unwrap();
        assert_eq!(until(&mut stream, 1), ["a"]);
        // As s6-log rotates: never is there a moment without a file that is written to.
        for line in between.into_iter().chain(["c"]) {
            fs::rename(service.folder().join("current"), service.folder().join("previous")).unwrap();
            service.write("current", 1, &[line]);
            fs::remove_file(service.folder().join("previous")).unwrap();
        }
        let lines = until(&mut stream, 2);
        assert!(lines[0].starts_with("anysvc: lines may be missing here"), "{lines:?}");
        assert_eq!(lines[1..], ["c"], "{between:?}");
    }
}

#[test]
fn the_last_lines_come_from_as_many_files_as_it_takes() {
    let service = Service::new("web");
    service.write("@4000000066ab0c8000000000.s", 0, &["a", "b", "c"]);
    service.write("@4000000066ab0c8100000000.u", 10, &["d", "e"]);
    service.write("current", 20, &["f", "g"]);
    let expected = ["a", "b", "c", "d", "e", "f", "g"];
    for count in 0..10 {
        let query = LogQuery { lines: Some(count), ..LogQuery::default() };
        let from = expected.len().saturating_sub(count as usize);
        assert_eq!(all(&[&service], &query), expected[from..], "-n {count}");
    }
    let mut stream =
        open(vec![service.source()], &LogQuery { lines: Some(0), follow: true, ..LogQuery::default() })
            .unwrap();
    let mut current = File::options().append(true).open(service.folder().join("current")).unwrap();
    current.write_all(b"2026-08-01 10:00:22.000000000  h\npart").unwrap();
    assert_eq!(until(&mut stream, 1), ["h"]);
    current.write_all(b" two\n").unwrap();
    assert_eq!(until(&mut stream, 1), ["part two"]);
}

#[test]
fn since_leaves_out_what_is_older() {
    let service = Service::new("web");
    // 2026-08-01 10:00 UTC and its TAI64 label.
    let base = SystemTime::UNIX_EPOCH + Duration::from_secs(1_785_578_400);
    let label = |seconds: u64| format!("@{:016x}00000000.s", (1u64 << 62) + 37 + 1_785_578_400 + seconds);
    service.write(&label(3), 0, &["a", "b", "c"]);
    service.write(&label(12), 10, &["d", "e"]);
    service.write("current", 20, &["f", "g"]);
    for (seconds, expected) in [(0, "abcdefg"), (1, "bcdefg"), (10, "defg"), (11, "efg"), (21, "g"), (22, "")]
    {
        let query = LogQuery { since: Some(base + Duration::from_secs(seconds)), ..LogQuery::default() };
        assert_eq!(all(&[&service], &query).concat(), expected, "{seconds}");
    }
    let query =
        LogQuery { since: Some(base + Duration::from_secs(11)), lines: Some(5), ..LogQuery::default() };
    assert_eq!(all(&[&service], &query).concat(), "efg");
}

#[test]
fn several_services_are_merged_by_time() {
    let (one, two) = (Service::new("one"), Service::new("two"));
    one.write("current", 0, &["a", "b", "c", "d"]);
    two.write("@4000000066ab0c8000000000.s", 1, &["B"]);
    two.write("current", 3, &["D", "E"]);
    assert_eq!(all(&[&one, &two], &LogQuery::default()).concat(), "abBcdDE");
    let query = LogQuery { lines: Some(1), ..LogQuery::default() };
    assert_eq!(all(&[&one, &two], &query).concat(), "dE");
}

#[test]
fn what_is_not_there_yet_is_an_empty_log_that_can_be_followed() {
    let service = Service::new("web");
    assert!(all(&[&service], &LogQuery::default()).is_empty());
    fs::remove_file(service.base.join("service").join(marker::LOG_FOLDER)).unwrap();
    assert!(all(&[&service], &LogQuery::default()).is_empty());
    let mut stream = open(vec![service.source()], &following()).unwrap();
    let (tell, first) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        tell.send(until(&mut stream, 1)).unwrap();
        until(&mut stream, 1)
    });
    let pause = || thread::sleep(Duration::from_millis(30));
    pause();
    fs::write(service.base.join("service").join(marker::LOG_FOLDER), "").unwrap();
    pause();
    fs::write(service.base.join("service").join(marker::LOG_FOLDER), service.note()).unwrap();
    pause();
    service.write("current", 0, &["a"]);
    assert_eq!(first.recv().unwrap(), ["a"]);
    // The folder is taken away and comes back.
    fs::rename(service.folder(), service.base.join("old")).unwrap();
    pause();
    service.write("current", 0, &["b"]);
    assert_eq!(reader.join().unwrap(), ["b"]);
}

#[test]
fn cancelling_ends_a_stream_from_another_thread() {
    let service = Service::new("web");
    let mut stream = open(vec![service.source()], &following()).unwrap();
    let cancel = stream.canceller();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        cancel();
    });
    assert!(stream.next(Deadline::NONE).unwrap().end);
    assert!(stream.next(Deadline::NONE).unwrap().end);
    other.join().unwrap();
}

#[test]
fn only_regular_files_are_read_and_bytes_stay_as_they_are() {
    let service = Service::new("web");
    service.write("secret", 0, &["secret"]);
    let folder = service.folder();
    symlink("secret", folder.join("@4000000066ab0c8000000000.s")).unwrap();
    assert!(
        Command::new("mkfifo").arg(folder.join("@4000000066ab0c8100000000.s")).status().unwrap().success()
    );
    fs::create_dir(folder.join("@4000000066ab0c8200000000.s")).unwrap();
    service.write("@4000000066ab0c83.s", 0, &["no such name"]);
    fs::write(folder.join("current"), b"\x1b[31m\xff\x00 raw\n\nno time").unwrap();
    assert_eq!(all(&[&service], &LogQuery::default()), ["\u{1b}[31m\u{fffd}\0 raw", "", "no time"]);
}

#[test]
fn root_reads_only_files_of_the_services_account() {
    let service = Service::new("web");
    if fs::metadata(&service.base).unwrap().uid() != 0 {
        // Others may read what they may read.
        return;
    }
    service.write("@4000000066ab0c8000000000.s", 0, &["root's"]);
    service.write("current", 1, &["app's"]);
    std::os::unix::fs::chown(service.folder().join("current"), Some(10_000), None).unwrap();
    assert_eq!(all(&[&service], &LogQuery::default()), ["root's"]);
    let directory = service.base.join("service");
    fs::write(directory.join(marker::LOG_USER), "app\n").unwrap();
    assert!(all(&[&service], &LogQuery::default()).is_empty(), "who it is, is not known yet");
    fs::write(directory.join(marker::LOG_UID), "10000\n").unwrap();
    assert_eq!(all(&[&service], &LogQuery::default()), ["app's"]);
    std::os::unix::fs::chown(&directory, Some(10_000), None).unwrap();
    assert_eq!(all(&[&service], &LogQuery::default()), ["app's"]);
}

#[test]
fn a_service_without_log_files_is_unsupported_and_none_is_not_registered() {
    let service = Service::new("web");
    let kind = |service: &Service| open(vec![service.source()], &LogQuery::default()).err().unwrap().kind;
    fs::remove_file(service.base.join("service").join(marker::MARK)).unwrap();
    assert_eq!(kind(&service), ErrorKind::Unsupported);
    fs::remove_dir_all(service.base.join("service/log")).unwrap();
    assert_eq!(kind(&service), ErrorKind::Unsupported);
    fs::rename(service.base.join("service"), service.base.join("elsewhere")).unwrap();
    symlink("elsewhere", service.base.join("service")).unwrap();
    assert_eq!(kind(&service), ErrorKind::Unsupported, "one of s6-rc's is there, and not ours");
    fs::remove_file(service.base.join("service")).unwrap();
    fs::rename(service.base.join("elsewhere"), service.base.join("service")).unwrap();
    fs::remove_dir_all(service.base.join("service")).unwrap();
    assert_eq!(kind(&service), ErrorKind::NotRegistered);
}

#[test]
fn files_stay_within_their_size() {
    use crate::scripts::{Owner, Tools, service_directory};
    use anysvc_backend_api::{Registration, ServiceSpec};
    // As log/run calls it: the worst case is lines without anything in them.
    for (size, line) in [(1u64 << 20, "\n"), (64 << 10, "0123456789012345678901234567890123456789\n")] {
        let service = Service::new("web");
        let me = fs::metadata(&service.base).unwrap();
        let owner = Owner { uid: me.uid(), gid: me.gid(), groups: vec![], name: None, home: None };
        let mut spec =
            ServiceSpec { name: "web".into(), command: vec!["x".into()], ..ServiceSpec::default() };
        spec.log.size = Some(size);
        spec.log.keep = Some(2);
        let log_directory = service.folder();
        let registration = Registration { log_directory, ..Registration::new(spec) };
        let tools = Tools { dir: "/usr/bin".into(), version: None };
        let files = service_directory(&registration, &owner, &tools).unwrap();
        let run = service.base.join("service/log/run");
        fs::write(&run, files.get("log/run").unwrap()).unwrap();
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
        let mut logger =
            Command::new(&run).current_dir(run.parent().unwrap()).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = logger.stdin.take().unwrap();
        input.write_all(line.repeat((size as usize * 4) / (line.len() + 31)).as_bytes()).unwrap();
        drop(input);
        logger.wait().unwrap();
        let sizes =
            fs::read_dir(service.folder()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
        let sizes: Vec<u64> = sizes.collect();
        assert!(sizes.iter().all(|s| *s <= size), "{sizes:?} with a size of {size}");
        assert!(sizes.iter().filter(|s| **s > size / 2).count() >= 2, "{sizes:?}");
        assert!(sizes.iter().sum::<u64>() <= size * 3, "{sizes:?}");
    }
}
