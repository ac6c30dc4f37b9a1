//! Times and durations: RFC 3339 in UTC for programs, local time and ages for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// RFC 3339 in UTC with microseconds: `2026-08-01T12:00:00.000000Z`.
pub fn rfc3339(time: SystemTime) -> String {
    let (seconds, micros) = since_epoch(time);
    let Fields { year, month, day, hour, minute, second } = Fields::in_utc(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Local time to the second: `2026-08-01 14:00:00`.
pub fn local(time: SystemTime) -> String {
    let Fields { year, month, day, hour, minute, second } = Fields::local(since_epoch(time).0);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Local time to the millisecond, for log lines.
pub fn local_precise(time: SystemTime) -> String {
    format!("{}.{:03}", local(time), since_epoch(time).1 / 1000)
}

/// How long, to be read by people: `0s`, `59s`, `5m 3s`, `3h 20m`, `12d 4h`.
pub fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// How long ago; zero for what is to come (clocks are set).
pub fn since(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Seconds as a number, to the millisecond.
#[allow(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
pub fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}

/// Reads RFC 3339 (`2026-08-01T12:00:00Z`), or a local date with or without a time.
pub fn parse(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year, month, day] = numbers(date, '-')?;
    let clock = rest.strip_prefix(['T', 't', ' ']).unwrap_or(rest);
    let zone_at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    if rest.len() == clock.len() + zone.len() && !rest.is_empty() {
        return None;
    }
    let (clock, nanos) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, fraction_in_nanos(fraction)?),
        None => (clock, 0),
    };
    let [hour, minute, second] = match clock.len() {
        0 => [0; 3],
        5 => numbers(&format!("{clock}:00"), ':')?,
        _ => numbers(clock, ':')?,
    };
    let fields = Fields { year, month, day, hour, minute, second };
    let seconds = match zone {
        "" => fields.local_to_epoch()?,
        "Z" | "z" => fields.utc_to_epoch()?,
        offset => fields.utc_to_epoch()? - offset_in_seconds(offset)?,
    };
    Some(UNIX_EPOCH + Duration::new(u64::try_from(seconds).ok()?, nanos))
}

/// Three numbers, of digits alone.
fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut next = || parts.next().filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse().ok();
    let found = [next()?, next()?, next()?];
    parts.next().is_none().then_some(found)
}

fn fraction_in_nanos(digits: &str) -> Option<u32> {
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| format!("{digits:0<9}").parse().ok())?
}

fn offset_in_seconds(offset: &str) -> Option<i64> {
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let [hours, minutes, _] = numbers(&format!("{}:0", &offset[1..]), ':')?;
    Some(sign * (hours * 3600 + minutes * 60))
}

fn since_epoch(time: SystemTime) -> (i64, u32) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_micros())
}

#[derive(Clone, Copy)]
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Fields {
    fn in_utc(seconds: i64) -> Fields {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        Fields { year, month, day, hour: rest / 3600, minute: rest % 3600 / 60, second: rest % 60 }
    }

    /// The C library knows the local zone; where it fails, UTC is better than nothing.
    #[cfg(unix)]
    fn local(seconds: i64) -> Fields {
        let seconds_c = seconds as libc::time_t;
        let mut broken = std::mem::MaybeUninit::<libc::tm>::uninit();
        // SAFETY: both pointers are to live memory of the right types; the result says whether it was
        // filled in. The environment is not changed by this program, which localtime_r reads TZ from.
        let tm = unsafe {
            if libc::localtime_r(&raw const seconds_c, broken.as_mut_ptr()).is_null() {
                return Fields::in_utc(seconds);
            }
            broken.assume_init()
        };
        Fields {
            year: i64::from(tm.tm_year) + 1900,
            month: i64::from(tm.tm_mon) + 1,
            day: i64::from(tm.tm_mday),
            hour: i64::from(tm.tm_hour),
            minute: i64::from(tm.tm_min),
            second: i64::from(tm.tm_sec),
        }
    }

    #[cfg(not(unix))]
    fn local(seconds: i64) -> Fields {
        Fields::in_utc(seconds)
    }

    /// Seconds since the epoch, if the fields are a time that there is.
    fn utc_to_epoch(self) -> Option<i64> {
        let in_range = (1970..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 61;
        let days = in_range.then(|| days(self.year, self.month, self.day))?;
        let exists = civil(days) == (self.year, self.month, self.day);
        exists.then_some(days * 86_400 + self.hour * 3600 + self.minute * 60 + self.second)
    }

    /// The same for local time: the offset that holds then is found by looking at it twice, since it is
    /// asked for by the very time that is sought.
    fn local_to_epoch(self) -> Option<i64> {
        let as_utc = self.utc_to_epoch()?;
        let offset_at = |at: i64| Fields::local(at).utc_to_epoch().map(|shown| shown - at);
        let guess = as_utc - offset_at(as_utc)?;
        Some(as_utc - offset_at(guess)?)
    }
}

/// The date of a day since 1970-01-01, in the proleptic Gregorian calendar. Years are counted from
/// March, so that the leap day is a year's last; an era is 400 of them.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The day since 1970-01-01 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (1_735_689_600, "2025-01-01T00:00:00.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_micros(1_500_001)), "1970-01-01T00:00:01.500001Z");
    }

    #[test]
    fn ages_have_two_units_at_most() {
        let ages = [0, 59, 60, 3599, 3600, 86_399, 90_000].map(|s| age(Duration::from_secs(s)));
        assert_eq!(ages, ["0s", "59s", "1m 0s", "59m 59s", "1h 0m", "23h 59m", "1d 1h"]);
    }

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for day in (-1000..60_000).step_by(13) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let time = UNIX_EPOCH + Duration::from_micros(1_785_585_600_123_456);
        assert_eq!(parse(&rfc3339(time)), Some(time));
        assert_eq!(parse("2026-08-01T14:30:00+02:30"), parse("2026-08-01T12:00:00Z"));
        let whole = UNIX_EPOCH + Duration::from_secs(1_785_585_600);
        assert_eq!(parse(&local(whole)), Some(whole));
        assert_eq!(parse("2026-08-01"), parse("2026-08-01 00:00"));
        for wrong in [
            "",
            "10m",
            "2026-13-01",
            "2026-02-30",
            "2026-08-01T25:00:00Z",
            "2026-08-01x",
            "2026-08-01Z",
            "2026-08-01 12",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
