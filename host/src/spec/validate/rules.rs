//! The rules themselves, one function for each part of a spec.

use std::{collections::HashSet, path::Path, time::Duration};

use anysvc_backend_api::{
    Bytes, LogTo, ServiceSpec, check_name,
    expand::{self, is_variable_name},
};

use super::{Violation, ready};
use crate::spec::value::{LONGEST, show_duration};

/// More rotated files than anybody reads; less than breaks a manager's counting.
pub(crate) const MOST_LOGS: u32 = 1_000_000;

pub(super) type Checked = Result<(), Violation>;

pub(super) fn broken(key: &'static str, message: impl Into<String>) -> Violation {
    Violation { key, message: message.into(), hint: None }
}

impl Violation {
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Violation {
        self.hint = Some(hint.into());
        self
    }
}

pub(super) fn check(spec: &ServiceSpec) -> Checked {
    command("command", &spec.command)?;
    people(spec)?;
    env(spec)?;
    path("env-file", spec.env_file.as_deref())?;
    path("directory", spec.directory.as_deref())?;
    limits(spec)?;
    names("after", &spec.after, &spec.name)?;
    names("requires", &spec.requires, &spec.name)?;
    boot(spec)?;
    restart(spec)?;
    stop(spec)?;
    spec.ready.as_ref().map_or(Ok(()), ready::check)?;
    log(spec)?;
    condition(spec)
}

pub(super) fn command(key: &'static str, words: &[Bytes]) -> Checked {
    let Some(program) = words.first() else {
        return Err(broken(key, "there is none").hint("write the program and its arguments"));
    };
    if program.is_empty() {
        return Err(broken(key, "the program is an empty text"));
    }
    if let Some(word) = words.iter().find(|word| word.contains(&0)) {
        return Err(broken(key, format!("`{word}` contains a NUL byte, which no argument can")));
    }
    if program.contains(&b'/') && !program.starts_with(b"/") {
        let message =
            format!("`{program}` is relative, and a service has no folder that it could be relative to");
        return Err(
            broken(key, message).hint("write the absolute path, or a name alone to look it up in PATH")
        );
    }
    Ok(())
}

/// A text without control characters (line breaks and NUL are some).
fn plain(key: &'static str, text: &str) -> Checked {
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(broken(key, format!("it contains the control character `{}`", c.escape_default()))),
        None if text.is_empty() => Err(broken(key, "it is empty")),
        None => Ok(()),
    }
}

fn people(spec: &ServiceSpec) -> Checked {
    for (key, text) in [("description", &spec.description), ("user", &spec.user), ("group", &spec.group)] {
        text.as_deref().map_or(Ok(()), |text| plain(key, text))?;
    }
    for (key, account) in [("user", &spec.user), ("group", &spec.group)] {
        if account.as_ref().is_some_and(|name| name.contains([':', '/']) || name.starts_with('-')) {
            let name = account.as_deref().unwrap_or_default();
            return Err(broken(key, format!("`{name}` can't be the name of an account")));
        }
    }
    match spec.umask {
        Some(mask) if mask > 0o777 => Err(broken("umask", format!("`{mask:o}` is more than 0777"))),
        _ => Ok(()),
    }
}

fn env(spec: &ServiceSpec) -> Checked {
    let mut seen = HashSet::new();
    for var in &spec.env {
        let name = var.name.escape_debug();
        if !is_variable_name(&var.name) {
            return Err(broken("env", format!("`{name}` can't be the name of a variable"))
                .hint("use letters, digits and `_`, not beginning with a digit"));
        }
        if var.value.contains(&0) {
            return Err(broken(
                "env",
                format!("the value of `{name}` contains a NUL byte, which no variable can"),
            ));
        }
        if !seen.insert(&var.name) {
            return Err(broken("env", format!("`{name}` is given twice")));
        }
    }
    Ok(())
}

/// A path that is whole once `${VAR}` in it is expanded.
fn path(key: &'static str, path: Option<&Path>) -> Checked {
    let Some(path) = path else { return Ok(()) };
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.contains(&0) {
        return Err(broken(key, "it contains a NUL byte, which no path can"));
    }
    expand::pieces(bytes).map_err(|message| broken(key, message))?;
    if !path.is_absolute() && !bytes.starts_with(b"${") {
        let message = format!("`{}` is not an absolute path", path.display().to_string().escape_debug());
        return Err(broken(key, message).hint("begin it with `/` or `${VAR}`"));
    }
    Ok(())
}

fn limits(spec: &ServiceSpec) -> Checked {
    let mut seen = HashSet::new();
    for limit in &spec.limits {
        if !seen.insert(limit.kind) {
            return Err(broken("limits", format!("`{}` is given twice", limit.kind)));
        }
        if limit.value.is_some_and(|value| i64::try_from(value).is_err()) {
            let message = format!("`{}` is more than a limit can be", limit.kind);
            return Err(broken("limits", message).hint("write `unlimited`"));
        }
    }
    Ok(())
}

fn names(key: &'static str, names: &[String], own: &str) -> Checked {
    for name in names {
        check_name(name).map_err(|e| Violation { key, message: e.message, hint: e.hint })?;
        if name == own {
            return Err(broken(key, "it is the service itself"));
        }
    }
    Ok(())
}

fn boot(spec: &ServiceSpec) -> Checked {
    match (spec.is_transient(), spec.boot) {
        (true, Some(boot)) => {
            Err(broken("transient", format!("it is gone at the next boot, of which `boot` says `{boot}`"))
                .hint("leave one of them out"))
        }
        _ => Ok(()),
    }
}

fn restart(spec: &ServiceSpec) -> Checked {
    times(&[("restart.delay", spec.restart.delay)])?;
    for (key, codes) in
        [("restart.never-on", &spec.restart.never_on), ("restart.always-on", &spec.restart.always_on)]
    {
        if let Some(code) = codes.iter().flatten().find(|code| !(0..=255).contains(*code)) {
            return Err(broken(key, format!("{code} is not an exit code, which is 0 to 255")));
        }
    }
    let Some(rule) = &spec.restart.give_up else { return Ok(()) };
    const KEY: &str = "restart.give-up";
    times(&[(KEY, Some(rule.within))])?;
    if rule.after == 0 {
        return Err(broken(KEY, "`after` is 0, and the first failure is number 1"));
    }
    let least = spec.restart_delay().checked_mul(rule.after - 1);
    if least.is_none_or(|least| least > rule.within) {
        let (delay, within) = (show_duration(spec.restart_delay()), show_duration(rule.within));
        let least =
            least.map_or_else(|| "longer than that".to_owned(), |t| format!("at least {}", show_duration(t)));
        let message = format!(
            "{} failures can't fall within {within}: with {delay} between them they take {least}",
            rule.after
        );
        return Err(broken(KEY, message).hint("raise `within`, or lower `after` or the delay"));
    }
    Ok(())
}

/// Times in whole milliseconds up to the longest, which is what every form of a spec can say.
pub(super) fn times(times: &[(&'static str, Option<Duration>)]) -> Checked {
    for (key, time) in times {
        let time = time.unwrap_or_default();
        if !time.subsec_nanos().is_multiple_of(1_000_000) {
            return Err(broken(key, "it has a part of a millisecond, which no file can say"));
        }
        if time > LONGEST {
            let message = format!("it is longer than {}, the longest time", show_duration(LONGEST));
            return Err(broken(key, message));
        }
    }
    Ok(())
}

fn stop(spec: &ServiceSpec) -> Checked {
    times(&[("stop.timeout", spec.stop.timeout)])
}

fn log(spec: &ServiceSpec) -> Checked {
    let log = &spec.log;
    path("log.directory", log.directory.as_deref())?;
    if log.size == Some(0) {
        return Err(broken("log.size", "no file can be rotated at 0 bytes"));
    }
    if log.size.is_some_and(|size| i64::try_from(size).is_err()) {
        return Err(broken("log.size", "it is more than a size can be"));
    }
    if log.keep.is_some_and(|keep| keep > MOST_LOGS) {
        return Err(broken("log.keep", format!("{MOST_LOGS} is the most")));
    }
    let files = [
        ("log.directory", log.directory.is_some()),
        ("log.size", log.size.is_some()),
        ("log.keep", log.keep.is_some()),
    ];
    match (log.to, files.into_iter().find(|(_, set)| *set)) {
        (Some(to @ (LogTo::Manager | LogTo::None)), Some((key, _))) => {
            let message = format!("it is about log files, and the output goes to `{to}`");
            Err(broken(key, message).hint("leave it out, or let the output go to `files`"))
        }
        _ => Ok(()),
    }
}

fn condition(spec: &ServiceSpec) -> Checked {
    match &spec.when {
        Some(when) if when.env.is_empty() => {
            Err(broken("when.truthy", "no variable is named").hint("name it with `when.env`"))
        }
        Some(when) if !is_variable_name(&when.env) => {
            let message = format!("`{}` can't be the name of a variable", when.env.escape_debug());
            Err(broken("when.env", message))
        }
        _ => Ok(()),
    }
}
