//! What s6 can't do, refused by the name of the field. Knows limits of s6, s6-log and the shell.

use std::{os::unix::ffi::OsStrExt, path::Path, time::Duration};

use anysvc_backend_api::{Error, ErrorKind, Result, ServiceSpec, Value, expand};

use super::finish::MOST_DEATHS;

/// The sizes that s6-log takes (s6-log.html, `sfilesize`).
const LOG_SIZES: std::ops::RangeInclusive<u64> = 4096..=268_435_455;

/// Refuses, by the name of the field, what s6 can't do.
///
/// # Errors
/// `unsupported` or `invalid-spec`.
pub fn check(spec: &ServiceSpec) -> Result<()> {
    command(spec)?;
    environment(spec)?;
    for (field, account) in [("user", &spec.user), ("group", &spec.group)] {
        if let Some(account) = account {
            check_account(field, account, spec)?;
        }
    }
    let paths = [
        ("directory", &spec.directory),
        ("env-file", &spec.env_file),
        ("log.directory", &spec.log.directory),
    ];
    for (field, path) in paths {
        if let Some(path) = path {
            check_path(field, path)?;
        }
    }
    if spec.is_transient() {
        return refuse("transient: a scandir keeps what is in it until that is unregistered");
    }
    restart(spec)?;
    if spec.stop_timeout().as_millis() > u32::MAX.into() {
        return refuse("stop.timeout: s6 counts milliseconds in 32 bits (49 days)");
    }
    if let Some(ready) = &spec.ready {
        if ready.sd_notify == Some(true) {
            return refuse("ready.sd-notify: s6 does not speak sd_notify; use ready.notify-fd");
        }
        if ready.notify_fd.is_some_and(|fd| !(3..=1023).contains(&fd)) {
            return refuse("ready.notify-fd: descriptors 3 to 1023 can be used");
        }
    }
    if spec.log.size.is_some_and(|size| !LOG_SIZES.contains(&size)) {
        let (least, most) = (LOG_SIZES.start(), LOG_SIZES.end());
        return refuse(format!("log.size: s6-log takes {least} to {most} bytes"));
    }
    if spec.umask() > 0o777 {
        return invalid(format!("umask: {:o} is not a mask of three octal digits", spec.umask()));
    }
    match &spec.native {
        Value::Null => Ok(()),
        Value::Map(pairs) if pairs.is_empty() => Ok(()),
        _ => refuse("native.s6: nothing is passed through to s6"),
    }
}

fn command(spec: &ServiceSpec) -> Result<()> {
    let Some(program) = spec.command.first() else { return invalid("command: it is empty") };
    if program.is_empty() {
        return invalid("command: the program has no name");
    }
    // `exec` of some shells takes no `--`.
    if program.starts_with(b"-") {
        return refuse(format!("command: a program whose name begins with `-` ({program}); write its path"));
    }
    if spec.command.iter().any(|argument| argument.contains(&0)) {
        return invalid("command: an argument holds a NUL byte");
    }
    Ok(())
}

fn environment(spec: &ServiceSpec) -> Result<()> {
    for variable in &spec.env {
        let name = &variable.name;
        if !expand::is_variable_name(name) {
            return invalid(format!("env: `{}` is no name for a variable", name.escape_debug()));
        }
        if name.len() > 255 {
            return refuse("env: a variable's name is at most 255 bytes long, as it is a file's");
        }
        if variable.value.contains(&0) {
            return invalid(format!("env: the value of `{name}` holds a NUL byte"));
        }
    }
    match &spec.when {
        Some(when) if !expand::is_variable_name(&when.env) => {
            invalid(format!("when.env: `{}` is no name for a variable", when.env.escape_debug()))
        }
        _ => Ok(()),
    }
}

fn check_account(field: &str, account: &str, spec: &ServiceSpec) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.@+-".contains(&b);
    if account.is_empty() || account.starts_with('-') || !account.bytes().all(allowed) {
        return refuse(format!("{field}: `{}` is no name that scripts can use", account.escape_debug()));
    }
    let number = |text: &Option<String>| text.as_ref().is_some_and(|text| text.parse::<u32>().is_ok());
    if field == "user" && number(&spec.user) && !number(&spec.group) {
        return refuse("user: s6 looks a user up by name; a number needs the number of a group beside it");
    }
    Ok(())
}

fn check_path(field: &str, path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return invalid(format!("{field}: it holds a NUL byte"));
    }
    expand::pieces(bytes).map_err(|fault| Error::new(ErrorKind::InvalidSpec, format!("{field}: {fault}")))?;
    if !bytes.starts_with(b"/") && !bytes.starts_with(b"${") {
        return invalid(format!("{field}: `{}` is not an absolute path", path.display()));
    }
    Ok(())
}

fn restart(spec: &ServiceSpec) -> Result<()> {
    let delay = spec.restart_delay();
    if delay < Duration::from_secs(1) {
        return refuse("restart.delay: s6 waits 1 s at least");
    }
    if delay > Duration::from_secs(365 * 86400) {
        return refuse("restart.delay: a year is the limit");
    }
    for (field, codes) in [("never-on", spec.never_on()), ("always-on", spec.always_on())] {
        if let Some(code) = codes.iter().find(|code| !(0..=255).contains(*code)) {
            return invalid(format!("restart.{field}: {code} is no exit code"));
        }
    }
    let Some(give_up) = &spec.restart.give_up else { return Ok(()) };
    if give_up.after == 0 {
        return invalid("restart.give-up.after: the first failure is 1");
    }
    if give_up.after > MOST_DEATHS {
        return refuse(format!("restart.give-up.after: s6 remembers {MOST_DEATHS} deaths"));
    }
    if give_up.within < Duration::from_secs(1) || give_up.within.as_secs() >= u32::MAX.into() {
        return refuse("restart.give-up.within: s6 takes seconds, from 1 to 32 bits of them");
    }
    if delay * (give_up.after - 1) > give_up.within {
        return invalid(format!(
            "restart.give-up: {} failures with a delay of {delay:?} don't fit into {:?}",
            give_up.after, give_up.within
        ));
    }
    Ok(())
}

fn refuse<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::unsupported(what))
}

fn invalid<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidSpec, what))
}
