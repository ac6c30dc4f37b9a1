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

/// Makes sure of what the benches on s6 need: the laboratory, and strace to count with.
pub fn for_bench() -> Done {
    let strace = if std::path::Path::new("/usr/bin/strace").exists() { &[][..] } else { &["strace"] };
    for_s6_lab().and_then(|()| install(strace))
}

/// Makes sure of what the examples need: the laboratory, and Python with what it tests and installs with.
pub fn for_examples() -> Done {
    let needed = [
        ("/usr/bin/python3", "python3"),
        ("/usr/lib/python3/dist-packages/pytest", "python3-pytest"),
        ("/usr/lib/python3/dist-packages/pip", "python3-pip"),
        ("/usr/lib/python3/dist-packages/setuptools", "python3-setuptools"),
        ("/usr/lib/python3/dist-packages/wheel", "python3-wheel"),
    ];
    let missing = needed.iter().filter(|(path, _)| !std::path::Path::new(path).exists());
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    for_s6_lab().and_then(|()| install(&missing))
}

/// Makes sure of the laboratory, and of the Python that stands for a program with sockets in it.
pub fn for_python_in_the_lab() -> Done {
    let python = if std::path::Path::new("/usr/bin/python3").exists() { &[][..] } else { &["python3"] };
    for_s6_lab().and_then(|()| install(python))
}

/// Makes sure of a Python that can make environments.
pub fn for_python() -> Done {
    let there = Command::new("/usr/bin/python3").args(["-c", "import venv, ensurepip"]).output();
    let there = there.is_ok_and(|output| output.status.success());
    install(if there { &[] } else { &["python3-venv"] })
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
