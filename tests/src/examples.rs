//! The applications of `examples/`, as their images have them: in `/opt`.

use crate::Lab;
use crate::repository;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Puts an example into a laboratory, into the folder of its name in `/opt`, which is root's.
#[track_caller]
pub fn install(lab: &Lab, name: &str) {
    let from = repository().join("examples").join(name);
    let done = copy(lab, &from, &Path::new("/opt").join(name));
    done.unwrap_or_else(|error| panic!("putting {} into the laboratory: {error}", from.display()));
}

fn copy(lab: &Lab, from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(lab, &path, &target)?;
        } else {
            lab.write(target, 0, entry.metadata()?.permissions().mode() & 0o755, std::fs::read(path)?);
        }
    }
    Ok(())
}
