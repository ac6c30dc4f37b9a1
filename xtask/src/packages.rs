//! Installing the Debian packages that are missing, by name.

use crate::tool::{Done, must};
use std::process::Command;

/// Makes sure of what the s6 laboratory needs.
pub fn for_s6_lab() -> Done {
    install(&anysvc_tests::missing_packages())
}

/// Makes sure of what the systemd laboratory needs, and of the tree it boots from.
pub fn for_systemd_lab() -> Done {
    install(&anysvc_tests::missing_packages_for_systemd())?;
    anysvc_tests::prepare_systemd_lab()
}

/// Makes sure of what the benches need: the laboratory, and strace to count with.
pub fn for_bench() -> Done {
    let strace = if std::path::Path::new("/usr/bin/strace").exists() { &[][..] } else { &["strace"] };
    for_s6_lab().and_then(|()| install(strace))
}

fn install(missing: &[&str]) -> Done {
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("x: installing {}", missing.join(" "));
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        command
    };
    must(apt_get().arg("update"))
        .and_then(|()| must(apt_get().args(["install", "-y", "--no-install-recommends"]).args(missing)))
        .map_err(|reason| {
            format!("{reason}; installing {} takes root on Debian or a child of it", missing.join(" "))
        })
}
