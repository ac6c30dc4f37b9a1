//! The folder for the log files of a service that root registers for somebody else: below the store, where
//! only root can make folders, and the user's own from then on. All others make theirs themselves. What is
//! left there of a service of this name that ran as somebody else is set aside: neither may the new one read
//! or write it, nor can root trust what is in it.

use std::{
    fs,
    io::ErrorKind::{AlreadyExists, NotFound},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use anysvc_backend_api::{Error, LogTo, Result, ServiceSpec};
use rustix::fs::OFlags;

use crate::session::user::Account;

/// The uid of root.
const ROOT: u32 = 0;

/// Makes the folder if it is for root to make, and free of what is somebody else's.
///
/// # Errors
/// When it can't be made, or is something else.
pub fn prepare(path: &Path, spec: &ServiceSpec, root: bool) -> Result<()> {
    let elsewhere = spec.log.directory.is_some() || matches!(spec.log.to, Some(LogTo::Manager | LogTo::None));
    if elsewhere || !root {
        return Ok(());
    }
    let failed = |cause| Error::io("prepare the log folder", path, &cause);
    if spec.user.is_none() && spec.group.is_none() {
        return set_aside(path, ROOT).map_err(failed);
    }
    let account = Account::find(spec.user.as_deref().unwrap_or("root"))?;
    set_aside(path, account.uid).map_err(failed)?;
    let account = spec.group.as_deref().map_or(Ok(account.clone()), |group| account.with_group(group))?;
    give(path, &account).map_err(failed)
}

/// Moves a folder of another user than this out of the way. Its parent is root's alone.
fn set_aside(path: &Path, uid: u32) -> std::io::Result<()> {
    let owner = match fs::symlink_metadata(path) {
        Ok(about) if about.uid() != uid => about.uid(),
        Err(cause) if cause.kind() != NotFound => return Err(cause),
        _ => return Ok(()),
    };
    let names = (1..).map(|n| {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!("@{owner}.{n}"));
        aside
    });
    let free = names.into_iter().find(|aside| fs::symlink_metadata(aside).is_err());
    free.map_or(Ok(()), |aside| fs::rename(path, aside))
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
    fn what_is_somebody_elses_is_set_aside_and_kept() {
        let base = tempfile::tempdir().expect("a folder");
        let me = rustix::process::geteuid().as_raw();
        let path = base.path().join("web");
        for n in [1, 2] {
            fs::create_dir(&path).expect("a folder");
            fs::write(path.join("current"), "a line").expect("a file");
            set_aside(&path, me).expect("nothing to do");
            assert!(path.exists());
            set_aside(&path, me + 1).expect("it can be moved");
            assert!(!path.exists());
            assert!(base.path().join(format!("web@{me}.{n}/current")).exists());
        }
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
