//! The boot log: a line for each service, so that what happened at a start of the machine or container can
//! be read later. It must not know where it is written.

use std::time::SystemTime;

use anysvc_backend_api::{Error, Exit, Status};

use crate::output::{escape, json, time};

/// The file in the state folder; an older one has `.1` behind it.
pub const FILE: &str = "boot.log";
/// The largest that it becomes, in bytes.
pub const LIMIT: u64 = 256 << 10;

/// What is said of a service.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Which.
    pub name: &'a str,
    /// As it was found; nothing where the manager did not have it.
    pub prior: Option<&'a Status>,
    /// What was done.
    pub action: &'a str,
    /// What went wrong.
    pub error: Option<&'a Error>,
}

/// One line: when, which, what it did before, what was done, and how it had ended.
pub fn line(now: SystemTime, said: &Line<'_>) -> String {
    let prior = said.prior.map_or("absent", |status| status.state.as_str());
    let exit = said.prior.and_then(|status| status.last_exit.as_ref()).map_or("-".to_owned(), how);
    let (name, action) = (escape::line(said.name), said.action);
    let mut line = format!("{} name={name} prior={prior} action={action} exit={exit}", time::rfc3339(now));
    if let Some(error) = said.error {
        line.push_str(" error=");
        json::write(&mut line, &error.message.as_str().into());
    }
    line.push('\n');
    line
}

/// The exit code, or the name of the signal.
fn how(exit: &Exit) -> String {
    let signal = exit.signal.clone();
    signal.or_else(|| exit.code.map(|code| code.to_string())).unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use anysvc_backend_api::{ErrorKind, State};

    use super::*;

    #[test]
    fn a_line_has_time_name_prior_state_action_and_exit() {
        let now = UNIX_EPOCH + Duration::from_secs(60);
        let mut prior = Status::new("web", State::Failed);
        prior.last_exit = Some(Exit { code: Some(78), signal: None, at: None });
        let said = Line { name: "web", prior: Some(&prior), action: "start", error: None };
        assert_eq!(
            line(now, &said),
            "1970-01-01T00:01:00.000000Z name=web prior=failed action=start exit=78\n"
        );
        prior.last_exit = Some(Exit { code: None, signal: Some("KILL".into()), at: None });
        let said = Line { name: "web", prior: Some(&prior), action: "stop", error: None };
        assert!(line(now, &said).ends_with(" exit=KILL\n"));
    }

    #[test]
    fn what_others_wrote_stays_in_its_line() {
        let error = Error::new(ErrorKind::Io, "it\nbroke \"all\"");
        let said = Line { name: "a\nb", prior: None, action: "register", error: Some(&error) };
        let line = line(UNIX_EPOCH, &said);
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(
            line.ends_with(
                "name=a\\nb prior=absent action=register exit=- error=\"it\\nbroke \\\"all\\\"\"\n"
            )
        );
    }
}
