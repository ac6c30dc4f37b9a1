//! A place of a laboratory's own in each of the machine's hierarchies of control groups: one
//! (cgroup v2), or a dozen (v1, and v1 beside v2).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const ROOT: &str = "/sys/fs/cgroup";
const NAME: &str = "anysvc-lab";

/// The folders, removed when dropped: by then all processes in them must be gone.
#[derive(Debug)]
pub(crate) struct Cgroups {
    pub(crate) name: String,
    pub(crate) folders: Vec<PathBuf>,
}

impl Cgroups {
    /// Makes them, below where this process is. What test programs that were killed have left is removed first.
    pub(crate) fn make() -> std::io::Result<Self> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let name = format!("{NAME}-{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let mut made = Self { name, folders: Vec::new() };
        for parent in own(&fs::read_to_string("/proc/self/cgroup")?) {
            sweep(&parent);
            let folder = parent.join(&made.name);
            fs::create_dir(&folder)?;
            made.folders.push(folder);
        }
        Ok(made)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        self.folders.iter().for_each(|folder| remove(folder));
    }
}

/// Where this process is in each hierarchy, by `/proc/self/cgroup`: lines of `ID:CONTROLLERS:PATH`.
fn own(text: &str) -> impl Iterator<Item = PathBuf> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let hierarchy = match controllers.strip_prefix("name=").unwrap_or(controllers) {
            // The one of v2, which is the only one, or beside those of v1.
            "" if Path::new(ROOT).join("cgroup.controllers").exists() => "",
            "" => "unified",
            name => name,
        };
        let of = Path::new(ROOT).join(hierarchy);
        of.is_dir().then(|| of.join(path.trim_start_matches('/')))
    })
}

/// Removes those whose test program is dead.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid =
            name.to_str().and_then(|name| name.strip_prefix(NAME)?.split('-').nth(1)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            remove(&entry.path());
        }
    }
}

/// Removes a control group and those in it. One with processes in it stays, for the next sweep.
fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}
