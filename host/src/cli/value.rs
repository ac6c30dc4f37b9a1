//! The values of options, as they are written on the command line.

use std::time::{Duration, SystemTime};

use super::global::ScopeArg;
use crate::{output::time, spec};

/// `500ms`, `10s`, `5m`; a bare `0` too.
pub fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { spec::value::duration(text) }
}

/// How many lines.
pub fn lines(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number of lines"))
}

/// `system`, `user`, `user:NAME`.
pub fn scope(text: &str) -> Result<ScopeArg, String> {
    match text.split_once(':') {
        None if text == "system" => Ok(ScopeArg::System),
        None if text == "user" => Ok(ScopeArg::User),
        Some(("user", name)) if !name.is_empty() => Ok(ScopeArg::Other(name.to_owned())),
        _ => Err("write `system`, `user` or `user:NAME`".to_owned()),
    }
}

/// A time: RFC 3339, a local date with or without a time, or how long ago (`10m`).
pub fn point_in_time(text: &str) -> Result<SystemTime, String> {
    if let Some(time) = time::parse(text) {
        return Ok(time);
    }
    match duration(text) {
        Ok(ago) => Ok(SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH)),
        Err(_) => Err("write how long ago (`10m`), a local time (`2026-08-01 14:00:00`), or RFC 3339 \
                       (`2026-08-01T12:00:00Z`)"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_three() {
        assert_eq!(scope("system"), Ok(ScopeArg::System));
        assert_eq!(scope("user"), Ok(ScopeArg::User));
        assert_eq!(scope("user:app"), Ok(ScopeArg::Other("app".into())));
        for wrong in ["", "root", "user:", "system:x", "users"] {
            assert!(scope(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_a_date_or_an_age() {
        let hour_ago = point_in_time("1h").expect("an age");
        let age = SystemTime::now().duration_since(hour_ago).expect("it is past");
        assert!((3600..3605).contains(&age.as_secs()));
        let exact = point_in_time("2026-08-01T12:00:00Z").expect("RFC 3339");
        assert_eq!(time::rfc3339(exact), "2026-08-01T12:00:00.000000Z");
        assert!(point_in_time("yesterday").is_err());
    }
}
