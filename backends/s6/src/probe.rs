//! Whether an s6-svscan answers, and what the operator ought to know about it.

use anysvc_backend_api::{Context, Probe, Result};
use anysvc_backend_support::boot;
use rustix::{
    fs::{Access, AtFlags, accessat, fstat},
    process::geteuid,
};

use crate::{
    scandir::{COMM, Choice, Listener, Scandir, Svscan, unavailable},
    tools,
};

/// Asks.
///
/// # Errors
/// `manager-unavailable` with the reason and a hint.
pub(crate) fn probe(context: &Context, choice: &Choice, scandir: Option<Scandir>) -> Result<Probe> {
    let shown = choice.path.display();
    let mut facts = vec![format!("scandir {shown}: {}", choice.reason)];
    if let Some(silent) = &choice.silent {
        facts.push(format!("scandir {} of the configuration: no s6-svscan listens there", silent.display()));
    }
    let Some(scandir) = scandir else {
        return Err(unavailable(
            format!("there is no scandir {shown}"),
            "start an s6-svscan, or set the scandir of the one that runs: `scandir` in `[backend.s6]`",
        ));
    };
    let svscan = Svscan::new(&choice.path);
    let mut warnings = Vec::new();
    match svscan.listener()? {
        Listener::Listens => facts.push("s6-svscan: listens".to_owned()),
        Listener::Nobody => return Err(svscan.absent()),
        Listener::Unknown => {
            facts.push("s6-svscan: only those who may control it can see whether it listens".to_owned());
            warnings.push(format!(
                "uid {} may not control the s6-svscan of {shown}: services can be looked at, not changed",
                context.user.uid
            ));
        }
    }
    let (mode, warning) = mode(&scandir, svscan.uid());
    facts.push(mode);
    warnings.extend(warning);
    Ok(Probe { version: tools::version_shown(context), facts, warnings, boot: boot(context, &svscan) })
}

/// The start of the s6-svscan. Where its lock is closed to us, it is mostly process 1; and where others'
/// processes are hidden, there is the lock that it made.
fn boot(context: &Context, svscan: &Svscan<'_>) -> Option<String> {
    let is_pid1 = context.facts.pid1_comm.as_deref() == Some(COMM);
    let process = svscan.pid().or(is_pid1.then_some(1));
    process.and_then(boot::of_process).or_else(|| Some(format!("{} {}", boot::kernel(), svscan.lock_made()?)))
}

/// Whose tree it is. Only where root executes what another may write is there something to warn of.
fn mode(scandir: &Scandir, svscan: Option<u32>) -> (String, Option<String>) {
    let me = geteuid().as_raw();
    let owner = fstat(scandir.fd()).map_or(0, |stat| stat.st_uid);
    let path = scandir.path().display();
    let writable = accessat(scandir.fd(), ".", Access::WRITE_OK, AtFlags::EACCESS).is_ok();
    match svscan {
        None => ("mode: unknown, since .s6-svscan is closed to this user".to_owned(), None),
        Some(0) if owner != 0 || (me != 0 && writable) => {
            let other = if owner == 0 { me } else { owner };
            let warning = format!(
                "root's s6-svscan executes what uid {other} may write in {path}, and root's s6-supervise follows \
                 links in what uid {other} owns there: give uid {other} an s6-svscan of its own (a nested tree)"
            );
            (
                format!("mode: shared (s6-svscan runs as root, the scandir is uid {other}'s too)"),
                Some(warning),
            )
        }
        Some(0) if me == 0 => ("mode: root's own".to_owned(), None),
        Some(uid) if uid == me => ("mode: nested (s6-svscan runs as the caller)".to_owned(), None),
        Some(uid) => (format!("mode: s6-svscan runs as uid {uid}, and the scandir is uid {owner}'s"), None),
    }
}
