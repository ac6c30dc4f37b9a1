//! Which exit code a kind of error has. One table, held to the published one by a test.

use anysvc_backend_api::{Error, ErrorKind, State};

/// The code of an error.
pub fn of(error: &Error) -> u8 {
    of_kind(error.kind)
}

/// The code of a kind of error.
pub fn of_kind(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Io | ErrorKind::Panicked => 1,
        ErrorKind::Usage | ErrorKind::InvalidName | ErrorKind::InvalidSpec => 2,
        ErrorKind::NotRegistered => 4,
        ErrorKind::AlreadyRegistered | ErrorKind::NotOurs => 5,
        ErrorKind::Unsupported => 6,
        ErrorKind::PermissionDenied => 7,
        ErrorKind::NoBackend | ErrorKind::Plugin | ErrorKind::ManagerUnavailable => 8,
        ErrorKind::CommandFailed => 9,
        ErrorKind::TimedOut => 10,
        ErrorKind::Died => 11,
    }
}

/// The code of a service that does not run, or is not healthy.
pub const NOT_RUNNING: u8 = 3;

/// The code of `status` for one service that could be read.
pub fn of_state(state: State) -> u8 {
    match state {
        State::Running => 0,
        State::Starting | State::Stopping | State::Stopped | State::Failed | State::Backoff => NOT_RUNNING,
        State::Unknown => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as it is published.
    const PUBLISHED: &[(u8, &[&str])] = &[
        (1, &["io", "panicked"]),
        (2, &["usage", "invalid-name", "invalid-spec"]),
        (4, &["not-registered"]),
        (5, &["already-registered", "not-ours"]),
        (6, &["unsupported"]),
        (7, &["permission-denied"]),
        (8, &["no-backend", "plugin", "manager-unavailable"]),
        (9, &["command-failed"]),
        (10, &["timed-out"]),
        (11, &["died"]),
    ];

    #[test]
    fn every_kind_has_its_published_code() {
        let published: Vec<(u8, &str)> =
            PUBLISHED.iter().flat_map(|(code, kinds)| kinds.iter().map(|kind| (*code, *kind))).collect();
        assert_eq!(published.len(), ErrorKind::ALL.len());
        for (code, name) in published {
            let kind = ErrorKind::from_name(name).unwrap_or_else(|| panic!("no kind `{name}`"));
            assert_eq!(of_kind(kind), code, "{name}");
        }
    }

    #[test]
    fn only_running_is_success_and_only_unknown_is_a_failure_to_read() {
        for &state in State::ALL {
            let expected = match state {
                State::Running => 0,
                State::Unknown => 1,
                _ => 3,
            };
            assert_eq!(of_state(state), expected, "{state}");
        }
    }
}
