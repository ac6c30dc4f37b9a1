//! What has the manager remember how a service ended. It forgets a unit that is down as soon as nothing
//! refers to it, and with it its exit code, its last signal, and that its condition held it back. So the
//! target that starts services at boot refers to each of ours, by its place in the order of starting: that
//! starts nothing. (A service that is started at boot is referred to by its link, from the next reload on;
//! one that was stopped is not.)

use std::{collections::BTreeSet, ffi::OsStr, fs, io, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result};
use anysvc_backend_support::publish;

use crate::{
    place::{Place, make_folder},
    shelf::Shelf,
};

/// What is in the one folder is not to hide what is in the other.
const FILES: [&str; 2] = ["anysvc.conf", "anysvc-transient.conf"];
const HEAD: &str =
    "# anysvc: has systemd remember how these services ended; it starts and stops nothing.\n[Unit]\n";

/// Notes services that have just been published or removed: of these, those whose units are there are
/// remembered, the others forgotten. For before the reload, by whoever holds the lock. Where it fails, services
/// run all the same, and why is given back.
pub(crate) fn refresh(place: &Place, _lock: &Shelf<'_>, changed: &[&str]) -> Option<String> {
    let mut failed = None;
    for folder in place.folders() {
        let there = |unit: &str| folder.unit(unit).symlink_metadata().is_ok();
        let file = FILES[usize::from(folder.transient)];
        failed = write(&folder.additions(), file, changed, there).err().or(failed);
    }
    failed.map(|error| format!("systemd will not remember how it ended: {error}"))
}

/// Whether a unit was made by us, and not removed by us: it may be gone all the same.
pub(crate) fn remembers(place: &Place, unit: &str) -> bool {
    let line = format!("After={unit}");
    place.folders().any(|folder| {
        let text = fs::read_to_string(folder.additions().join(FILES[usize::from(folder.transient)]));
        text.is_ok_and(|text| text.lines().any(|noted| noted == line))
    })
}

fn write(folder: &Path, file: &str, changed: &[&str], is_there: impl Fn(&str) -> bool) -> Result<()> {
    let path = folder.join(file);
    if let Ok(open) = publish::open_folder(folder) {
        publish::sweep(open, folder);
    }
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io("read", path, &error)),
    };
    if !is_ours(&before) {
        let message = format!("somebody edited {}, which is left as it is", path.display());
        return Err(Error::new(ErrorKind::NotOurs, message).with_path(path));
    }
    let mut units: BTreeSet<String> =
        before.lines().filter_map(|line| line.strip_prefix("After=")).map(str::to_owned).collect();
    for unit in changed.iter().map(|name| format!("{name}.service")) {
        if is_there(&unit) {
            units.insert(unit)
        } else {
            units.remove(&unit)
        };
    }
    let lines: String = units.iter().map(|unit| format!("After={unit}\n")).collect();
    if units.is_empty() {
        return remove(folder, file);
    }
    let text = format!("{HEAD}{lines}");
    if text == before {
        return Ok(());
    }
    make_folder(folder).map_err(|error| Error::io("make", folder, &error))?;
    let open = publish::open_folder(folder)?;
    publish::replace(rustix::fd::AsFd::as_fd(&open), folder, OsStr::new(file), 0o644, text.as_bytes())
}

/// Whether nothing is in it but what we write.
fn is_ours(text: &str) -> bool {
    let lines = text.strip_prefix(HEAD).unwrap_or(text);
    lines.lines().all(|line| line.starts_with("After=") && line.ends_with(".service"))
}

fn remove(folder: &Path, file: &str) -> Result<()> {
    let Ok(open) = publish::open_folder(folder) else { return Ok(()) };
    publish::remove(open, folder, OsStr::new(file))?;
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
        let text = || fs::read_to_string(folder.join("a.conf")).unwrap_or_default();
        write(&folder, "a.conf", &["web", "db"], |_| true).unwrap();
        assert_eq!(text(), format!("{HEAD}After=db.service\nAfter=web.service\n"));
        write(&folder, "a.conf", &["new", "db"], |unit| unit == "new.service").unwrap();
        let gone_by_hand = "After=web.service";
        assert_eq!(text(), format!("{HEAD}After=new.service\n{gone_by_hand}\n"));
        let edited = format!("{}Description=Mine\n", text());
        fs::write(folder.join("a.conf"), &edited).unwrap();
        let error = write(&folder, "a.conf", &["db"], |_| true).unwrap_err();
        assert!(error.message.contains("somebody edited") && text() == edited, "{error}");
        fs::write(folder.join("a.conf"), "After=web.service\n").unwrap();
        write(&folder, "a.conf", &["web"], |_| false).unwrap();
        assert!(!folder.exists(), "nothing is left behind");
        write(&folder, "a.conf", &[], |_| false).unwrap();
    }
}
