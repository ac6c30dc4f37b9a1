//! What the engine refuses of a spec, by the name of the field. Pure.

use anysvc_backend_api::{Bytes, Error, ErrorKind, LogTo, Result, ServiceSpec, check_name, expand};

/// The smallest log file: s6-log's, so that a spec means the same on both.
const SMALLEST_LOG: u64 = 4096;

/// Refuses, by the name of the field, what the engine can't do. Reads nothing.
///
/// # Errors
/// `invalid-name`, `invalid-spec` or `unsupported`.
pub fn check(spec: &ServiceSpec) -> Result<()> {
    check_name(&spec.name)?;
    let invalid = |what: String| Err(Error::new(ErrorKind::InvalidSpec, what).with_service(&spec.name));
    let holds_nul = |bytes: &Bytes| bytes.contains(&0);
    match spec.command.first() {
        None => return invalid("`command` is empty".to_owned()),
        Some(program) if program.is_empty() => return invalid("`command` names no program".to_owned()),
        _ => {}
    }
    if spec.command.iter().any(holds_nul) {
        return invalid("`command` holds a NUL byte, which no argument can".to_owned());
    }
    if let Some(variable) = spec.env.iter().find(|variable| holds_nul(&variable.value)) {
        return invalid(format!("`env.{}` holds a NUL byte, which no value can", variable.name));
    }
    if let Some(fd) = spec.ready.as_ref().and_then(|ready| ready.notify_fd)
        && (fd < 3 || i32::try_from(fd).is_err())
    {
        return invalid(format!("`ready.notify-fd` is {fd}; it has to be 3 or more"));
    }
    if spec.log.to == Some(LogTo::Manager) {
        let message = "`log.to` can't be `manager` here: there is no log but files";
        return Err(Error::unsupported(message).with_service(&spec.name));
    }
    if spec.log_size() < SMALLEST_LOG {
        return invalid(format!("`log.size` is {}; it has to be {SMALLEST_LOG} or more", spec.log_size()));
    }
    let give_up = spec.restart.give_up.as_ref();
    if give_up.is_some_and(|limit| limit.after == 0 || limit.within.is_zero()) {
        return invalid("`restart.give-up` needs `after` and `within` of more than nothing".to_owned());
    }
    let paths = [
        ("env-file", spec.env_file.as_ref()),
        ("directory", spec.directory.as_ref()),
        ("log.directory", spec.log.directory.as_ref()),
    ];
    for (field, path) in paths {
        let Some(path) = path else { continue };
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            return invalid(format!("`{field}` is no path"));
        }
        if let Err(why) = expand::pieces(bytes) {
            return invalid(format!("`{field}`: {why}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::{EnvVar, GiveUp, ReadySpec};
    use std::time::Duration;

    fn spec() -> ServiceSpec {
        ServiceSpec { name: "web".to_owned(), command: vec!["web".into()], ..ServiceSpec::default() }
    }

    #[test]
    fn the_defaults_are_taken() {
        assert_eq!(check(&spec()), Ok(()));
    }

    #[test]
    fn what_is_refused_is_refused_by_the_name_of_the_field() {
        type Change = fn(&mut ServiceSpec);
        let cases: [(Change, ErrorKind, &str); 12] = [
            (|s| s.name = "../x".into(), ErrorKind::InvalidName, "contains `.`"),
            (|s| s.command.clear(), ErrorKind::InvalidSpec, "`command`"),
            (|s| s.command = vec!["".into()], ErrorKind::InvalidSpec, "`command`"),
            (|s| s.command.push("a\0b".into()), ErrorKind::InvalidSpec, "`command`"),
            (
                |s| s.env.push(EnvVar { name: "A".into(), value: "\0".into() }),
                ErrorKind::InvalidSpec,
                "`env.A`",
            ),
            (
                |s| s.ready = Some(ReadySpec { notify_fd: Some(2), ..ReadySpec::default() }),
                ErrorKind::InvalidSpec,
                "`ready.notify-fd`",
            ),
            (|s| s.log.to = Some(LogTo::Manager), ErrorKind::Unsupported, "`log.to`"),
            (|s| s.log.size = Some(4095), ErrorKind::InvalidSpec, "`log.size`"),
            (
                |s| s.restart.give_up = Some(GiveUp { after: 0, within: Duration::from_secs(1) }),
                ErrorKind::InvalidSpec,
                "`restart.give-up`",
            ),
            (|s| s.directory = Some("/a/${".into()), ErrorKind::InvalidSpec, "`directory`"),
            (|s| s.env_file = Some("".into()), ErrorKind::InvalidSpec, "`env-file`"),
            (|s| s.log.directory = Some("${1}".into()), ErrorKind::InvalidSpec, "`log.directory`"),
        ];
        for (change, kind, expected) in cases {
            let mut spec = spec();
            change(&mut spec);
            let error = check(&spec).expect_err(expected);
            assert!(error.kind == kind && error.message.contains(expected), "{expected}: {error:?}");
        }
    }
}
