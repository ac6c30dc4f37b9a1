//! Where the s6 commands are, and of which version where that shows. The scripts name them by absolute
//! path; nothing here runs them.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Context, Error, ErrorKind, Result};

use crate::scripts::Tools;

/// s6-overlay has them in `/command`, which is on nobody's PATH; distributions in the others.
const PLACES: [&str; 6] = ["/command", "/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"];
/// A command that only s6 has, and that our scripts need.
const WITNESS: &str = "s6-log";
/// A command that is linked with s6's own library, where that is a shared one.
const LINKED: &str = "s6-svstat";

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

/// Where a command of s6's is in a container with this root folder, as the container sees it. Links are not
/// followed: they lead elsewhere from here.
pub(crate) fn found_below(root: &Path, command: &str) -> Option<String> {
    let places = PLACES.iter().map(|place| format!("{place}/{command}"));
    places.into_iter().find(|path| root.join(&path[1..]).symlink_metadata().is_ok())
}

/// Which s6 is here, for people. None of its commands tells; nothing is run.
pub(crate) fn version_shown(context: &Context) -> Option<String> {
    let search = search(context);
    let dir = place(&search)?;
    version_of_place(dir).or_else(|| version_of_library(&std::fs::read(dir.join(LINKED)).ok()?))
}

fn version(dir: &Path) -> Option<(u32, u32)> {
    let text = version_of_place(dir)?;
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// From where the commands really are: `/package/admin/s6-2.13.1.0/command`, as s6-overlay has them.
/// Distributions leave no trace of the version there.
fn version_of_place(dir: &Path) -> Option<String> {
    let target = dir.join(WITNESS).canonicalize().ok()?;
    target.components().find_map(|component| {
        let version = component.as_os_str().to_str()?.strip_prefix("s6-")?;
        is_version(version).then(|| version.to_owned())
    })
}

/// From the library that a program is linked with: `libs6.so.2.11`, as distributions have it.
fn version_of_library(program: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\0libs6.so.";
    let at = program.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let end = program[at..].iter().position(|byte| *byte == 0)?;
    let version = std::str::from_utf8(&program[at..at + end]).ok()?;
    is_version(version).then(|| version.to_owned())
}

/// At least two numbers with dots in between.
fn is_version(text: &str) -> bool {
    text.contains('.') && text.split('.').all(|part| part.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_a_place_or_a_library_and_never_made_up() {
        let temp = std::env::temp_dir().join(format!("anysvc-tools-{}", std::process::id()));
        let package = temp.join("admin/s6-2.13.1.0/command");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(package.join(WITNESS), "").unwrap();
        let command = temp.join("command");
        std::fs::create_dir(&command).unwrap();
        std::os::unix::fs::symlink(package.join(WITNESS), command.join(WITNESS)).unwrap();
        assert_eq!(version_of_place(&command).as_deref(), Some("2.13.1.0"));
        assert_eq!(version(&command), Some((2, 13)));
        std::fs::remove_dir_all(temp).unwrap();

        assert_eq!(version_of_library(b"ELF\0libs6.so.2.11\0libskarnet.so.2.13\0").as_deref(), Some("2.11"));
        for other in [&b"ELF\0libskarnet.so.2.13\0"[..], b"\0libs6.so.x\0", b"\0libs6.so.2.11", b""] {
            assert_eq!(version_of_library(other), None);
        }
    }
}
