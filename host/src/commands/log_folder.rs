//! The folder for the log files of a service that root registers for somebody else: below the store, where
//! only root can make folders, and the user's own from then on. All others make theirs themselves.

use std::{
    fs,
    io::ErrorKind::AlreadyExists,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use anysvc_backend_api::{Error, LogTo, Result, ServiceSpec};
use rustix::fs::OFlags;

use crate::session::user::Account;

/// Makes the folder if it is for root to make.
///
/// # Errors
/// When it can't be made, or is something else.
pub fn prepare(path: &Path, spec: &ServiceSpec, root: bool) -> Result<()> {
    let Some(user) = spec.user.as_deref().filter(|_| root) else { return Ok(()) };
    let elsewhere = spec.log.directory.is_some() || matches!(spec.log.to, Some(LogTo::Manager | LogTo::None));
    if elsewhere {
        return Ok(());
    }
    let account = Account::find(user)?;
    let account = spec.group.as_deref().map_or(Ok(account.clone()), |group| account.with_group(group))?;
    give(path, &account).map_err(|cause| Error::io("prepare the log folder", path, &cause))
}

/// Its parent belongs to root, so that nobody else can have put anything in its place; a link is not
/// followed all the same.
fn give(path: &Path, account: &Account) -> std::io::Result<()> {
    match fs::DirBuilder::new().mode(0o750).create(path) {
        Err(cause) if cause.kind() != AlreadyExists => return Err(cause),
        _ => {}
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let folder = fs::File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?);
    fchown(&folder, Some(account.uid), Some(account.gid))?;
    folder.set_permissions(fs::Permissions::from_mode(0o750))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_folder_is_given_and_a_link_is_not_followed() {
        let base = tempfile::tempdir().expect("a folder");
        let me = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let account = Account { uid: me, gid, groups: vec![], name: "me".into(), home: "/".into() };
        let path = base.path().join("web");
        give(&path, &account).expect("it can be made");
        give(&path, &account).expect("and again");
        assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o750);
        let link = base.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(give(&link, &account).is_err());
    }

    #[test]
    fn only_root_makes_folders_for_others() {
        let spec = ServiceSpec { user: Some("nobody".into()), ..ServiceSpec::default() };
        let path = Path::new("/nonexistent/web");
        assert_eq!(prepare(path, &spec, false), Ok(()));
        assert_eq!(prepare(path, &ServiceSpec::default(), true), Ok(()));
        let mut elsewhere = spec.clone();
        elsewhere.log.to = Some(LogTo::None);
        assert_eq!(prepare(path, &elsewhere, true), Ok(()));
        assert!(prepare(path, &spec, true).is_err());
    }
}
