//! What systemd can't do, refused by the name of the field. Knows the limits of systemd and of its files.

use std::{os::unix::ffi::OsStrExt, path::Path, time::Duration};

use anysvc_backend_api::{Error, ErrorKind, LogTo, Result, ServiceSpec, check_name, expand};
use anysvc_backend_support::shell::SHELLS_OWN;

use super::{
    launch::{Launch, exec_start},
    native,
    text::{is_utf8, raw},
};

/// The longest time that is surely counted: systemd has microseconds in 64 bits.
const LONGEST: Duration = Duration::from_secs(100_000 * 3600);

/// The longest line of a unit, in bytes (`LONG_LINE_MAX` in its fileio.h).
const LONGEST_LINE: usize = 1 << 20;

/// The longest variable, in bytes: `MAX_ARG_STRLEN` of the kernel, with pages of 4 KiB.
const LONGEST_STRING: usize = 128 << 10;

/// Refuses, by the name of the field, what can't be done.
///
/// # Errors
/// `invalid-name`, `invalid-spec` or `unsupported`.
pub fn check(spec: &ServiceSpec) -> Result<()> {
    check_name(&spec.name)?;
    command(spec)?;
    description(spec)?;
    environment(spec)?;
    for (field, path) in [("directory", &spec.directory), ("env-file", &spec.env_file)] {
        path.as_deref().map_or(Ok(()), |path| check_path(field, path))?;
    }
    for (field, names) in [("after", &spec.after), ("requires", &spec.requires)] {
        names.iter().try_for_each(|name| {
            check_name(name).map_err(|error| invalid(format!("{field}: {}", error.message)))
        })?;
    }
    restart(spec)?;
    if spec.stop_timeout() > LONGEST {
        return Err(invalid("stop.timeout: 100,000 hours are the limit"));
    }
    if spec.umask() > 0o777 {
        return Err(invalid(format!("umask: {:o} is not a mask of three octal digits", spec.umask())));
    }
    if spec.ready.as_ref().is_some_and(|ready| ready.notify_fd.is_some()) {
        return Err(Error::unsupported("ready.notify-fd: systemd knows no descriptor for this")
            .with_hint("use ready.sd-notify"));
    }
    log(spec)?;
    native::check(spec)
}

fn command(spec: &ServiceSpec) -> Result<()> {
    let Some(program) = spec.command.first() else { return Err(invalid("command: it is empty")) };
    if program.is_empty() {
        return Err(invalid("command: the program has no name"));
    }
    if spec.command.iter().any(|argument| argument.contains(&0)) {
        return Err(invalid("command: an argument holds a NUL byte"));
    }
    // Some shells take it for an option of `exec`.
    if Launch::of(spec) == Launch::Shell && program.starts_with(b"-") {
        let message = format!("command: a program whose name begins with `-` ({program}); write its path");
        return Err(Error::unsupported(message));
    }
    if "ExecStart=".len() + exec_start(spec).len() >= LONGEST_LINE {
        return Err(Error::unsupported("command: as a line of a unit it is longer than a MiB"));
    }
    Ok(())
}

fn description(spec: &ServiceSpec) -> Result<()> {
    let text = spec.description.as_deref().unwrap_or_default();
    let why = match text {
        _ if text.contains(['\n', '\r', '\0']) => "more than one line",
        _ if text.trim() != text => "blanks at its beginning or end",
        _ if text.ends_with('\\') => "a backslash at its end",
        _ if !is_utf8(text.as_bytes()) => "characters that Unicode reserves",
        _ if "Description=".len() + raw(text).len() >= LONGEST_LINE => "more than a MiB in a line",
        _ => return Ok(()),
    };
    Err(Error::unsupported(format!("description: a unit can't hold {why}")))
}

fn environment(spec: &ServiceSpec) -> Result<()> {
    let name = |field: &str, name: &str| match expand::is_variable_name(name) {
        true => Ok(()),
        false => Err(invalid(format!("{field}: `{}` is no name for a variable", name.escape_debug()))),
    };
    spec.when.as_ref().map_or(Ok(()), |when| name("when.env", &when.env))?;
    let shell = Launch::of(spec) == Launch::Shell || spec.when.is_some() || spec.restart.give_up.is_some();
    for variable in &spec.env {
        name("env", &variable.name)?;
        let refuse = |why: &str| Err(Error::unsupported(format!("env: `{}` {why}", variable.name)));
        if variable.value.contains(&0) {
            return Err(invalid(format!("env: the value of `{}` holds a NUL byte", variable.name)));
        }
        if variable.name.len() + "=\0".len() + variable.value.len() > LONGEST_STRING {
            return refuse("is longer than the kernel takes, 128 KiB: systemd may drop it");
        }
        if !is_utf8(&variable.value) {
            return refuse("is not UTF-8, or holds characters that Unicode reserves: systemd would drop it");
        }
        if shell && SHELLS_OWN.contains(&&*variable.name) {
            return refuse("is the shell's own, which this service needs for another field");
        }
        // How it ended is told to what counts failures by these.
        if spec.restart.give_up.is_some() && ["EXIT_CODE", "EXIT_STATUS"].contains(&&*variable.name) {
            return refuse("is systemd's own, which `restart.give-up` needs");
        }
        // systemd has one environment for all commands of a unit, and one of them would be root's.
        if spec.restart.give_up.is_some() && spec.user.is_some() && variable.name.starts_with("LD_") {
            return refuse("would be root's too, who counts failures for `restart.give-up`");
        }
    }
    Ok(())
}

fn check_path(field: &str, path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Err(invalid(format!("{field}: it holds a NUL byte")));
    }
    expand::pieces(bytes).map_err(|fault| invalid(format!("{field}: {fault}")))?;
    match bytes.starts_with(b"/") || bytes.starts_with(b"${") {
        true => Ok(()),
        false => Err(invalid(format!("{field}: `{}` is not an absolute path", path.display()))),
    }
}

fn restart(spec: &ServiceSpec) -> Result<()> {
    let delay = spec.restart_delay();
    if delay > LONGEST {
        return Err(invalid("restart.delay: 100,000 hours are the limit"));
    }
    for (field, codes) in [("never-on", spec.never_on()), ("always-on", spec.always_on())] {
        if let Some(code) = codes.iter().find(|code| !(0..=255).contains(*code)) {
            return Err(invalid(format!("restart.{field}: {code} is no exit code")));
        }
    }
    let Some(give_up) = &spec.restart.give_up else { return Ok(()) };
    if give_up.after == 0 || give_up.within.is_zero() || give_up.within > LONGEST {
        return Err(invalid(
            "restart.give-up: `after` and `within` have to be more than nothing, and no eternity",
        ));
    }
    // What is longer than any time does not fit either.
    let least = delay.checked_mul(give_up.after - 1).unwrap_or(Duration::MAX);
    if least > give_up.within {
        return Err(invalid(format!(
            "restart.give-up: {} failures with a delay of {delay:?} don't fit into {:?}",
            give_up.after, give_up.within
        )));
    }
    Ok(())
}

fn log(spec: &ServiceSpec) -> Result<()> {
    let log = &spec.log;
    let field = match log {
        _ if log.to == Some(LogTo::Files) => "log.to=files",
        _ if log.directory.is_some() => "log.directory",
        _ if log.size.is_some() => "log.size",
        _ if log.keep.is_some() => "log.keep",
        _ => return Ok(()),
    };
    Err(Error::unsupported(format!("{field}: systemd keeps output in its journal, and rotates no files"))
        .with_hint("leave it out: `anysvc logs` reads the journal"))
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidSpec, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::{Condition, EnvVar, ErrorKind, GiveUp, ReadySpec, Value};

    fn spec() -> ServiceSpec {
        ServiceSpec { name: "web".to_owned(), command: vec!["/web".into()], ..ServiceSpec::default() }
    }

    fn variable(name: &str, value: &[u8]) -> EnvVar {
        EnvVar { name: name.into(), value: value.to_vec().into() }
    }

    fn native(section: &str, key: &str, text: &str) -> Value {
        let directive = vec![(key.to_owned(), Value::Text(text.to_owned()))];
        Value::Map(vec![(section.to_owned(), Value::Map(directive))])
    }

    #[test]
    fn what_systemd_can_do_is_taken() {
        let mut spec = spec();
        assert_eq!(check(&spec), Ok(()));
        spec.command.push(vec![0xff, b'%', b'\n'].into());
        spec.env = vec![variable("A", "grü\n\"$%".as_bytes()), variable("IFS", b"x")];
        spec.native = native("Service", "ProtectSystem", "strict");
        assert_eq!(check(&spec), Ok(()));
    }

    #[test]
    fn what_is_refused_is_refused_by_the_name_of_the_field() {
        type Change = fn(&mut ServiceSpec);
        let cases: [(Change, ErrorKind, &str); 24] = [
            (|s| s.name = "../x".into(), ErrorKind::InvalidName, "contains `.`"),
            (|s| s.command.clear(), ErrorKind::InvalidSpec, "command"),
            (|s| s.command = vec!["".into()], ErrorKind::InvalidSpec, "command"),
            (|s| s.command = vec!["-x".into()], ErrorKind::Unsupported, "command"),
            (|s| s.command.push("a\0b".into()), ErrorKind::InvalidSpec, "command"),
            (|s| s.command.push(vec![1; 300_000].into()), ErrorKind::Unsupported, "command"),
            (|s| s.description = Some("%".repeat(600_000)), ErrorKind::Unsupported, "description"),
            (
                |s| {
                    s.env = vec![variable("EXIT_STATUS", b"75")];
                    s.restart.give_up = Some(GiveUp { after: 5, within: Duration::from_secs(60) });
                },
                ErrorKind::Unsupported,
                "env: `EXIT_STATUS`",
            ),
            (|s| s.description = Some("a\nb".into()), ErrorKind::Unsupported, "description"),
            (|s| s.description = Some("a\\".into()), ErrorKind::Unsupported, "description"),
            (|s| s.description = Some(" a".into()), ErrorKind::Unsupported, "description"),
            (|s| s.env = vec![variable("A", b"\xff")], ErrorKind::Unsupported, "env: `A`"),
            (|s| s.env = vec![variable("A", "\u{fffe}".as_bytes())], ErrorKind::Unsupported, "env: `A`"),
            (|s| s.env = vec![variable("A", &[b'a'; 131_070])], ErrorKind::Unsupported, "env: `A`"),
            (|s| s.env = vec![variable("A", b"a\0")], ErrorKind::InvalidSpec, "env"),
            (|s| s.env = vec![variable("A B", b"")], ErrorKind::InvalidSpec, "env: `A B`"),
            (
                |s| {
                    s.env = vec![variable("IFS", b"x")];
                    s.env_file = Some("/a".into());
                },
                ErrorKind::Unsupported,
                "env: `IFS`",
            ),
            (
                |s| s.when = Some(Condition { env: "A-B".into(), truthy: None }),
                ErrorKind::InvalidSpec,
                "when.env",
            ),
            (|s| s.directory = Some("a".into()), ErrorKind::InvalidSpec, "directory"),
            (|s| s.env_file = Some("/a/${".into()), ErrorKind::InvalidSpec, "env-file"),
            (
                |s| s.ready = Some(ReadySpec { notify_fd: Some(3), ..ReadySpec::default() }),
                ErrorKind::Unsupported,
                "ready.notify-fd",
            ),
            (|s| s.log.to = Some(LogTo::Files), ErrorKind::Unsupported, "log.to"),
            (|s| s.log.keep = Some(3), ErrorKind::Unsupported, "log.keep"),
            (
                |s| s.restart.give_up = Some(GiveUp { after: 9, within: Duration::from_secs(1) }),
                ErrorKind::InvalidSpec,
                "restart.give-up",
            ),
        ];
        for (change, kind, expected) in cases {
            let mut spec = spec();
            change(&mut spec);
            let error = check(&spec).expect_err(expected);
            assert!(error.kind == kind && error.message.contains(expected), "{expected}: {error:?}");
        }
    }

    #[test]
    fn what_root_would_run_with_a_user_s_libraries_is_refused() {
        let mut spec = spec();
        spec.env = vec![variable("LD_PRELOAD", b"/home/app/x.so")];
        spec.user = Some("app".into());
        assert_eq!(check(&spec), Ok(()));
        spec.restart.give_up = Some(GiveUp { after: 5, within: Duration::from_secs(60) });
        assert!(check(&spec).unwrap_err().message.contains("LD_PRELOAD"));
    }

    #[test]
    fn directives_that_fields_stand_for_and_what_is_none_are_refused_by_name() {
        for (section, key, text, expected) in [
            ("Service", "ExecStart", "/x", "native.systemd.Service.ExecStart: say it with `command`"),
            ("Service", "A B", "x", "`A B`"),
            ("Service", "Nice", "1\nUser=root", "native.systemd.Service.Nice"),
            ("Service", "Nice", "1\\", "native.systemd.Service.Nice"),
            ("Service", "Nice", "\u{fffe}", "native.systemd.Service.Nice"),
            ("Service", "TimeoutSec", "9", "say it with `stop.timeout`"),
            ("Unit", "StartLimitInterval", "9", "say it with `restart.give-up`"),
            ("Socket", "ListenStream", "1", "`Socket`"),
            ("Install", "Alias", "www.service", "native.systemd.Install: nothing would act on it"),
        ] {
            let mut spec = spec();
            spec.native = native(section, key, text);
            let error = check(&spec).expect_err(expected);
            assert_eq!(error.kind, ErrorKind::InvalidSpec);
            assert!(error.message.contains(expected), "{}", error.message);
        }
    }
}
