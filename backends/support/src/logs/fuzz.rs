//! Whatever a service writes: its lines come out as they went in, however they were read, and a time is
//! one that the C library knows.

use std::{fs, path::PathBuf, time::SystemTime};

use anysvc_backend_api::{LogQuery, LogRecord};
use anysvc_fuzz::{Corpus, check, fuzz};

use super::{
    Owner,
    line::{self, Lines},
    reader::Reader,
};

fn corpus() -> Corpus {
    Corpus::of("log").words(&[
        "2026-08-01 12:34:56.123456789  ",
        "2000-02-29 00:00:00.000000000  ",
        "\n\n",
        "-30 ",
    ])
}

/// Lines as anybody would split them.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    // What follows the last end is a line only if there is something.
    lines.pop_if(|last| last.is_empty());
    lines
}

#[test]
fn lines_in_pieces() {
    const LONGEST: usize = 40;
    fuzz(corpus(), |document| {
        let whole = lines(document);
        let cut = |line: &&'_ [u8]| match line.is_empty() {
            true => vec![Vec::new()],
            false => line.chunks(LONGEST).map(<[u8]>::to_vec).collect(),
        };
        let expected: Vec<Vec<u8>> = whole.iter().flat_map(cut).collect();
        for piece in [1, 7, LONGEST, 64, document.len().max(1)] {
            let (mut reader, mut got) = (Lines::of_at_most(LONGEST), Vec::new());
            document.chunks(piece).for_each(|piece| reader.push(piece, |line| got.push(line.to_vec())));
            reader.finish(|line| got.push(line.to_vec()));
            assert_eq!(got, expected, "in pieces of {piece}");
        }
    });
}

/// A time as s6-log writes it, by the C library.
fn written(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).expect("no log is older");
    let seconds = since.as_secs() as libc::time_t;
    // SAFETY: `tm` is plain numbers and a pointer, for which all zeros are a value.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point to variables of ours that live through the call.
    assert!(!unsafe { libc::gmtime_r(&raw const seconds, &raw mut tm) }.is_null());
    let date = format!("{:04}-{:02}-{:02}", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    format!("{date} {:02}:{:02}:{:02}.{:09}  ", tm.tm_hour, tm.tm_min, tm.tm_sec, since.subsec_nanos())
}

#[test]
fn times_of_lines() {
    fuzz(corpus(), |document| {
        for line in lines(document) {
            let (time, rest) = line::split_time(line);
            assert!(line.ends_with(rest));
            let Some(time) = time else { continue };
            // A leap second is the first of the next minute.
            if &line[17..19] != b"60" {
                assert_eq!(written(time).as_bytes(), &line[..line.len() - rest.len()]);
            }
        }
    });
}

#[test]
fn every_time_is_read() {
    check(|choices| {
        let seconds = choices.int_in_range(0..=253_402_300_799u64)?;
        let nanos = choices.int_in_range(0..=999_999_999)?;
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::new(seconds, nanos);
        let line = written(time) + "x";
        assert_eq!(line::split_time(line.as_bytes()), (Some(time), b"x".as_slice()));
        Ok(())
    });
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn folders_of_logs() {
    let folder = Folder(std::env::temp_dir().join(format!("anysvc-fuzz-logs-{}", std::process::id())));
    fs::create_dir(&folder.0).expect("a folder of our own");
    fuzz(corpus(), |document| {
        // Two that were rotated, one of them by a killed s6-log, and what is written to.
        let (third, rest) = document.split_at(document.len() / 3);
        let (second, current) = rest.split_at(rest.len() / 2);
        let parts = [
            ("@40000000688cb5f000000000.s", third),
            ("@40000000688cb5f000000001.u", second),
            ("current", current),
        ];
        for (name, content) in parts {
            fs::write(folder.0.join(name), content).expect("a file in it");
        }
        let all: Vec<&[u8]> = parts.iter().flat_map(|(_, content)| lines(content)).collect();
        for wanted in [None, Some(0), Some(1), Some(3), Some(1000)] {
            let query = LogQuery { lines: wanted, ..LogQuery::default() };
            let from = wanted.map_or(0, |wanted| all.len().saturating_sub(wanted as usize));
            let expected: Vec<(Option<SystemTime>, &[u8])> =
                all[from..].iter().map(|line| line::split_time(line)).collect();
            let records = read(&folder, &query);
            let got: Vec<_> = records.iter().map(|record| (record.time, &*record.line.0)).collect();
            assert_eq!(got, expected, "the last {wanted:?}");
        }
    });
}

fn read(folder: &Folder, query: &LogQuery) -> Vec<LogRecord> {
    let mut reader = Reader::open("x".into(), folder.0.clone(), Owner::Any, query).expect("it can be opened");
    let mut all = Vec::new();
    loop {
        match reader.next().expect("it can be read") {
            records if records.is_empty() => return all,
            records => all.extend(records),
        }
    }
}
