//! Where the units of a scope and the links that start them at boot are. It does not know what is in a
//! unit.
//!
//! There are two folders of units: one that lasts, and one that is gone at the next boot. In either the
//! target that starts services at boot has its links beside them, so that these go with the units.

use std::{
    collections::HashSet,
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Context, Error, Result, Scope};

/// The folders of one scope.
#[derive(Clone, Debug)]
pub struct Place {
    lasting: Folder,
    /// None for a user without a runtime folder.
    transient: Option<Folder>,
    /// Where else additions to units are.
    others: Vec<PathBuf>,
}

/// A folder of units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    units: PathBuf,
    target: &'static str,
    /// Gone at the next boot.
    pub transient: bool,
}

impl Place {
    /// Those of the caller's scope; a user's have a runtime folder.
    ///
    /// # Errors
    /// `manager-unavailable` for a user without a home.
    pub fn of(context: &Context, runtime: Option<&Path>) -> Result<Place> {
        let (root, run, level, target) = match (context.scope, &context.user.home) {
            (Scope::System, _) => {
                (PathBuf::from("/etc/systemd"), Some(Path::new("/run")), "system", "multi-user.target")
            }
            (Scope::User, Some(home)) => (home.join(".config/systemd"), runtime, "user", "default.target"),
            (Scope::User, None) => {
                let message = format!("uid {} has no home, where its units would be", context.user.uid);
                return Err(Error::new(anysvc_backend_api::ErrorKind::ManagerUnavailable, message)
                    .with_hint("give the account a home, or use `--backend local`"));
            }
        };
        let folder = |root: &Path, transient| Folder { units: root.join(level), target, transient };
        let run = run.map(|run| run.join("systemd"));
        let control = [Some(&root), run.as_ref()].into_iter().flatten();
        let control = control.map(|root| root.join(format!("{level}.control")));
        // The administrator's for all users, and those of packages.
        let roots = ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"];
        let general = roots.map(|root| Path::new(root).join(level));
        let general = general.into_iter().skip(if context.scope == Scope::System { 2 } else { 0 });
        Ok(Place {
            others: control.chain(general).collect(),
            lasting: folder(&root, false),
            transient: run.map(|run| folder(&run, true)),
        })
    }

    /// The folder of units that last.
    pub fn lasting(&self) -> &Folder {
        &self.lasting
    }

    /// The folder for a unit that is gone at the next boot, or for one that is not.
    ///
    /// # Errors
    /// `unsupported` where there is none of the former.
    pub fn folder(&self, transient: bool) -> Result<&Folder> {
        match (transient, &self.transient) {
            (false, _) => Ok(&self.lasting),
            (true, Some(folder)) => Ok(folder),
            (true, None) => Err(Error::unsupported("transient: this user has no folder in /run")
                .with_hint("`loginctl enable-linger` makes one at boot")),
        }
    }

    /// Both, as systemd searches them: what is in the first hides what is in the second.
    pub fn folders(&self) -> impl Iterator<Item = &Folder> {
        [Some(&self.lasting), self.transient.as_ref()].into_iter().flatten()
    }

    /// The folder of ours that a unit was read from, if it is one. The manager may call it otherwise.
    pub fn of_file(&self, file: &str) -> Option<&Folder> {
        let parent = Path::new(file).parent()?;
        let named = self.folders().find(|folder| folder.units == parent);
        named.or_else(|| self.folders().find(|folder| are_one(&folder.units, parent)))
    }

    /// The file that those lock who change units. It is gone at the next boot.
    pub fn lock(&self) -> Option<PathBuf> {
        self.transient.as_ref()?.units.parent().map(|folder| folder.join("anysvc.lock"))
    }

    /// What others added to a unit of ours, and will stay when it goes: folders with drop-ins.
    pub fn added_to(&self, unit: &str) -> Vec<PathBuf> {
        let added = self.all_folders().map(|folder| folder.join(format!("{unit}.d")));
        added.filter(|added| has_dropin(added)).collect()
    }

    /// The units that something may have been added to, by one look for all; `None` where that can't be told.
    pub fn units_added_to(&self) -> Option<HashSet<String>> {
        let mut units = HashSet::new();
        for folder in self.all_folders() {
            let entries = match fs::read_dir(folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries.ok()?,
            };
            for entry in entries {
                let name = entry.ok()?.file_name();
                units.extend(name.to_str().and_then(|name| name.strip_suffix(".d")).map(str::to_owned));
            }
        }
        Some(units)
    }

    fn all_folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders().map(|folder| &folder.units).chain(&self.others)
    }
}

impl Folder {
    /// Its path.
    pub fn units(&self) -> &Path {
        &self.units
    }

    /// The file of a unit (`web.service`).
    pub fn unit(&self, unit: &str) -> PathBuf {
        self.units.join(unit)
    }

    /// The link that has a unit started at boot.
    pub fn link(&self, unit: &str) -> PathBuf {
        self.wants().join(unit)
    }

    /// What that link is called, for people.
    pub fn link_name(&self, service: &str) -> String {
        format!("{}.wants/{service}.service", self.target)
    }

    fn wants(&self) -> PathBuf {
        self.units.join(format!("{}.wants", self.target))
    }

    /// The folder of what is added to the unit of the target that starts services at boot.
    pub fn additions(&self) -> PathBuf {
        self.units.join(format!("{}.d", self.target))
    }

    /// Whether a unit is started at boot.
    pub fn enabled(&self, unit: &str) -> bool {
        self.link(unit).symlink_metadata().is_ok()
    }

    /// Has a unit started at boot, or not; whether that is another than before. The manager reads the links when
    /// it starts, so that no reload is needed. [`Folder::flush_links`] is to follow.
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

    /// Has what [`Folder::set_enabled`] changed outlast a crash of the machine: once for many.
    pub fn flush_links(&self) {
        let wants = self.wants();
        let flushed = fs::File::open(&wants).and_then(|folder| folder.sync_all());
        match flushed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                log::warn!("what starts at boot may not outlast a crash: {}: {error}", wants.display());
            }
            _ => {}
        }
    }

    fn make(&self, unit: &str, link: &Path) -> io::Result<()> {
        let target = self.unit(unit);
        match symlink(&target, link) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_folder(&self.wants())?;
                symlink(&target, link)
            }
            other => other,
        }
    }
}

/// Whether systemd finds something in a folder of drop-ins. What can't be read may hold some.
fn has_dropin(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries
            .any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "conf"))),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

/// Whether two paths lead to one folder: a home may be a link.
pub fn are_one(one: &Path, other: &Path) -> bool {
    one == other
        || fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
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
