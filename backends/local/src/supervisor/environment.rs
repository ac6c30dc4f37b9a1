//! What services start from: the environment of whoever started the first supervisor of this boot, less
//! what belongs to his terminal; and the output of process 1 for `log.console`. It must not know
//! services.

use std::{env, fs::File, os::unix::ffi::OsStringExt as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use anysvc_backend_api::{Bytes, EnvVar, expand::is_variable_name};

/// Variables of one shell, terminal or session, and those that would make a service talk to somebody
/// else's supervisor. A service that needs one sets it.
const PERSONAL: [&str; 20] = [
    "_",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "TERM",
    "COLUMNS",
    "LINES",
    "PS1",
    "WINDOWID",
    "COLORTERM",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "SSH_AUTH_SOCK",
    "DISPLAY",
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "WATCHDOG_PID",
];
const PERSONAL_BEGINNINGS: [&str; 4] = ["ANYSVC_", "XDG_SESSION_", "SUDO_", "WATCHDOG_"];

/// This process's environment, as services get it.
pub fn own() -> Vec<EnvVar> {
    let mut variables: Vec<EnvVar> = env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| is_for_services(name))?;
            Some(EnvVar { name, value: Bytes(value.into_vec()) })
        })
        .collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    variables
}

fn is_for_services(name: &str) -> bool {
    is_variable_name(name)
        && !PERSONAL.contains(&name)
        && !PERSONAL_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// The home of whoever runs it: where services of a user start, unless they say so. `/` for root.
pub fn directory() -> PathBuf {
    let root = || PathBuf::from("/");
    if rustix::process::geteuid().is_root() {
        return root();
    }
    env::home_dir().filter(|home| home.is_dir()).unwrap_or_else(root)
}

/// The output of process 1, which is a container's output; `None` where it can't be written to.
pub fn console() -> Option<File> {
    // Not blocking: a console that nobody reads must not hold up the supervisor.
    File::options().append(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open("/proc/1/fd/1").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_terminal_stays_there() {
        for name in ["TERM", "SSH_AUTH_SOCK", "_", "SUDO_USER", "ANYSVC_STATE_DIR", "A-B", "BASH_FUNC_x%%"] {
            assert!(!is_for_services(name), "{name}");
        }
        for name in ["PATH", "HOME", "LANG", "DASHBOARD", "DATA", "TZ"] {
            assert!(is_for_services(name), "{name}");
        }
    }
}
