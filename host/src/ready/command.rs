//! A check by a command: it is ready when that succeeds.

use std::{
    ffi::OsStr,
    io,
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use anysvc_backend_api::Bytes;
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use crate::session::user::Account;

/// Runs a command with the variables of the service, and not with ours beyond the search path.
pub(super) fn succeeds(
    argv: &[Bytes],
    env: &[(String, Bytes)],
    directory: Option<&Path>,
    user: Option<&Account>,
    limit: Duration,
) -> Result<(), String> {
    let [program, arguments @ ..] = argv else { return Err("the check has no command".to_owned()) };
    let mut command = Command::new(OsStr::from_bytes(program));
    command
        .args(arguments.iter().map(|argument| OsStr::from_bytes(argument)))
        .current_dir(directory.unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .env_clear();
    let inherited = ["PATH", "LANG", "TZ", if user.is_none() { "HOME" } else { "" }];
    command.envs(inherited.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    if let Some(user) = user {
        command.env("HOME", &user.home).env("USER", &user.name).env("LOGNAME", &user.name);
        let user = user.clone();
        // SAFETY: between fork and exec only system calls that change ids are made.
        unsafe { command.pre_exec(move || user.become_for_good()) };
    }
    command.envs(env.iter().map(|(name, value)| (name, OsStr::from_bytes(value))));
    let failed = |why: String| format!("the check `{program}` {why}");
    match run(command, limit) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(failed(ended(status))),
        Ok(None) => Err(failed(format!("did not end within {} ms", limit.as_millis()))),
        Err(cause) => Err(failed(format!("can't be run: {cause}"))),
    }
}

/// Runs to the end, or to that of the time; then its whole group is killed.
fn run(mut command: Command, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let mut child = command.spawn()?;
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return child.wait().map(Some);
    };
    let ended = has_ended(pid, limit);
    // What it left in its group ends with it, whatever came of it.
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait()?;
    ended.map(|ended| ended.then_some(status))
}

fn has_ended(pid: Pid, limit: Duration) -> io::Result<bool> {
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let mut watched = [PollFd::new(&handle, PollFlags::IN)];
    let limit = limit.try_into().map_err(io::Error::other)?;
    Ok(poll(&mut watched, Some(&limit))? > 0)
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ends with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended oddly".to_owned(),
    }
}
