//! All that the operating system needs to start one process, made from a spec: pure. Knows no other
//! process and no policy.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{
    Bytes, EnvVar, Limit, LogTo, ServiceSpec,
    expand::{Piece, pieces},
};

use super::Fault;

/// An account that a service runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
    /// What else the account database says, where it knows the account: name, home and shell.
    pub entry: Option<(Bytes, Bytes, Bytes)>,
}

/// How a process says that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Nothing is heard.
    No,
    /// A newline on this descriptor.
    Fd(u32),
    /// sd_notify(3).
    Socket,
}

/// One process to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The program and its arguments. A name without a slash is looked for in the environment's PATH.
    pub command: Vec<Bytes>,
    /// The environment, each name once.
    pub environment: Vec<(Bytes, Bytes)>,
    /// The working directory.
    pub directory: PathBuf,
    /// Whom it runs as, if not as this process does.
    pub account: Option<Account>,
    /// The file mode creation mask.
    pub umask: u32,
    /// Resource limits.
    pub limits: Vec<Limit>,
    /// Whether its output is read; otherwise it goes nowhere.
    pub output: bool,
    /// How it says that it is ready.
    pub notify: Notify,
}

/// Variables that are about the supervisor itself, and must not reach its services.
const NOT_INHERITED: [&[u8]; 6] =
    [b"NOTIFY_SOCKET", b"LISTEN_FDS", b"LISTEN_PID", b"LISTEN_FDNAMES", b"WATCHDOG_PID", b"WATCHDOG_USEC"];

impl Launch {
    /// From a spec, its environment, and the directory for those that name none.
    ///
    /// # Errors
    /// A variable in a path that is not set.
    pub fn new(
        spec: &ServiceSpec,
        environment: Vec<(Bytes, Bytes)>,
        directory: &Path,
        account: Option<Account>,
    ) -> Result<Launch, Fault> {
        let ready = spec.ready.as_ref();
        let notify = match ready.and_then(|r| r.notify_fd) {
            Some(fd) => Notify::Fd(fd),
            None if ready.is_some_and(|r| r.sd_notify == Some(true)) => Notify::Socket,
            None => Notify::No,
        };
        Ok(Launch {
            command: spec.command.clone(),
            directory: expand(spec.directory.as_deref().unwrap_or(directory), &environment, "directory")?,
            account,
            umask: spec.umask(),
            limits: spec.limits.clone(),
            output: spec.log.to != Some(LogTo::None),
            notify,
            environment,
        })
    }
}

/// The environment of a service: what the supervisor has, what the account brings, what its file says, what
/// the spec says; the later wins.
pub fn environment(
    base: &[(Bytes, Bytes)],
    account: Option<&Account>,
    file: &[(Bytes, Bytes)],
    own: &[EnvVar],
) -> Vec<(Bytes, Bytes)> {
    let mut all: Vec<(Bytes, Bytes)> =
        base.iter().filter(|(name, _)| !NOT_INHERITED.contains(&&name.0[..])).cloned().collect();
    let mut set = |name: &[u8], value: &Bytes| match all.iter_mut().find(|(known, _)| known.0 == name) {
        Some((_, old)) => old.clone_from(value),
        None => all.push((Bytes(name.to_vec()), value.clone())),
    };
    if let Some((name, home, shell)) = account.and_then(|a| a.entry.as_ref()) {
        // Root's own would lead a program that dropped its rights to files that it can't use.
        for (key, value) in [("HOME", home), ("USER", name), ("LOGNAME", name), ("SHELL", shell)] {
            set(key.as_bytes(), value);
        }
    }
    for (name, value) in file {
        set(&name.0, value);
    }
    for variable in own {
        set(variable.name.as_bytes(), &variable.value);
    }
    all
}

/// Replaces `${VAR}` and `${VAR:-default}` in a path of a spec.
///
/// # Errors
/// A variable that is unset or empty and has no default.
pub fn expand(path: &Path, environment: &[(Bytes, Bytes)], field: &str) -> Result<PathBuf, Fault> {
    let raw = path.as_os_str().as_encoded_bytes();
    if !raw.contains(&b'$') {
        return Ok(path.to_owned());
    }
    let fault = |why: String| Fault { what: format!("expand `{field}`: {why}"), errno: 0 };
    let mut text = Vec::with_capacity(raw.len());
    for piece in pieces(raw).map_err(fault)? {
        match piece {
            Piece::Literal(bytes) => text.extend_from_slice(bytes),
            Piece::Variable { name, default } => {
                let value = environment.iter().find(|(known, _)| known.0 == name.as_bytes());
                match (value.map(|(_, value)| &value.0[..]).filter(|value| !value.is_empty()), default) {
                    (Some(value), _) | (None, Some(value)) => text.extend_from_slice(value),
                    (None, None) => return Err(fault(format!("`{name}` is not set"))),
                }
            }
        }
    }
    path_from(text).map_err(|()| fault("the result is no path".to_owned()))
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf, ()> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf, ()> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (Bytes, Bytes) {
        (name.into(), value.into())
    }

    #[test]
    fn the_later_layer_wins_and_the_supervisor_keeps_its_own() {
        let base = [pair("A", "1"), pair("NOTIFY_SOCKET", "@x"), pair("HOME", "/root"), pair("B", "2")];
        let account = Account {
            uid: 1,
            gid: 1,
            groups: vec![],
            entry: Some(("app".into(), "/home/app".into(), "/bin/sh".into())),
        };
        let file = [pair("B", "file"), pair("USER", "file"), pair("D", "4"), pair("D", "5")];
        let own =
            [EnvVar { name: "B".into(), value: "3".into() }, EnvVar { name: "C".into(), value: "".into() }];
        let expected = [
            pair("A", "1"),
            pair("HOME", "/home/app"),
            pair("B", "3"),
            pair("USER", "file"),
            pair("LOGNAME", "app"),
            pair("SHELL", "/bin/sh"),
            pair("D", "5"),
            pair("C", ""),
        ];
        assert_eq!(environment(&base, Some(&account), &file, &own), expected);
    }

    #[test]
    fn paths_are_expanded_and_an_unset_variable_is_named() {
        let env = [pair("DATA", "/srv"), pair("EMPTY", "")];
        let expand = |text: &str| expand(&PathBuf::from(text), &env, "directory");
        assert_eq!(expand("${DATA}/x$y"), Ok(PathBuf::from("/srv/x$y")));
        assert_eq!(expand("${EMPTY:-/d}/${NONE:-e}"), Ok(PathBuf::from("/d/e")));
        let fault = expand("/a/${NONE}").unwrap_err();
        assert_eq!(fault.to_string(), "cannot expand `directory`: `NONE` is not set");
    }
}
