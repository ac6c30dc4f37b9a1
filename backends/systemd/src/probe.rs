//! Whether the manager of the scope answers, and what the operator ought to know about it.

use anysvc_backend_api::{Context, Deadline, Error, ErrorKind, Probe, Result, Scope};
use anysvc_backend_support::boot;

use crate::{
    linger,
    manager::{Gate, Manager, Work, recovery},
};

/// Asks.
///
/// # Errors
/// `manager-unavailable` with the reason and a hint.
pub(crate) fn probe(context: &Context, gate: &Gate, deadline: Deadline) -> Result<Probe> {
    let names = ["Version", "SystemState", "Virtualization", "NFailedUnits", "UserspaceTimestampMonotonic"];
    let ask = |manager: &mut Manager| manager.properties(names, deadline);
    let (manager, answers) = recovery::asked(gate, Work::Little, ask, deadline)?;
    let [version, state, virtualization, failed, began] = answers;
    if version.is_empty() {
        let message = format!("what answers on {} is not systemd", manager.socket());
        return Err(Error::new(ErrorKind::ManagerUnavailable, message)
            .with_hint("`busctl` shows whether D-Bus works on this machine"));
    }
    let mut facts = vec![format!("systemd {version} on {}: {state}", manager.socket())];
    if !virtualization.is_empty() {
        facts.push(format!("the machine is virtual: {virtualization}"));
    }
    facts.extend(gate.note.clone());
    let mut warnings = Vec::new();
    match state.as_str() {
        "running" | "initializing" | "starting" => {}
        "degraded" => facts.push(format!("{failed} units have failed, which does not matter here")),
        other => warnings.push(format!("systemd is in the state `{other}`: it may not start anything now")),
    }
    warnings.extend(linger::warning(context));
    if context.scope == Scope::System && context.user.uid != 0 {
        warnings.push(format!(
            "uid {} may look at the machine's services; only root may change them",
            context.user.uid
        ));
    }
    // When it was started first: it keeps that when it is executed anew.
    let boot = (!began.is_empty()).then(|| format!("{} {began}", boot::kernel()));
    Ok(Probe { version: Some(version), boot, facts, warnings })
}
