//! A spec as the text of a unit. Pure: no file is read or written here, and it is not known where units are.

mod account;
mod check;
mod fields;
mod launch;
mod native;
mod restart;
mod seal;
mod text;

use anysvc_backend_api::{LimitKind, LogTo, Result, Scope, ServiceSpec, User};

pub use check::check;
pub use fields::fields;
pub use restart::needs_systemctl;
pub use seal::{is_edited, is_from};

use text::raw;

/// Whether systemd takes a path as it is, where it takes no quotes.
pub fn is_plain_path(path: &str) -> bool {
    text::is_plain(path.replace(' ', "_").as_bytes())
}

/// What a unit depends on beside the spec.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Whose manager.
    pub scope: Scope,
    /// Who registers it.
    pub owner: &'a User,
    /// Where the values of its variables are kept: a path that systemd takes as it is.
    pub environment: &'a str,
}

/// The files of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The unit.
    pub unit: String,
    /// The values of its variables, which are not for everybody's eyes.
    pub environment: Option<String>,
}

/// The files of a service.
///
/// # Errors
/// What systemd can't do, by the name of the field.
pub fn render(spec: &ServiceSpec, around: Surroundings<'_>) -> Result<Files> {
    check(spec)?;
    let sections =
        [("Unit", unit(spec)), ("Service", service(spec, around)?), ("Install", install(around.scope))];
    let mut texts = Vec::new();
    for (name, mut lines) in sections {
        lines.extend(native::lines(spec, name)?);
        texts.push(section(name, &lines));
    }
    Ok(Files { unit: seal::seal(spec, &texts.join("\n")), environment: environment(spec) })
}

/// A unit of what is passed through alone, if anything is: for systemd to say what it makes of it.
///
/// # Errors
/// `invalid-spec` for what is no directive, by its name.
pub fn passed_through(spec: &ServiceSpec) -> Result<Option<String>> {
    native::alone(spec)
}

fn section(name: &str, lines: &[String]) -> String {
    format!("[{name}]\n{}\n", lines.join("\n"))
}

fn unit(spec: &ServiceSpec) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(description) = spec.description.as_ref().filter(|text| !text.is_empty()) {
        lines.push(format!("Description={}", raw(description)));
    }
    let units =
        |names: &[&String]| names.iter().map(|name| format!("{name}.service")).collect::<Vec<_>>().join(" ");
    let requires: Vec<_> = spec.requires.iter().collect();
    let after: Vec<_> = spec.after.iter().chain(&spec.requires).collect();
    lines.extend((!requires.is_empty()).then(|| format!("Wants={}", units(&requires))));
    lines.extend((!after.is_empty()).then(|| format!("After={}", units(&after))));
    lines.extend(restart::limit(spec));
    lines
}

fn service(spec: &ServiceSpec, around: Surroundings<'_>) -> Result<Vec<String>> {
    let notifies = spec.ready.as_ref().is_some_and(|ready| ready.sd_notify == Some(true));
    let mut lines = vec![format!("Type={}", if notifies { "notify" } else { "exec" })];
    if notifies {
        // One that never gets ready is told of, and left to its policy.
        lines.push("TimeoutStartSec=infinity".to_owned());
        // A script says it by `systemd-notify`, which is another process.
        lines.push("NotifyAccess=all".to_owned());
    }
    let (user, group) = account::account(spec, around.scope, around.owner)?;
    lines.extend(user.map(|user| format!("User={user}")));
    lines.extend(group.map(|group| format!("Group={group}")));
    lines.push(format!("UMask={:04o}", spec.umask()));
    if let Some(directory) = spec.directory.as_deref().filter(|path| launch::is_literal(path)) {
        lines.push(format!("WorkingDirectory={}", directory.display()));
    }
    if !spec.env.is_empty() {
        lines.push(format!("EnvironmentFile={}", raw(around.environment)));
    }
    lines.extend(launch::exec_condition(spec).map(|line| format!("ExecCondition={line}")));
    lines.push(format!("ExecStart={}", launch::exec_start(spec)));
    lines.extend(restart::policy(spec, around.scope));
    lines.extend(stop(spec));
    lines.extend(limits(spec));
    lines.extend(output(spec));
    Ok(lines)
}

fn install(scope: Scope) -> Vec<String> {
    let target = if scope == Scope::System { "multi-user.target" } else { "default.target" };
    vec![format!("WantedBy={target}")]
}

/// When the main process ends, the rest of its control group is killed.
fn stop(spec: &ServiceSpec) -> [String; 3] {
    // 0 would be for ever.
    let timeout = spec.stop_timeout().as_millis().max(1);
    [
        "KillMode=mixed".to_owned(),
        format!("KillSignal={}", spec.stop_signal().number()),
        format!("TimeoutStopSec={timeout}ms"),
    ]
}

fn limits(spec: &ServiceSpec) -> impl Iterator<Item = String> {
    spec.limits.iter().map(|limit| {
        let name = match limit.kind {
            LimitKind::As => "AS",
            LimitKind::Core => "CORE",
            LimitKind::Cpu => "CPU",
            LimitKind::Data => "DATA",
            LimitKind::Fsize => "FSIZE",
            LimitKind::Memlock => "MEMLOCK",
            LimitKind::Nofile => "NOFILE",
            LimitKind::Nproc => "NPROC",
            LimitKind::Stack => "STACK",
        };
        format!("Limit{name}={}", limit.value.map_or("infinity".to_owned(), |value| value.to_string()))
    })
}

fn output(spec: &ServiceSpec) -> [String; 3] {
    let to = match (spec.log.to, spec.log.console) {
        (Some(LogTo::None), _) => "null",
        (_, Some(true)) => "journal+console",
        _ => "journal",
    };
    [format!("StandardOutput={to}"), format!("StandardError={to}"), format!("SyslogIdentifier={}", spec.name)]
}

/// Whether the output of a unit of ours goes nowhere.
pub fn is_silent(unit: &[u8]) -> bool {
    unit.split(|&byte| byte == b'\n').any(|line| line == b"StandardOutput=null")
}

fn environment(spec: &ServiceSpec) -> Option<String> {
    let value = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lines = spec.env.iter().map(|variable| text::assignment(&variable.name, &value(&variable.value)));
    (!spec.env.is_empty()).then(|| seal::seal_values(&lines.collect::<String>()))
}
