//! Running another program with a deadline: what it wrote, and typed errors that carry its status and
//! standard error. Knows nothing of what it runs.

use std::{
    io::{ErrorKind as IoKind, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

/// The most that is kept of each stream; what comes after is read and dropped.
const KEEP: usize = 16 << 20;

/// What a command that ended with an accepted status gave.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

/// Runs a command to its end, its standard input empty, in a process group of its own, which is killed
/// at the deadline. Descendants that keep its output open are not waited for.
///
/// # Errors
/// `command-failed` with status and standard error when it ends in another way than by an accepted exit
/// code; `timed-out`; `io` or `permission-denied` when it can't be started.
pub fn run(command: &mut Command, accepted: &[i32], deadline: Deadline) -> Result<Output> {
    let program = command.get_program().to_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|cause| Error::io("run", &program, &cause))?;
    let shown = program.display().to_string();
    let gathered = gather(&mut child, deadline);
    if !matches!(gathered, Ok(Some(_))) {
        // Not waited for yet, so that the number can be no one else's.
        if let Some(group) = Pid::from_raw(child.id() as i32) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = child.wait();
    }
    let failed = |cause: Errno| Error::io("wait for", &program, &cause.into());
    let Some((status, stdout, stderr)) = gathered.map_err(failed)? else {
        return Err(Error::timed_out(format!("`{shown}` took too long and was killed")));
    };
    match status.code() {
        Some(code) if accepted.contains(&code) => Ok(Output { code, stdout, stderr }),
        _ => Err(refused(&shown, status, &stderr)),
    }
}

fn refused(program: &str, status: ExitStatus, stderr: &[u8]) -> Error {
    let text = String::from_utf8_lossy(stderr).trim_end().to_owned();
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited {code}"),
        (None, signal) => format!("was killed by signal {}", signal.unwrap_or_default()),
    };
    let told = text.lines().next_back().map(|line| format!(": {}", line.escape_debug())).unwrap_or_default();
    let mut error = Error::new(ErrorKind::CommandFailed, format!("`{program}` {how}{told}"));
    error.status = status.code();
    error.stderr = Some(text);
    error
}

type Gathered = (ExitStatus, Vec<u8>, Vec<u8>);

/// Reads both streams until the command has ended; `None` when the deadline passed first.
fn gather(child: &mut Child, deadline: Deadline) -> Result<Option<Gathered>, Errno> {
    let pid = Pid::from_raw(child.id() as i32).ok_or(Errno::SRCH)?;
    let ended: OwnedFd = pidfd_open(pid, PidfdFlags::empty())?;
    let (mut out, mut err) =
        (child.stdout.take().ok_or(Errno::BADF)?, child.stderr.take().ok_or(Errno::BADF)?);
    for fd in [out.as_fd(), err.as_fd()] {
        rustix::io::ioctl_fionbio(fd, true)?;
    }
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (mut out_open, mut err_open) = (true, true);
    loop {
        let timeout = deadline.remaining().and_then(|left| Timespec::try_from(left).ok());
        let mut fds = vec![PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
        if out_open {
            fds.push(PollFd::from_borrowed_fd(out.as_fd(), PollFlags::IN));
        }
        if err_open {
            fds.push(PollFd::from_borrowed_fd(err.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(cause) => return Err(cause),
        }
        let over = !fds[0].revents().is_empty();
        out_open = out_open && drain(&mut out, &mut stdout);
        err_open = err_open && drain(&mut err, &mut stderr);
        if over {
            // What it wrote before its end was in the pipes when that was seen, and has been read.
            let status =
                child.wait().map_err(|cause| Errno::from_io_error(&cause).unwrap_or(Errno::CHILD))?;
            return Ok(Some((status, stdout, stderr)));
        }
    }
}

/// Takes what is there; whether more can come.
fn drain(from: &mut impl Read, to: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return false,
            Ok(n) => to.extend_from_slice(&buffer[..n.min(KEEP.saturating_sub(to.len()))]),
            Err(error) if error.kind() == IoKind::Interrupted => {}
            Err(error) => return error.kind() == IoKind::WouldBlock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn sh(script: &str, accepted: &[i32], deadline: Deadline) -> Result<Output> {
        run(Command::new("/bin/sh").args(["-c", script]), accepted, deadline)
    }

    #[test]
    fn gives_both_streams_and_the_accepted_code() {
        let output = sh("head -c 300000 /dev/zero; echo oops >&2; exit 3", &[0, 3], Deadline::NONE).unwrap();
        assert_eq!((output.code, output.stdout.len(), &*output.stderr), (3, 300_000, &b"oops\n"[..]));
    }

    #[test]
    fn a_failure_carries_status_and_standard_error() {
        let error = sh("echo first >&2; echo why >&2; exit 7", &[0], Deadline::NONE).unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::CommandFailed, Some(7)));
        assert_eq!(error.stderr.as_deref(), Some("first\nwhy"));
        assert_eq!(error.message, "`/bin/sh` exited 7: why");
        let error = sh("kill -s TERM $$", &[0], Deadline::NONE).unwrap_err();
        assert_eq!((error.status, &*error.message), (None, "`/bin/sh` was killed by signal 15"));
    }

    #[test]
    fn the_deadline_kills_the_group_and_is_typed() {
        let begun = Instant::now();
        let error =
            sh("sleep 100 & sleep 100", &[0], Deadline::after(Duration::from_millis(100))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn a_descendant_that_holds_the_output_is_not_waited_for() {
        let begun = Instant::now();
        let output = sh("sleep 60 & echo done", &[0], Deadline::NONE).unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_io_error_with_its_path() {
        let error = run(&mut Command::new("/nonexistent/x"), &[0], Deadline::NONE).unwrap_err();
        assert_eq!((error.kind, error.path), (ErrorKind::Io, Some("/nonexistent/x".into())));
    }
}
