//! What has the manager remember how a service ended. It forgets a unit that is down as soon as nothing
//! refers to it, and with it its exit code, its last signal, and that its condition held it back. So the
//! target that starts services at boot refers to each of ours, by its place in the order of starting: that
//! starts nothing. (A service that is started at boot is referred to by its link, from the next reload on;
//! one that was stopped is not.)

use std::{collections::BTreeSet, ffi::OsStr, fs, io::ErrorKind, path::Path};

use anysvc_backend_api::{Error, Result};
use anysvc_backend_support::publish;

use crate::{
    place::{Place, make_folder},
    shelf::Shelf,
};

const FILE: &str = "anysvc.conf";
const HEAD: &str =
    "# anysvc: has systemd remember how these services ended; it starts and stops nothing.\n[Unit]\n";

/// Notes services that have just been published; those whose units are gone are forgotten. For before the
/// reload, by whoever holds the lock. Where it fails, services run all the same.
pub(crate) fn refresh<'a>(place: &Place, _lock: &Shelf, published: impl IntoIterator<Item = &'a str>) {
    let there = |unit: &str| place.unit(unit).symlink_metadata().is_ok();
    if let Err(error) = write(&place.additions(), published, there) {
        log::warn!("systemd will not remember how services ended: {error}");
    }
}

fn write<'a>(
    folder: &Path,
    published: impl IntoIterator<Item = &'a str>,
    is_there: impl Fn(&str) -> bool,
) -> Result<()> {
    let path = folder.join(FILE);
    if let Ok(open) = publish::open_folder(folder) {
        publish::sweep(open, folder);
    }
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io("read", path, &error)),
    };
    let mut units: BTreeSet<String> = published.into_iter().map(|name| format!("{name}.service")).collect();
    units.extend(before.lines().filter_map(|line| line.strip_prefix("After=")).map(str::to_owned));
    units.retain(|unit| is_there(unit));
    let lines: String = units.iter().map(|unit| format!("After={unit}\n")).collect();
    if units.is_empty() {
        return remove(folder);
    }
    let text = format!("{HEAD}{lines}");
    if text == before {
        return Ok(());
    }
    make_folder(folder).map_err(|error| Error::io("make", folder, &error))?;
    let open = publish::open_folder(folder)?;
    publish::replace(rustix::fd::AsFd::as_fd(&open), folder, OsStr::new(FILE), 0o644, text.as_bytes())
}

fn remove(folder: &Path) -> Result<()> {
    let Ok(open) = publish::open_folder(folder) else { return Ok(()) };
    publish::remove(open, folder, OsStr::new(FILE))?;
    // Others may have something in there.
    let _ = fs::remove_dir(folder);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_is_there_and_goes_with_the_last() {
        let folder = std::env::temp_dir().join(format!("anysvc-keep-{}", std::process::id()));
        let text = || fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        write(&folder, ["web", "db"], |_| true).unwrap();
        assert_eq!(text(), format!("{HEAD}After=db.service\nAfter=web.service\n"));
        write(&folder, ["new"], |unit| unit != "db.service").unwrap();
        assert_eq!(text(), format!("{HEAD}After=new.service\nAfter=web.service\n"));
        write(&folder, [], |_| false).unwrap();
        assert!(!folder.exists(), "nothing is left behind");
        write(&folder, [], |_| false).unwrap();
    }
}
