//! Where the units of a scope and the links that start them at boot are. It does not know what is in a
//! unit.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Context, Error, Result, Scope};

/// The folders of one scope.
#[derive(Clone, Debug)]
pub struct Place {
    units: PathBuf,
    /// Gone at the next boot.
    transient: Option<PathBuf>,
    wants: PathBuf,
    additions: PathBuf,
}

impl Place {
    /// Those of the caller's scope; a user's have a runtime folder.
    ///
    /// # Errors
    /// `manager-unavailable` for a user without a home.
    pub fn of(context: &Context, runtime: Option<&Path>) -> Result<Place> {
        let (units, target) = match (context.scope, &context.user.home) {
            (Scope::System, _) => (PathBuf::from("/etc/systemd/system"), "multi-user.target"),
            (Scope::User, Some(home)) => (home.join(".config/systemd/user"), "default.target"),
            (Scope::User, None) => {
                let message = format!("uid {} has no home, where its units would be", context.user.uid);
                return Err(Error::new(anysvc_backend_api::ErrorKind::ManagerUnavailable, message)
                    .with_hint("give the account a home, or use `--backend local`"));
            }
        };
        let transient = match context.scope {
            Scope::System => Some(PathBuf::from("/run/systemd/system")),
            Scope::User => runtime.map(|folder| folder.join("systemd/user")),
        };
        let of_target = |kind: &str| units.join(format!("{target}.{kind}"));
        Ok(Place { wants: of_target("wants"), additions: of_target("d"), units, transient })
    }

    /// The folder of the units.
    pub fn units(&self) -> &Path {
        &self.units
    }

    /// The folder of units that are gone at the next boot.
    pub fn transient(&self) -> Option<&Path> {
        self.transient.as_deref()
    }

    /// The file that those lock who change units. It is gone at the next boot.
    pub fn lock(&self) -> Option<PathBuf> {
        self.transient.as_ref()?.parent().map(|folder| folder.join("anysvc.lock"))
    }

    /// The file of a unit (`web.service`).
    pub fn unit(&self, unit: &str) -> PathBuf {
        self.units.join(unit)
    }

    /// The link that has a unit started at boot.
    pub fn link(&self, unit: &str) -> PathBuf {
        self.wants.join(unit)
    }

    /// The folder of what is added to the unit of the target that starts services at boot.
    pub fn additions(&self) -> PathBuf {
        self.additions.clone()
    }

    /// Whether a unit is started at boot.
    pub fn enabled(&self, unit: &str) -> bool {
        self.link(unit).symlink_metadata().is_ok()
    }

    /// Has a unit started at boot, or not; whether that is another than before. The manager reads the links when
    /// it starts, so that no reload is needed. [`Place::flush_links`] is to follow.
    ///
    /// # Errors
    /// When the link can't be made or removed.
    pub fn set_enabled(&self, unit: &str, enabled: bool) -> Result<bool> {
        let link = self.link(unit);
        let done = if enabled { self.make(unit, &link) } else { fs::remove_file(&link) };
        match done {
            Err(error) if error.kind() == ErrorKind::NotFound && !enabled => Ok(false),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && enabled => Ok(false),
            Err(error) => Err(Error::io(if enabled { "make" } else { "remove" }, link, &error)
                .with_hint("what starts at boot belongs to whom the manager belongs to: root, or the user")),
            Ok(()) => Ok(true),
        }
    }

    /// Has what [`Place::set_enabled`] changed outlast a crash of the machine: once for many.
    pub fn flush_links(&self) {
        let flushed = fs::File::open(&self.wants).and_then(|folder| folder.sync_all());
        match flushed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                log::warn!("what starts at boot may not outlast a crash: {}: {error}", self.wants.display());
            }
            _ => {}
        }
    }

    fn make(&self, unit: &str, link: &Path) -> io::Result<()> {
        let target = self.unit(unit);
        match symlink(&target, link) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_folder(&self.wants)?;
                symlink(&target, link)
            }
            other => other,
        }
    }
}

/// Makes a folder beside the units, which everybody may look into whatever the caller's umask is.
///
/// # Errors
/// When it can't be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
            path.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
        }
    }
}
