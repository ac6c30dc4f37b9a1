//! The values that people write: durations, sizes, masks, codes, words for true. One parser for each,
//! shared by spec files, options and the rest of the command line. Errors are sentences without a place:
//! whoever calls knows where the text stood. This module must not know any key.

use std::time::Duration;

use anysvc_backend_api::{Bytes, GiveUp};

/// What a duration looks like, for messages.
pub const DURATION: &str = "a duration (write `500ms`, `10s`, `5m` or `1h`)";
/// What a size looks like, for messages.
pub const SIZE: &str = "a size (write `64KiB`, `1MiB`, `1GiB`, or a number of bytes)";
/// What a umask looks like, for messages.
pub const UMASK: &str = "a umask (write three or four octal digits, like `0027`)";
/// What a truth value looks like, for messages.
pub const BOOLEAN: &str = "true or false";
/// What a give-up rule looks like on the command line, for messages.
pub const GIVE_UP: &str = "a number of failures and a time (write `5/60s`)";
/// What a list of exit codes looks like, for messages.
pub const CODES: &str = "a list of exit codes (write `75,78`, or `none`)";

/// The longest time that is taken, so that sums can't overflow anywhere: about eleven years.
pub(crate) const LONGEST: Duration = Duration::from_secs(100_000 * 3600);

const TIME_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

/// The message for a text that is not what was expected.
pub(crate) fn not(text: &str, expected: &str) -> String {
    format!("`{}` is not {expected}", text.escape_debug())
}

/// A whole number and the unit after it.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// A duration: a whole number and `ms`, `s`, `m` or `h`.
///
/// # Errors
/// A sentence, also for more than 100,000 hours.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text).ok_or_else(|| not(text, DURATION))?;
    let (_, millis) = TIME_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| not(text, DURATION))?;
    let found = number.checked_mul(*millis).map(Duration::from_millis);
    found
        .filter(|d| *d <= LONGEST)
        .ok_or_else(|| format!("`{text}` is longer than {}, the longest time", show_duration(LONGEST)))
}

/// The text of a duration, in the largest unit that gives a whole number. Below a millisecond is lost.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = |unit: u64| millis != 0 && millis.is_multiple_of(u128::from(unit));
    let (name, unit) = TIME_UNITS.iter().find(|(_, unit)| fits(*unit)).unwrap_or(&("s", 1_000));
    format!("{}{name}", millis / u128::from(*unit))
}

/// A size in bytes: a whole number, and `KiB`, `MiB` or `GiB` where there is a unit.
///
/// # Errors
/// A sentence, also for what exceeds 2^63 - 1 bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text).ok_or_else(|| not(text, SIZE))?;
    let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| not(text, SIZE))?;
    let found = number.checked_mul(*bytes).filter(|n| i64::try_from(*n).is_ok());
    found.ok_or_else(|| format!("`{text}` is more than a size can be"))
}

/// The text of a size, in the largest unit that gives a whole number.
pub fn show_size(bytes: u64) -> String {
    let fits = |unit: u64| bytes != 0 && bytes.is_multiple_of(unit);
    let (name, unit) = SIZE_UNITS.iter().find(|(_, unit)| fits(*unit)).unwrap_or(&("", 1));
    format!("{}{name}", bytes / unit)
}

/// A umask in octal digits, at most `0777`.
///
/// # Errors
/// A sentence.
pub fn umask(text: &str) -> Result<u32, String> {
    let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let mask = u32::from_str_radix(text, 8).ok().filter(|mask| octal && *mask <= 0o777);
    mask.ok_or_else(|| not(text, UMASK))
}

/// `true` or `false`.
///
/// # Errors
/// A sentence.
pub fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| not(text, BOOLEAN))
}

/// A give-up rule: `5/60s`.
///
/// # Errors
/// A sentence.
pub fn give_up(text: &str) -> Result<GiveUp, String> {
    let (after, within) = text.split_once('/').ok_or_else(|| not(text, GIVE_UP))?;
    Ok(GiveUp { after: after.parse().map_err(|_| not(text, GIVE_UP))?, within: duration(within)? })
}

/// Exit codes, separated by commas; `none` for an empty list.
///
/// # Errors
/// A sentence. Whether the codes are in range is for the check of the whole spec to say.
pub fn codes(text: &str) -> Result<Vec<i32>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    text.split(',').map(|code| code.trim().parse().map_err(|_| not(text, CODES))).collect()
}

/// Bytes written as pairs of hexadecimal digits.
///
/// # Errors
/// A sentence. It does not repeat the text, which may be a secret.
pub fn hex(text: &str) -> Result<Bytes, String> {
    let digit = |b: u8| char::from(b).to_digit(16);
    let pair = |p: &[u8]| Some((digit(p[0])? * 16 + digit(*p.get(1)?)?) as u8);
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    bytes.map(Bytes).ok_or_else(|| "`hex` is not pairs of hexadecimal digits".to_owned())
}

/// The hexadecimal digits of bytes.
pub fn show_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_and_take_the_largest_unit() {
        let cases = [
            ("500ms", 500, "500ms"),
            ("10s", 10_000, "10s"),
            ("5m", 300_000, "5m"),
            ("1h", 3_600_000, "1h"),
            ("0s", 0, "0s"),
            ("0ms", 0, "0s"),
            ("90s", 90_000, "90s"),
            ("1000ms", 1000, "1s"),
            ("100000h", 360_000_000_000, "100000h"),
        ];
        for (text, millis, shown) in cases {
            let found = duration(text).unwrap();
            assert_eq!(found, Duration::from_millis(millis), "{text}");
            assert_eq!(show_duration(found), shown);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "10", "s", "10 s", "-1s", "1.5s", "1d", "10S", "1m30s", "99999999999999999999s", "١s"]
        {
            assert_eq!(duration(text).unwrap_err(), not(text, DURATION));
        }
        let expected = "`100001h` is longer than 100000h, the longest time";
        assert_eq!(duration("100001h").unwrap_err(), expected);
        assert!(duration("18446744073709551615h").unwrap_err().contains("longest time"));
    }

    #[test]
    fn sizes_read_back_and_take_the_largest_unit() {
        for (text, bytes, shown) in
            [("1000", 1000, "1000"), ("64KiB", 65536, "64KiB"), ("1024KiB", 1 << 20, "1MiB"), ("0", 0, "0")]
        {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(show_size(bytes), shown);
        }
        for text in ["", "1MB", "1 MiB", "-1", "1.5MiB", "KiB"] {
            assert_eq!(size(text).unwrap_err(), not(text, SIZE));
        }
        assert_eq!(size("9999999999GiB").unwrap_err(), "`9999999999GiB` is more than a size can be");
    }

    #[test]
    fn the_other_values() {
        assert_eq!(umask("0027"), Ok(0o027));
        assert_eq!(umask("777"), Ok(0o777));
        for text in ["", "27", "1000", "08", "0o22", "+22", "00027"] {
            assert!(umask(text).is_err(), "{text}");
        }
        assert_eq!(give_up("5/60s").unwrap(), GiveUp { after: 5, within: Duration::from_secs(60) });
        assert_eq!(give_up("5").unwrap_err(), not("5", GIVE_UP));
        assert_eq!(give_up("5/60").unwrap_err(), not("60", DURATION));
        assert_eq!(codes("75, 78"), Ok(vec![75, 78]));
        assert_eq!(codes("none"), Ok(vec![]));
        assert_eq!(codes("75,").unwrap_err(), not("75,", CODES));
        assert_eq!(hex("ff00").unwrap().0, [255, 0]);
        assert!(hex("f").is_err() && hex("xx").is_err() && hex("é0").is_err());
        assert_eq!(show_hex(&[1, 255]), "01ff");
        assert_eq!(boolean("yes").unwrap_err(), "`yes` is not true or false");
    }
}
