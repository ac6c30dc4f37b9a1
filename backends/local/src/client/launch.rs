//! Starting a supervisor: the installed `anysvc`, by itself in a session of its own, with nothing of the
//! caller's left to it but the environment. It must not know what it is asked afterwards.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use anysvc_backend_api::{Context, Deadline, Error, ErrorKind, Result};
use anysvc_backend_support::socket;
use rustix::{event::PollFlags, pipe::PipeFlags};

use super::{
    connect::{Connection, connect},
    library,
};
use crate::{
    codec, lock, own_log,
    place::{LOG, Place, START_LOCK},
};

/// Connects to the supervisor of a folder, and starts it first if there is none.
///
/// # Errors
/// `manager-unavailable` when it can't be started, with what it said itself.
pub fn connect_or_start(place: &Place, context: &Context, deadline: Deadline) -> Result<Connection> {
    let uid = context.user.uid;
    if let Some(connection) = connect(place, uid, deadline)? {
        return Ok(connection);
    }
    // One starter at a time. A supervisor that is about to leave holds this lock as well.
    let lock = lock::take(place, START_LOCK, deadline)?;
    if let Some(connection) = connect(place, uid, deadline)? {
        return Ok(connection);
    }
    launch(place, context, deadline)?;
    let connected = connect(place, uid, deadline)?;
    drop(lock);
    connected.ok_or_else(|| unavailable("the supervisor ended right after its start", place))
}

fn launch(place: &Place, context: &Context, deadline: Deadline) -> Result<()> {
    let program = program(context)?;
    let (ready, report) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|e| Error::io("make", "a pipe", &e.into()))?;
    let log = own_log::open(place)?;
    let mut command = Command::new(&program);
    if let Some(folder) = library::folder() {
        command.arg("--backend-path").arg(folder);
    }
    command.args(["backend-main", "local"]).arg(place.state_dir()).current_dir("/");
    command.stdin(Stdio::null()).stdout(report).stderr(log);
    // SAFETY: between fork and exec `detach` makes system calls only.
    unsafe { command.pre_exec(detach) };
    let mut child = command.spawn().map_err(|error| Error::io("run", &program, &error))?;
    // Only the child in between is waited for; it ends as soon as it has forked.
    let _ = child.wait();
    // Closes our copy of the pipe's other end.
    drop(command);
    hear(&ready, place, deadline)
}

/// What the supervisor says when it is ready, or why it will not be: nothing, or an error, in a frame.
fn hear(ready: &OwnedFd, place: &Place, deadline: Deadline) -> Result<()> {
    let mut said = Vec::new();
    loop {
        let waited = socket::ready(ready, PollFlags::IN, deadline);
        waited.map_err(|_| unavailable("the supervisor was not ready in time", place))?;
        let mut buffer = [0; 4096];
        match rustix::io::read(ready.as_fd(), &mut buffer) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(&buffer[..count]),
            Err(rustix::io::Errno::INTR) => (),
            Err(error) => return Err(Error::io("read", "the supervisor's report", &error.into())),
        }
    }
    match said.strip_prefix(READY) {
        Some([]) => Ok(()),
        Some(error) => Err(codec::from_bytes::<Error>(error, "the supervisor's report")?),
        None => {
            let said = String::from_utf8_lossy(&said[..said.len().min(500)]).escape_debug().to_string();
            Err(unavailable(&format!("the supervisor did not start; it said `{said}`"), place))
        }
    }
}

/// What a supervisor's report begins with, which tells it from the output of another program.
pub const READY: &[u8] = b"anysvc local\n";

fn unavailable(message: &str, place: &Place) -> Error {
    Error::new(ErrorKind::ManagerUnavailable, message)
        .with_path(place.path_of(LOG))
        .with_hint(format!("its log is {}", place.path_of(LOG).display()))
}

/// The installed `anysvc`: what the host names, else the running program if it is one.
fn program(context: &Context) -> Result<PathBuf> {
    let own = || std::env::current_exe().ok().filter(|path| path.ends_with("anysvc"));
    context.facts.program.clone().or_else(own).ok_or_else(|| {
        Error::new(ErrorKind::ManagerUnavailable, "the supervisor can't be started: no `anysvc` is installed")
            .with_hint("install the anysvc program, not only a library that uses it")
    })
}

/// In the child, before exec: leaves the caller's session and family, and marks all descriptors but the
/// first three to be closed.
fn detach() -> io::Result<()> {
    // SAFETY: a system call without pointers.
    if unsafe { libc::setsid() } < 0 {
        return Err(io::Error::last_os_error());
    }
    // The caller may live on: a second child is nobody's, so that it never becomes the caller's zombie,
    // and can never get a terminal.
    // SAFETY: only system calls follow, in either process.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => (),
        // SAFETY: ends this process at once, without running anything of the caller's.
        _ => unsafe { libc::_exit(0) },
    }
    close_the_rest();
    Ok(())
}

fn close_the_rest() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: a system call without pointers; it marks descriptors and closes none.
    let marked =
        unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if marked == 0 {
        return;
    }
    // Before Linux 5.11. What lies above was not opened by any usual program.
    for fd in 3..4096 {
        // SAFETY: a system call without pointers; a number that is no descriptor is an error, ignored.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}
