//! The tree of files that systemd laboratories start from: a small Debian, made once and kept.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

const RECIPE: &str = include_str!("../../lab/systemd-tree.sh");

/// Where it is, after making it if need be, which takes a minute and a mirror of Debian's.
pub(crate) fn tree() -> Result<PathBuf, String> {
    let mut hasher = DefaultHasher::new();
    RECIPE.hash(&mut hasher);
    let folder = crate::target_dir().join("systemd-lab");
    let tree = folder.join(format!("{:016x}", hasher.finish()));
    if !tree.is_dir() {
        let lock = fs::create_dir_all(&folder).and_then(|()| File::create(folder.join("lock")));
        let locked = lock.and_then(|lock| lock.lock().map(|()| lock));
        let _lock = locked.map_err(|error| format!("locking {}: {error}", folder.display()))?;
        // Another may have made it while this one waited.
        if !tree.is_dir() {
            make(&tree)?;
        }
    }
    Ok(tree)
}

/// Beside its place first, so that there is all of it or nothing.
fn make(tree: &PathBuf) -> Result<(), String> {
    let new = tree.with_extension("new");
    let log = tree.with_extension("log");
    let run = || -> std::io::Result<_> {
        if new.is_dir() {
            fs::remove_dir_all(&new)?;
        }
        let said = File::create(&log)?;
        let mut sh = Command::new("/bin/sh");
        sh.args(["-c", RECIPE, "systemd-tree.sh"]).arg(&new).env_clear();
        sh.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdout(said.try_clone()?).stderr(said);
        let status = sh.status()?;
        if status.success() {
            fs::rename(&new, tree)?;
        }
        Ok(status)
    };
    match run() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let said = fs::read(&log).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let end: Vec<_> = said.lines().rev().take(10).collect();
            let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
            Err(format!(
                "a Debian for the laboratory could not be made (tests/lab/systemd-tree.sh {status}); it needs \
                 http://deb.debian.org; {} ends with\n{end}",
                log.display()
            ))
        }
        Err(error) => Err(format!("making {}: {error}", tree.display())),
    }
}
