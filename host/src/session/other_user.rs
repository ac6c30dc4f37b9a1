//! `--scope user:NAME`: root runs the whole command as that user. A child drops to the user for good and
//! becomes this program again, in an environment that has nothing of root's session; what it then finds
//! is the user's store and the user's manager.

use std::{
    ffi::{CString, OsStr, OsString},
    fs::File,
    io,
    os::{fd::AsRawFd as _, unix::ffi::OsStrExt as _, unix::fs::MetadataExt as _},
    path::Path,
};

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::user::Account;
use crate::environment::{Caller, FIXED_PATH};

/// Runs the command line as another user and gives its exit code.
///
/// # Errors
/// `permission-denied` for all but root; `usage` when there is no such user.
pub fn run(name: &str, args: &[OsString]) -> Result<u8> {
    if !rustix::process::geteuid().is_root() {
        let message = format!("only root may act for the user `{}`", name.escape_debug());
        return Err(
            Error::new(ErrorKind::PermissionDenied, message).with_hint("leave out --scope, or use sudo")
        );
    }
    let account = Account::find(name)?;
    // Opened while this may still be read: it may lie where the user can't look.
    let program =
        File::open("/proc/self/exe").map_err(|cause| Error::io("open", "/proc/self/exe", &cause))?;
    let argv: Vec<CString> = std::iter::once(OsString::from("anysvc"))
        .chain(as_that_user(args, name))
        .filter_map(|arg| CString::new(arg.as_bytes()).ok())
        .collect();
    let environment: Vec<CString> = environment(&account, starters(&Caller::current(), std::env::vars_os()))
        .into_iter()
        .filter_map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok())
        .collect();
    let failed =
        |cause: io::Error| Error::new(ErrorKind::Io, format!("cannot act for `{}`: {cause}", account.name));
    // SAFETY: the process has one thread here: no backend is loaded yet. The child makes a few system
    // calls and ends in another program or in `_exit`.
    match unsafe { libc::fork() } {
        -1 => Err(failed(io::Error::last_os_error())),
        0 => {
            let cause = child(&account, &program, &argv, &environment);
            let _ = io::Write::write_all(
                &mut io::stderr(),
                format!("error: {}\n", failed(cause).message).as_bytes(),
            );
            // SAFETY: ends the child at once, without running what belongs to the parent.
            unsafe { libc::_exit(1) }
        }
        pid => wait_for(pid).map_err(failed),
    }
}

/// The child's part: it returns only if something fails.
fn child(account: &Account, program: &File, argv: &[CString], environment: &[CString]) -> io::Error {
    if let Err(cause) = account.become_for_good() {
        return cause;
    }
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, environment) = (pointers(argv), pointers(environment));
    // SAFETY: both lists end in a null pointer, and their strings live until the program is replaced.
    unsafe {
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
        libc::fexecve(program.as_raw_fd(), argv.as_ptr(), environment.as_ptr());
    }
    io::Error::last_os_error()
}

fn wait_for(pid: libc::pid_t) -> io::Result<u8> {
    let mut status = 0;
    // SAFETY: `status` is live; the child is ours.
    while unsafe { libc::waitpid(pid, &raw mut status, 0) } == -1 {
        let cause = io::Error::last_os_error();
        if cause.kind() != io::ErrorKind::Interrupted {
            return Err(cause);
        }
    }
    if libc::WIFEXITED(status) {
        return Ok(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(1));
    }
    Ok(128_u8.saturating_add(u8::try_from(libc::WTERMSIG(status)).unwrap_or(0)))
}

/// The arguments with the scope as the user would write it.
fn as_that_user(args: &[OsString], name: &str) -> Vec<OsString> {
    let (joined, value) = (OsString::from(format!("--scope=user:{name}")), format!("user:{name}"));
    let mut rewritten = Vec::with_capacity(args.len());
    let mut ended = false;
    for (at, arg) in args.iter().enumerate() {
        ended |= arg == "--";
        let separate = at > 0 && args[at - 1] == "--scope" && *arg == *value;
        rewritten.push(match (ended, *arg == joined, separate) {
            (false, true, _) => "--scope=user".into(),
            (false, _, true) => "user".into(),
            _ => arg.clone(),
        });
    }
    rewritten
}

/// What may be handed on of the variables that this program was started with: where it has more rights
/// than its starter, nothing, and commands are looked for where the system has them.
fn starters(
    caller: &Caller,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    if caller.elevated() { vec![("PATH".into(), FIXED_PATH.into())] } else { variables.collect() }
}

/// What the user would find in a fresh session: nothing of root's but the search path, the language and
/// the terminal.
fn environment(account: &Account, variables: Vec<(OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let kept = |name: &OsStr| {
        let plain = ["PATH", "LANG", "TERM", "TZ", "NO_COLOR", "ANYSVC_LOG", "ANYSVC_BACKEND_PATH"];
        plain.iter().any(|kept| name == *kept) || name.as_bytes().starts_with(b"LC_")
    };
    let mut environment: Vec<_> = variables.into_iter().filter(|(name, _)| kept(name)).collect();
    let own = [
        ("HOME", account.home.as_os_str()),
        ("USER", account.name.as_ref()),
        ("LOGNAME", account.name.as_ref()),
    ];
    environment.extend(own.map(|(name, value)| (name.into(), value.to_owned())));
    let runtime = format!("/run/user/{}", account.uid);
    let is_theirs =
        Path::new(&runtime).symlink_metadata().is_ok_and(|m| m.is_dir() && m.uid() == account.uid);
    if is_theirs {
        environment.push(("XDG_RUNTIME_DIR".into(), runtime.into()));
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_user_is_asked_for_no_other_user() {
        let cases = [
            ("status --scope user:app", "status --scope user"),
            ("--scope=user:app status x", "--scope=user status x"),
            (
                "register --scope user:app x -- --scope user:app",
                "register --scope user x -- --scope user:app",
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(as_that_user(&words(given), "app"), words(expected));
        }
    }

    #[test]
    fn nothing_of_roots_session_is_handed_on() {
        let account =
            Account { uid: 54_321, gid: 1, groups: vec![], name: "app".into(), home: "/home/app".into() };
        let session =
            ["PATH=/bin", "HOME=/root", "XDG_STATE_HOME=/x", "ANYSVC_STATE_DIR=/y", "LC_ALL=C", "S=1"];
        let pairs =
            session.map(|pair| pair.split_once('=').expect("a pair")).map(|(n, v)| (n.into(), v.into()));
        let found: Vec<String> = environment(&account, pairs.into_iter().collect())
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(found, ["PATH=/bin", "LC_ALL=C", "HOME=/home/app", "USER=app", "LOGNAME=app"]);
    }

    #[test]
    fn of_the_session_that_starts_a_setuid_copy_nothing_is_handed_on() {
        let session = ["PATH=/evil", "ANYSVC_BACKEND_PATH=/evil", "TZ=/evil", "LC_ALL=C"];
        let given = || {
            let pairs = session.map(|pair| pair.split_once('=').expect("a pair"));
            pairs.map(|(n, v)| (n.into(), v.into())).into_iter()
        };
        assert_eq!(starters(&Caller::plain(0, 0), given()).len(), session.len());
        let setuid = Caller { uid: 10_000, ..Caller::plain(0, 0) };
        assert_eq!(starters(&setuid, given()), [("PATH".into(), OsString::from(FIXED_PATH))]);
    }
}
