//! What the laboratories need of the machine: root, packages, and a look at its processes.

use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;

/// What a kind of laboratory needs: programs, and the Debian package each comes from.
pub(crate) type Programs = [(&'static str, &'static str)];

/// What the s6 laboratory needs.
pub(crate) const S6: [(&str, &str); 6] = [
    ("/usr/bin/s6-svscan", "s6"),
    ("/usr/lib/execline/bin/execlineb", "execline"),
    ("/usr/bin/unshare", "util-linux"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/bin/mount", "mount"),
    ("/usr/bin/ps", "procps"),
];

/// What the systemd laboratory needs.
pub(crate) const SYSTEMD: [(&str, &str); 5] = [
    ("/usr/sbin/debootstrap", "debootstrap"),
    ("/usr/bin/systemd-nspawn", "systemd-container"),
    ("/usr/bin/unshare", "util-linux"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/bin/mount", "mount"),
];

/// The Debian packages that are missing for the s6 laboratory.
pub fn missing_packages() -> Vec<&'static str> {
    missing(&S6)
}

/// The Debian packages that are missing for the systemd laboratory.
pub fn missing_packages_for_systemd() -> Vec<&'static str> {
    missing(&SYSTEMD)
}

fn missing(programs: &Programs) -> Vec<&'static str> {
    let mut missing: Vec<_> =
        programs.iter().filter(|(path, _)| !Path::new(path).exists()).map(|&(_, package)| package).collect();
    missing.dedup();
    missing
}

/// Why no laboratory can run here, with the fix; or nothing.
pub(crate) fn unfit(needed: &Programs) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("the laboratory makes namespaces and mounts, which needs root: run this as root".into());
    }
    match missing(needed) {
        missing if missing.is_empty() => Ok(()),
        missing => Err(format!(
            "the laboratory needs {0}, not installed here: apt-get install {0} (`./x test` does it for its suites)",
            missing.join(" ")
        )),
    }
}

/// That no instance of inotify is left for us, and what to do; or nothing.
pub(crate) fn short_of_inotify() -> Option<String> {
    use rustix::fs::inotify;
    let limit = "fs.inotify.max_user_instances";
    match inotify::init(inotify::CreateFlags::CLOEXEC) {
        Err(rustix::io::Errno::MFILE) => Some(format!(
            "All instances of inotify are in use that {limit} allows root, and systemd needs some: raise it \
             (`sysctl {limit}=1024`), or run fewer laboratories at once.\n"
        )),
        _ => None,
    }
}

/// The children of a process, by their ids out here. (Not from
/// `/proc/PID/task/*/children`: a kernel need not have that.)
pub(crate) fn children(of: u32) -> Vec<u32> {
    pids().filter(|&pid| parent(pid) == Some(of)).collect()
}

/// The id out here of the process that is `inner` in the PID namespace of `namespace_of`.
pub(crate) fn outer_pid(namespace_of: u32, inner: u32) -> Option<u32> {
    let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let wanted = namespace(namespace_of)?;
    pids().find(|&pid| inner_pid(pid) == Some(inner) && namespace(pid).as_ref() == Some(&wanted))
}

/// The id that the process `pid` has in its innermost PID namespace.
pub(crate) fn inner_pid(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().last()?.parse().ok()
}

/// Sends a signal to a process, by its id out here.
pub(crate) fn kill(pid: u32, signal: Signal) -> rustix::io::Result<()> {
    Pid::from_raw(pid.cast_signed()).map_or(Err(rustix::io::Errno::SRCH), |pid| kill_process(pid, signal))
}

pub(crate) fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether a child of ours has ended, without waiting for it.
pub(crate) fn has_ended(pid: u32) -> bool {
    stat(pid).is_none_or(|stat| stat.starts_with('Z'))
}

/// The parent of a process, by its id out here.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.split_whitespace().nth(1)?.parse().ok()
}

/// What `/proc` says of a process after its name, which is in parentheses and may hold anything:
/// state, parent and so on.
fn stat(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.trim_start().to_owned())
}
