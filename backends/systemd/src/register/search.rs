//! Whether the manager reads units from where we put them, and which it reads first. A user's looks below the XDG_CONFIG_HOME that it was
//! started with, which only it knows.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Result, Scope};

use crate::{
    manager::{Manager, recovery},
    place::are_one,
    verbs::Services,
};

/// Makes sure of it, before anything is changed: the folders that it reads units from, the first first.
///
/// # Errors
/// `manager-unavailable` where it does not, with where it does.
pub(super) fn is_read(
    services: &Services<'_>,
    manager: &mut Manager,
    transient: bool,
    deadline: Deadline,
) -> Result<Vec<PathBuf>> {
    let ask = |manager: &mut Manager| manager.folders(deadline);
    let folders = recovery::asked_by(services.gate, manager, ask, deadline)?;
    let ours = services.place.folders().filter(|folder| transient || !folder.transient);
    let mut ours = ours.map(|folder| folder.units());
    match ours.find(|ours| place_of(&folders, ours).is_none()) {
        Some(unread) => Err(elsewhere(services.gate.scope(), unread, &folders)),
        None => Ok(folders),
    }
}

/// Whether a unit from this file hides one of that name in a folder of ours.
pub(super) fn hides(folders: &[PathBuf], file: &Path, ours: &Path) -> bool {
    let before = file.parent().and_then(|folder| place_of(folders, folder));
    before.is_some_and(|before| place_of(folders, ours).is_some_and(|ours| before < ours))
}

fn place_of(folders: &[PathBuf], folder: &Path) -> Option<usize> {
    let named = folders.iter().position(|known| known == folder);
    named.or_else(|| folders.iter().position(|known| are_one(known, folder)))
}

fn elsewhere(scope: Scope, unread: &Path, folders: &[PathBuf]) -> Error {
    let of_home = |folder: &&PathBuf| folder.ends_with("systemd/user") && !is_the_machine_s(folder);
    let instead = folders.iter().find(of_home).filter(|_| scope == Scope::User);
    let instead = instead.map(|folder| format!(", but from {}", folder.display())).unwrap_or_default();
    let message = format!("systemd does not read units from {}{instead}", unread.display());
    let error = Error::new(ErrorKind::ManagerUnavailable, message).with_path(unread);
    match scope {
        Scope::User => error.with_hint(
            "it was started with another HOME or XDG_CONFIG_HOME than the account has: start it without \
             (`systemctl --user show-environment` shows them)",
        ),
        Scope::System => error.with_hint("it was started with a SYSTEMD_UNIT_PATH of its own"),
    }
}

fn is_the_machine_s(folder: &Path) -> bool {
    ["/etc", "/run", "/usr", "/lib"].iter().any(|root| folder.starts_with(root))
}
