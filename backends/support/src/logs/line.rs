//! From bytes to records: lines, and the time at their beginning. Knows no files.

use std::time::{Duration, SystemTime};

/// A line that is longer comes in pieces, so that no file can fill the memory.
pub(super) const LONGEST: usize = 1 << 20;

/// Cuts what arrives in pieces into lines.
#[derive(Debug)]
pub(super) struct Lines {
    pending: Vec<u8>,
    longest: usize,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::of_at_most(LONGEST)
    }
}

impl Lines {
    /// Those that are longer come in pieces.
    pub(super) fn of_at_most(longest: usize) -> Lines {
        Lines { pending: Vec::new(), longest }
    }

    /// Takes the next piece and hands over each line that it completes, without its end.
    pub(super) fn push(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = piece.iter().position(|b| *b == b'\n') {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            if self.pending.is_empty() && line.len() <= self.longest {
                each(line);
            } else {
                self.keep(line, &mut each);
                each(&std::mem::take(&mut self.pending));
            }
            piece = rest;
        }
        self.keep(piece, each);
    }

    /// Keeps the beginning of a line until there is more, and hands over what is too long to be kept.
    fn keep(&mut self, part: &[u8], each: impl FnMut(&[u8])) {
        self.pending.extend_from_slice(part);
        // Something follows each of these, so that none is cut off for nothing.
        let full = self.pending.len().saturating_sub(1) / self.longest * self.longest;
        if full > 0 {
            let rest = self.pending.split_off(full);
            std::mem::replace(&mut self.pending, rest).chunks(self.longest).for_each(each);
        }
    }

    /// There will be no more: a last line without an end is one too.
    pub(super) fn finish(&mut self, each: impl FnOnce(&[u8])) {
        if !self.pending.is_empty() {
            each(&std::mem::take(&mut self.pending));
        }
    }
}

/// The time of a line and what follows it: `YYYY-MM-DD HH:MM:SS.nnnnnnnnn`, two blanks (s6-log's `T`, in
/// UTC because log/run says so).
pub(super) fn split_time(line: &[u8]) -> (Option<SystemTime>, &[u8]) {
    match (line.get(..31).and_then(time), line.get(31..)) {
        (Some(time), Some(rest)) => (Some(time), rest),
        _ => (None, line),
    }
}

fn time(stamp: &[u8]) -> Option<SystemTime> {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00.000000000  ";
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    if stamp.len() != SHAPE.len() || !stamp.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let number =
        |at: std::ops::Range<usize>| stamp[at].iter().fold(0u64, |n, digit| n * 10 + u64::from(digit - b'0'));
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (hour, minute, second) = (number(11..13), number(14..16), number(17..19));
    // 60 is a leap second.
    if !(1..=12).contains(&month)
        || !(1..=length(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let seconds = days * 86400 + hour * 3600 + minute * 60 + second;
    Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, number(20..29) as u32))
}

/// How many days a month has.
fn length(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, for days not before that one. Years begin in March, so
/// that the day that comes and goes is their last (Hinnant, "chrono-compatible low-level date algorithms").
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = (month + 9) % 12;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days.checked_sub(719_468)
}

/// About when a file was rotated, from its name: `@`, a TAI64N label in hexadecimal, and `.s` or `.u`. It
/// is off by as many leap seconds as the system was told of (10 to 37).
pub(super) fn rotated_at(name: &str) -> Option<SystemTime> {
    let label = u64::from_str_radix(name.get(1..17)?, 16).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(label.checked_sub(1 << 62)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut got) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.push(piece, |line| got.push(line.to_vec()));
        }
        lines.finish(|line| got.push(line.to_vec()));
        got
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let text = b"one\n\ntwo\x00\xff\r\nthree".as_slice();
        let expected: Vec<&[u8]> = vec![b"one", b"", b"two\x00\xff\r", b"three"];
        for at in 0..text.len() {
            assert_eq!(split(&[&text[..at], &text[at..]]), expected);
        }
        assert_eq!(split(&[]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let long = vec![b'x'; LONGEST * 2 + 5];
        let lengths: Vec<_> = split(&[&long, b"\n"]).iter().map(Vec::len).collect();
        assert_eq!(lengths, [LONGEST, LONGEST, 5]);
    }

    #[test]
    fn a_long_line_is_cut_at_the_same_places_however_it_arrives() {
        let long = [vec![b'x'; LONGEST * 2], b"\ny\n".to_vec()].concat();
        for piece in [LONGEST / 3, LONGEST, long.len()] {
            let lengths: Vec<_> =
                split(&long.chunks(piece).collect::<Vec<_>>()).iter().map(Vec::len).collect();
            assert_eq!(lengths, [LONGEST, LONGEST, 1], "in pieces of {piece}");
        }
    }

    #[test]
    fn the_time_is_taken_off_where_there_is_one() {
        let line = b"2026-08-01 12:34:56.123456789  hello";
        let (time, rest) = split_time(line);
        assert_eq!(time, Some(SystemTime::UNIX_EPOCH + Duration::new(1_785_587_696, 123_456_789)));
        assert_eq!(rest, b"hello");
        assert_eq!(split_time(b"2000-02-29 00:00:00.000000000  ").1, b"");
        let none: [&[u8]; 7] = [
            b"",
            b"hello",
            b"2026-08-01 12:34:56.123456789 one blank",
            b"2026-13-01 12:34:56.123456789  x",
            b"2026-11-31 12:34:56.123456789  x",
            b"2026-02-29 12:34:56.123456789  x",
            b"1969-12-31 23:59:59.000000000  x",
        ];
        for line in none {
            assert_eq!(split_time(line), (None, line));
        }
    }

    #[test]
    fn the_name_of_a_rotated_file_tells_when() {
        let at = rotated_at("@40000000688cb5f000000000.s").unwrap();
        assert_eq!(at, SystemTime::UNIX_EPOCH + Duration::from_secs(0x688c_b5f0));
        assert_eq!(rotated_at("@x"), None);
    }
}
