//! `[service.NAME.native.systemd]`: directives that are passed through to the unit.

use anysvc_backend_api::{Error, ErrorKind, Result, ServiceSpec, Value};

use super::{section, text::is_utf8};

/// The sections that take any.
const SECTIONS: [&str; 2] = ["Unit", "Service"];

/// Directives that follow from fields of the spec. Written twice, they would say two things.
const OURS: [(&str, &str); 33] = [
    ("Description", "description"),
    ("EnvironmentFile", "env` or `env-file"),
    ("Environment", "env"),
    ("ExecCondition", "when"),
    ("ExecStart", "command"),
    ("Group", "group"),
    ("KillMode", "stop"),
    ("KillSignal", "stop.signal"),
    ("LimitAS", "limits"),
    ("LimitCORE", "limits"),
    ("LimitCPU", "limits"),
    ("LimitDATA", "limits"),
    ("LimitFSIZE", "limits"),
    ("LimitMEMLOCK", "limits"),
    ("LimitNOFILE", "limits"),
    ("LimitNPROC", "limits"),
    ("LimitSTACK", "limits"),
    ("Restart", "restart.policy"),
    ("RestartForceExitStatus", "restart.always-on"),
    ("RestartPreventExitStatus", "restart.never-on"),
    ("RestartSec", "restart.delay"),
    ("StandardError", "log.to"),
    ("StandardOutput", "log.to"),
    ("StartLimitBurst", "restart.give-up"),
    // systemd's older word.
    ("StartLimitInterval", "restart.give-up"),
    ("StartLimitIntervalSec", "restart.give-up"),
    // It sets two, one of which is this.
    ("TimeoutSec", "stop.timeout` and `TimeoutStartSec"),
    ("TimeoutStopSec", "stop.timeout"),
    ("Type", "ready.sd-notify"),
    ("UMask", "umask"),
    ("User", "user"),
    ("WorkingDirectory", "directory"),
    ("SyslogIdentifier", "name"),
];

/// The lines for one section.
///
/// # Errors
/// `invalid-spec` for what is no directive, by its name.
pub(super) fn lines(spec: &ServiceSpec, section: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (key, value) in pairs(spec.native.get(section), section)? {
        let own = OURS.iter().find(|(name, _)| name == key);
        if let Some((_, field)) = own {
            return Err(invalid(format!("native.systemd.{section}.{key}: say it with `{field}`")));
        }
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let key = key.escape_debug();
            return Err(invalid(format!("native.systemd.{section}: `{key}` is no name of a directive")));
        }
        let values =
            if let Value::List(values) = value { values.as_slice() } else { std::slice::from_ref(value) };
        for value in values {
            lines.push(format!("{key}={}", text(value, section, key)?));
        }
    }
    Ok(lines)
}

/// A unit of what is passed through alone, if anything is.
///
/// # Errors
/// As [`lines`].
pub(super) fn alone(spec: &ServiceSpec) -> Result<Option<String>> {
    let sections = SECTIONS.map(|section| Ok((section, lines(spec, section)?)));
    let sections = sections.into_iter().collect::<Result<Vec<_>>>()?;
    if sections.iter().all(|(_, lines)| lines.is_empty()) {
        return Ok(None);
    }
    let texts = sections.iter().map(|(name, lines)| section(name, lines));
    // Without this it would be no service.
    let service = section("Service", &["Type=oneshot".to_owned(), "ExecStart=/bin/true".to_owned()]);
    Ok(Some(texts.chain([service]).collect()))
}

/// Refuses sections that there are not.
///
/// # Errors
/// `invalid-spec`.
pub(super) fn check(spec: &ServiceSpec) -> Result<()> {
    for (section, _) in pairs(Some(&spec.native), "")? {
        // `systemctl enable` alone acts on it, which nobody calls for ours.
        if section == "Install" {
            return Err(invalid(
                "native.systemd.Install: nothing would act on it; say it with `boot`".to_owned(),
            ));
        }
        if !SECTIONS.contains(&&**section) {
            let section = section.escape_debug();
            return Err(invalid(format!(
                "native.systemd: there is no section `{section}`; there are Unit and Service"
            )));
        }
    }
    SECTIONS.iter().try_for_each(|section| lines(spec, section).map(drop))
}

fn pairs<'a>(value: Option<&'a Value>, section: &str) -> Result<&'a [(String, Value)]> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Map(pairs)) => Ok(pairs),
        Some(_) => Err(invalid(format!("native.systemd.{section}: it has to be a table of directives"))),
    }
}

fn text(value: &Value, section: &str, key: &str) -> Result<String> {
    let text = match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        _ => {
            return Err(invalid(format!(
                "native.systemd.{section}.{key}: a text, a number or true and false, or a list of them"
            )));
        }
    };
    // What is not UTF-8 to systemd it would leave out.
    match text.ends_with('\\') || text.contains(['\n', '\r', '\0']) || !is_utf8(text.as_bytes()) {
        true => Err(invalid(format!("native.systemd.{section}.{key}: a line can't hold or end like this"))),
        false => Ok(text),
    }
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidSpec, what)
}
