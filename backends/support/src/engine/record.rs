//! What must survive a supervisor that is killed: which process belongs to which service. It knows a
//! folder of small files; not what services are, and it kills nothing.
//!
//! A process is made, then written down, and only then let go: until then it waits for a word from its
//! supervisor and goes away when that dies. So whatever runs a service's program is in a record, at every
//! moment. A record that was cut short belongs to a process that was never let go, and counts for nothing;
//! that is why a plain write will do. Nothing is flushed to the disk: when the machine goes, so do the
//! processes.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Error, ErrorKind, Result, check_name};

use super::os::Identity;
use crate::boot;

/// The records of one supervisor.
#[derive(Debug)]
pub struct Records {
    folder: PathBuf,
    boot: String,
    /// What an earlier supervisor left, and nobody asked for yet.
    left: BTreeMap<String, Identity>,
}

impl Records {
    /// Opens a folder, makes it if it is absent, and reads what is there.
    ///
    /// # Errors
    /// When it can't be made or read, or somebody else could write in it.
    pub fn open(folder: &Path) -> Result<Records> {
        make(folder)?;
        let failed = |error: io::Error| Error::io("read", folder, &error);
        let boot = boot_id();
        let mut left = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if check_name(&name).is_err() {
                continue;
            }
            match fs::read_to_string(entry.path()).ok().as_deref().and_then(|text| parse(text, &boot)) {
                Some(identity) => drop(left.insert(name, identity)),
                None => {
                    let _nobody_misses_it = fs::remove_file(entry.path());
                }
            }
        }
        Ok(Records { folder: folder.to_owned(), boot, left })
    }

    /// The process that a service had under an earlier supervisor. Asked for once.
    pub fn take(&mut self, name: &str) -> Option<Identity> {
        self.left.remove(name)
    }

    /// A service that nobody asked for yet.
    pub fn stray(&mut self) -> Option<(String, Identity)> {
        self.left.pop_first()
    }

    /// Writes down which process a service has now.
    ///
    /// # Errors
    /// When it can't be written: the process must not be let go then.
    pub fn write(&self, name: &str, identity: &Identity) -> io::Result<()> {
        let Identity { pid, started, uid } = identity;
        let started = started.unwrap_or(0);
        fs::write(self.folder.join(name), format!("1 {pid} {started} {uid} {}\n", self.boot))
    }

    /// The process and its group are gone.
    pub fn erase(&self, name: &str) {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // It will be looked at, and found to be about nobody.
                log::warn!("cannot remove the record of `{name}`: {error}");
            }
            _ => {}
        }
    }
}

/// The process of a record, if it is whole and from since the machine started.
fn parse(text: &str, boot: &str) -> Option<Identity> {
    let fields: Vec<&str> = text.strip_suffix('\n')?.split(' ').collect();
    let ["1", pid, started, uid, of] = fields[..] else { return None };
    if of != boot {
        return None;
    }
    let started = Some(started.parse().ok()?).filter(|started| *started != 0);
    Some(Identity { pid: pid.parse().ok()?, started, uid: uid.parse().ok()? })
}

/// The machine's boot, as a field of a record.
fn boot_id() -> String {
    let id = boot::kernel();
    if id.is_empty() { "-".to_owned() } else { id }
}

#[cfg(unix)]
fn make(folder: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("make", folder, &error));
        }
        _ => {}
    }
    let about = fs::symlink_metadata(folder).map_err(|error| Error::io("read", folder, &error))?;
    if about.is_dir() && about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0 {
        return Ok(());
    }
    let (uid, mode) = (about.uid(), about.mode() & 0o7777);
    let message = format!(
        "{} must be a folder that only its supervisor writes in (it is of uid {uid}, mode {mode:04o})",
        folder.display()
    );
    Err(Error::new(ErrorKind::PermissionDenied, message).with_path(folder).with_hint("remove it"))
}

#[cfg(not(unix))]
fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_folder_that_somebody_else_can_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let scratch = crate::engine::tests::scratch::Scratch::new();
        let folder = scratch.path().join("records");
        Records::open(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert_eq!(Records::open(&link).unwrap_err().kind, ErrorKind::PermissionDenied);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
        let error = Records::open(&folder).unwrap_err();
        assert!(error.message.contains("mode 0770"), "{error}");
    }

    #[test]
    fn what_is_written_is_found_once_and_the_rest_are_strays() {
        let scratch = crate::engine::tests::scratch::Scratch::new();
        let identity = Identity { pid: 7, started: Some(9), uid: 1 };
        let records = Records::open(&scratch.path().join("r")).unwrap();
        for name in ["a", "b"] {
            records.write(name, &identity).unwrap();
        }
        fs::write(scratch.path().join("r/c"), "1 7 9").unwrap();
        let mut again = Records::open(&scratch.path().join("r")).unwrap();
        assert_eq!((again.take("a"), again.take("a"), again.take("c")), (Some(identity), None, None));
        assert_eq!((again.stray(), again.stray()), (Some(("b".to_owned(), identity)), None));
    }

    #[test]
    fn only_a_whole_record_of_this_boot_counts() {
        let expected = Identity { pid: 77, started: Some(1234), uid: 10 };
        assert_eq!(parse("1 77 1234 10 b\n", "b"), Some(expected));
        assert_eq!(parse("1 77 0 10 b\n", "b").unwrap().started, None);
        for text in ["", "1 77 1234 10 b", "1 77 1234 10 other\n", "2 77 1234 10 b\n", "1 -7 1 1 b\n", "1\n"]
        {
            assert_eq!(parse(text, "b"), None, "{text:?}");
        }
    }
}
