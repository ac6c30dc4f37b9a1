//! Noticing that processes end: by a descriptor for each (Linux 5.3), or by SIGCHLD.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use anysvc_backend_api::Signal;
use rustix::{
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{PidfdFlags, getpid, pidfd_open},
};

use super::{
    super::Run,
    child::Report,
    poll::{Kind, Poller},
    process,
};
use crate::{engine::policy::Ending, socket};

/// Whether the kernel has descriptors of processes, and lets us.
pub(super) fn pidfds_work() -> bool {
    pidfd_open(getpid(), PidfdFlags::empty()).is_ok()
}

/// A descriptor that is readable when the process ended.
pub(super) fn open(pid: u32, wanted: bool) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(pid) = process::pid(pid).filter(|_| wanted) else { return Ok(None) };
    pidfd_open(pid, PidfdFlags::empty()).map(Some)
}

/// Sends a signal through a descriptor: it can't hit another process.
pub(super) fn signal(pidfd: &OwnedFd, number: i32) -> io::Result<()> {
    // SAFETY: a descriptor and numbers; without details (null) it is like kill(2).
    let done = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether a child ended. It keeps its number, unless somebody else in this program asked for it (`None`).
pub(super) fn has_ended(pid: u32) -> Option<bool> {
    // SAFETY: zero is a value for all of it, and waitid fills it.
    let mut about: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the structure lives; `si_pid` is set for what ended, and zero otherwise.
    let (done, about) = unsafe {
        let done = libc::waitid(libc::P_PID, pid as _, &raw mut about, flags);
        (done, about.si_pid())
    };
    match done {
        0 => Some(about != 0),
        _ if io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD) => None,
        _ => Some(false),
    }
}

/// Where ended children are to be forgotten at once (this program may have been started so), nobody could
/// ask how they ended.
pub(super) fn remember_children() {
    // SAFETY: a zeroed structure is filled, looked at, and the default is set.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let asked = libc::sigaction(libc::SIGCHLD, std::ptr::null(), &raw mut action);
        let forgets = action.sa_sigaction == libc::SIG_IGN || action.sa_flags & libc::SA_NOCLDWAIT != 0;
        if asked == 0 && forgets {
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        }
    }
}

/// Asks a child that ended, or was killed, how it did. Its number is free after that.
pub(super) fn reap(pid: u32) -> Ending {
    let mut status = 0;
    loop {
        // SAFETY: writes one number.
        let done = unsafe { libc::waitpid(pid as libc::pid_t, &raw mut status, 0) };
        if done < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
            continue;
        }
        if done < 0 {
            return Ending::Unknown;
        }
        let signal = libc::WIFSIGNALED(status).then(|| Signal::from_number(libc::WTERMSIG(status)));
        return match signal.flatten() {
            Some(signal) => Ending::Signal(signal),
            None => Ending::Code(libc::WEXITSTATUS(status)),
        };
    }
}

/// What a process says before it executes its program: a report of failure (`true`), or the end.
pub(super) fn read_report(control: &OwnedFd, report: &mut Report) -> rustix::io::Result<bool> {
    let mut bytes = [0u8; size_of::<Report>()];
    let length = rustix::io::read(control, &mut bytes)?;
    let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    if let (true, Some(step), Some(errno), Some(detail)) =
        (length == bytes.len(), number(0), number(4), number(8))
    {
        *report = Report { step, errno: errno as i32, detail };
        return Ok(true);
    }
    Ok(false)
}

/// Waits up to two seconds for something that nothing tells of.
pub(super) fn wait_until(mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        socket::pause(Duration::from_millis(1));
    }
}

/// A pipe that is readable after a child ended.
#[derive(Debug)]
pub(super) struct Children {
    read: OwnedFd,
}

/// The pipe's other end, for the handler of the signal. There is one handler in a process.
static WAKE: AtomicI32 = AtomicI32::new(-1);

impl Children {
    pub(super) fn new(poller: &Poller) -> io::Result<Children> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        poller.add(&read, Run(0), Kind::Children)?;
        // Stays open for good: the handler may run at any time.
        let write = std::os::fd::IntoRawFd::into_raw_fd(write);
        WAKE.store(write, Ordering::SeqCst);
        // SAFETY: the handler only writes to a descriptor. The structure is zeroed, then filled.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = wake as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
            libc::sigemptyset(&raw mut action.sa_mask);
            if libc::sigaction(libc::SIGCHLD, &raw const action, std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Children { read })
    }

    pub(super) fn drain(&self) {
        let mut bytes = [0u8; 256];
        while matches!(rustix::io::read(self.read.as_fd(), &mut bytes), Ok(1..) | Err(Errno::INTR)) {}
    }
}

extern "C" fn wake(_: libc::c_int) {
    // SAFETY: write(2) may be called from a handler; errno is put back. A full pipe wakes as well.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::write(WAKE.load(Ordering::SeqCst), [0u8].as_ptr().cast(), 1);
        *errno = before;
    }
}
