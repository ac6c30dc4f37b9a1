//! The rules of readiness.

use std::time::Duration;

use anysvc_backend_api::ReadySpec;

use super::rules::{Checked, broken, command, times};

pub(super) fn check(ready: &ReadySpec) -> Checked {
    let given: Vec<&'static str> = [
        ("ready.notify-fd", ready.notify_fd.is_some()),
        ("ready.sd-notify", ready.sd_notify == Some(true)),
        ("ready.check", ready.check.is_some()),
        ("ready.port", ready.port.is_some()),
        ("ready.http", ready.http.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect();
    const WAYS: &str = "give one of notify-fd, sd-notify, check, port and http";
    match given.as_slice() {
        [] => return Err(broken("ready.timeout", "nothing says how it becomes ready").hint(WAYS)),
        [_] => {}
        [first, second, ..] => {
            return Err(broken(second, format!("{first} says already how it becomes ready")).hint(WAYS));
        }
    }
    times(&[("ready.timeout", ready.timeout)])?;
    if ready.timeout == Some(Duration::ZERO) {
        return Err(broken("ready.timeout", "nothing is ready within no time"));
    }
    if ready.notify_fd.is_some_and(|fd| !(3..=1023).contains(&fd)) {
        return Err(broken("ready.notify-fd", "it has to be 3 to 1023: 0, 1 and 2 are input and output"));
    }
    if ready.port == Some(0) {
        return Err(broken("ready.port", "0 is no port"));
    }
    ready.check.as_deref().map_or(Ok(()), |words| command("ready.check", words))?;
    ready.http.as_deref().map_or(Ok(()), http)
}

fn http(url: &str) -> Checked {
    const KEY: &str = "ready.http";
    let shown = url.escape_debug();
    if url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) {
        return Err(broken(
            KEY,
            format!("`{shown}` is https, and readiness is asked for without encryption"),
        )
        .hint("give an http:// URL on the local machine, or a check that runs a command"));
    }
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| broken(KEY, format!("`{shown}` is not a URL that begins with `http://`")))?;
    if let Some(c) = url.chars().find(|c| c.is_control() || c.is_whitespace()) {
        return Err(broken(KEY, format!("it contains `{}`", c.escape_default())));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(broken(KEY, format!("`{shown}` has a user name, which is not sent")));
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').or((!port.is_empty()).then_some(""))),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(broken(KEY, format!("`{shown}` has no host")));
    }
    let good =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0);
    match port {
        Some(port) if !good(port) => {
            Err(broken(KEY, format!("`{}` is not a port from 1 to 65535", port.escape_debug())))
        }
        _ => Ok(()),
    }
}
