//! The time of a line, as s6-log writes it with `T` under UTC, and the name of a file that was rotated.
//! Knows only numbers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of a stamp and the two spaces after it: `2026-03-01 12:00:00.123456789  `.
pub(super) const LENGTH: usize = 31;

/// TAI64 labels count from 2^62 at the Unix epoch in TAI, which is ahead by 37 seconds; skalibs, and so
/// s6-log, uses this constant on systems whose clock is UTC.
const TAI64_EPOCH: u64 = (1 << 62) + 37;

/// Stamps lines. The part up to the second is made once a second.
#[derive(Debug, Default)]
pub(super) struct Stamper {
    second: u64,
    nanos: u32,
    text: [u8; LENGTH],
}

impl Stamper {
    /// The time of the lines that follow.
    pub(super) fn set(&mut self, at: SystemTime) {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second || self.text[0] == 0 {
            self.second = since.as_secs();
            self.date();
        }
        self.nanos = since.subsec_nanos();
    }

    /// The time of the last line, for the name of a file that ends with it.
    pub(super) fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::new(self.second, self.nanos)
    }

    /// Adds a line with its time. Lines that were read together are a nanosecond apart, so that no two
    /// have the same time and their order shows.
    pub(super) fn line(&mut self, line: &[u8], batch: &mut Vec<u8>) {
        let mut left = self.nanos;
        for digit in self.text[20..29].iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
        batch.extend_from_slice(&self.text);
        batch.extend_from_slice(line);
        batch.push(b'\n');
        self.nanos += 1;
        if self.nanos == 1_000_000_000 {
            self.nanos = 0;
            self.second += 1;
            self.date();
        }
    }

    fn date(&mut self) {
        let (year, month, day) = civil(self.second / 86_400);
        let of_day = self.second % 86_400;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        self.text = *b"0000-00-00 00:00:00.000000000  ";
        let mut put = |at: usize, length: usize, mut value: u64| {
            for digit in self.text[at..at + length].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        for (at, length, value) in
            [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, hour), (14, 2, minute), (17, 2, second)]
        {
            put(at, length, value);
        }
    }
}

/// The name of a file whose last line is not later: `@` and a TAI64N label.
pub(super) fn archive(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("@{:016x}{:08x}.s", TAI64_EPOCH + since.as_secs(), since.subsec_nanos())
}

/// Whether a name is that of a rotated file, finished (`s`) or not (`u`).
pub(super) fn is_archive(name: &[u8]) -> bool {
    let digits = name.strip_prefix(b"@").and_then(|n| n.strip_suffix(b".s").or(n.strip_suffix(b".u")));
    digits.is_some_and(|d| d.len() == 24 && d.iter().all(|b| b"0123456789abcdef".contains(b)))
}

/// Year, month and day of a day since the epoch (Howard Hinnant's `civil_from_days`, for days that are
/// not negative).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(seconds: u64, nanos: u32, lines: usize) -> String {
        let mut stamper = Stamper::default();
        let mut batch = Vec::new();
        stamper.set(UNIX_EPOCH + Duration::new(seconds, nanos));
        (0..lines).for_each(|_| stamper.line(b"x", &mut batch));
        String::from_utf8(batch).unwrap()
    }

    #[test]
    fn stamps_are_dates_in_utc() {
        // From `date -u -d @N '+%F %T'`.
        let cases = [
            (0, "1970-01-01 00:00:00.000000007  x\n"),
            (951_782_400, "2000-02-29 00:00:00.000000007  x\n"),
            (1_709_251_199, "2024-02-29 23:59:59.000000007  x\n"),
            (4_102_444_799, "2099-12-31 23:59:59.000000007  x\n"),
            (4_107_542_400, "2100-03-01 00:00:00.000000007  x\n"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(stamped(seconds, 7, 1), expected);
        }
        assert_eq!(stamped(0, 0, 1).len(), LENGTH + 2);
    }

    #[test]
    fn lines_read_together_are_a_nanosecond_apart_also_over_the_second() {
        let expected = "1970-01-01 00:00:59.999999999  x\n1970-01-01 00:01:00.000000000  x\n";
        assert_eq!(stamped(59, 999_999_999, 2), expected);
    }

    #[test]
    fn archives_have_names_like_those_of_s6_log() {
        let name = archive(UNIX_EPOCH + Duration::new(1_700_000_000, 255));
        assert_eq!(name, "@400000006553f125000000ff.s");
        assert!(is_archive(name.as_bytes()));
        for other in ["current", "@400000006553f125000000f.s", "@400000006553f125000000ff.t", "@.s", "lock"] {
            assert!(!is_archive(other.as_bytes()), "{other}");
        }
    }
}
