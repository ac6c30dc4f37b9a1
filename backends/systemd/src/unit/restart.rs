//! When systemd starts a service again, and when it gives up.

use anysvc_backend_api::{RestartPolicy, Scope, ServiceSpec};

use super::text::command_line;

/// The lines of `[Unit]`. The first start counts, so that as many starts are as many failures.
pub(super) fn limit(spec: &ServiceSpec) -> Vec<String> {
    match &spec.restart.give_up {
        None => vec!["StartLimitIntervalSec=0".to_owned()],
        Some(give_up) => vec![
            format!("StartLimitIntervalSec={}ms", give_up.within.as_millis().max(1)),
            format!("StartLimitBurst={}", give_up.after),
        ],
    }
}

/// The lines of `[Service]`.
pub(super) fn policy(spec: &ServiceSpec, scope: Scope) -> Vec<String> {
    let policy = match spec.policy() {
        RestartPolicy::Never => return vec!["Restart=no".to_owned()],
        RestartPolicy::OnFailure => "on-failure",
        RestartPolicy::Always => "always",
    };
    let mut lines =
        vec![format!("Restart={policy}"), format!("RestartSec={}ms", spec.restart_delay().as_millis())];
    let codes = |codes: &[i32]| codes.iter().map(i32::to_string).collect::<Vec<_>>();
    let (never, mut planned) = (codes(spec.never_on()), codes(spec.always_on()));
    lines.extend((!never.is_empty()).then(|| format!("RestartPreventExitStatus={}", never.join(" "))));
    lines.extend((!planned.is_empty()).then(|| format!("SuccessExitStatus={}", planned.join(" "))));
    lines.extend(forgive(spec, &planned, scope));
    if spec.policy() == RestartPolicy::OnFailure {
        // To systemd these are clean ends, whoever sent them.
        planned.extend(["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"].map(str::to_owned));
    }
    lines.extend((!planned.is_empty()).then(|| format!("RestartForceExitStatus={}", planned.join(" "))));
    lines
}

/// The program of systemd's own that a unit needs for this spec, if it needs one: by the paths where it may be.
pub fn needs_systemctl(spec: &ServiceSpec) -> Option<[&'static str; 2]> {
    let counts = spec.restart.give_up.is_some() && spec.policy() != RestartPolicy::Never;
    (counts && !spec.always_on().is_empty()).then_some(["/usr/bin/systemctl", "/bin/systemctl"])
}

/// A planned restart has the manager forget the starts that it has counted. Only the manager's owner may
/// ask for that, which the service's user need not be.
fn forgive(spec: &ServiceSpec, planned: &[String], scope: Scope) -> Option<String> {
    needs_systemctl(spec)?;
    let (privileged, manager) = if scope == Scope::System { ("+", "") } else { ("", " --user") };
    let script = format!(
        "case $EXIT_CODE:$EXIT_STATUS in exited:{}) PATH=/usr/bin:/bin exec systemctl{manager} reset-failed {}.service ;; esac",
        planned.join(" | exited:"),
        spec.name
    );
    let line = command_line([&b"/bin/sh"[..], b"-c", script.as_bytes()]);
    Some(format!("ExecStopPost={privileged}{line}"))
}
