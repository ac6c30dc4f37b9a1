//! Where the s6 commands are, and of which version where that shows. The scripts name them by absolute
//! path; nothing here runs them.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Context, Error, ErrorKind, Result};

use crate::scripts::Tools;

/// s6-overlay has them in `/command`, which is on nobody's PATH; distributions in the others.
const PLACES: [&str; 6] = ["/command", "/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"];
/// A command that only s6 has, and that our scripts need.
const WITNESS: &str = "s6-log";

/// Finds them: in the fixed places, and for others than root also on the caller's PATH.
///
/// # Errors
/// `manager-unavailable`, naming the places.
pub(crate) fn find(context: &Context) -> Result<Tools> {
    match place(&search(context)) {
        Some(dir) => Ok(Tools { version: version(dir), dir: dir.to_owned() }),
        None => Err(Error::new(
            ErrorKind::ManagerUnavailable,
            format!("the s6 commands are in none of {}", PLACES.join(", ")),
        )
        .with_hint("install s6, or link its commands into /command")),
    }
}

/// Where they may be beside the fixed places: root looks nowhere else.
pub(crate) fn search(context: &Context) -> Vec<PathBuf> {
    if context.user.uid == 0 { Vec::new() } else { context.facts.path.clone() }
}

/// The folder that they are in.
pub(crate) fn place(search: &[PathBuf]) -> Option<&Path> {
    let places = PLACES.iter().map(Path::new).chain(search.iter().map(PathBuf::as_path));
    places.into_iter().find(|place| place.is_absolute() && place.join(WITNESS).is_file())
}

/// From where the commands really are: `/package/admin/s6-2.13.1.0/command`, as s6-overlay has them.
/// Distributions leave no trace of the version there.
fn version(dir: &Path) -> Option<(u32, u32)> {
    let target = dir.join(WITNESS).canonicalize().ok()?;
    target.components().find_map(|component| {
        let mut parts = component.as_os_str().to_str()?.strip_prefix("s6-")?.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}
