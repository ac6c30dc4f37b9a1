//! What a process does between fork and exec. Other threads of its parent may have held any lock when it
//! was made, so that nothing here allocates, locks or panics: system calls and memory that was made
//! before.

use std::{
    ffi::{CStr, c_char, c_int},
    ptr,
};

/// Where a child failed. The numbers cross a socket within one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Step {
    Session = 1,
    Streams,
    NotifyFd,
    Limit,
    Groups,
    Group,
    User,
    Directory,
    Execute,
}

impl Step {
    pub(super) const ALL: [Step; 9] = [
        Step::Session,
        Step::Streams,
        Step::NotifyFd,
        Step::Limit,
        Step::Groups,
        Step::Group,
        Step::User,
        Step::Directory,
        Step::Execute,
    ];
}

/// What a child says when it fails.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Report {
    pub(super) step: u32,
    pub(super) errno: i32,
    pub(super) detail: u32,
}

/// All that a child needs, made by its parent.
pub(super) struct Plan<'a> {
    /// Our end of the socket to the parent, and its own.
    pub(super) control: c_int,
    pub(super) parent: c_int,
    pub(super) null: c_int,
    /// Where standard output and error go.
    pub(super) output: c_int,
    /// The descriptor to write to for readiness, and the number that the program expects.
    pub(super) notify: Option<(c_int, c_int)>,
    /// Which limit, and its value.
    pub(super) limits: &'a [(c_int, libc::rlimit)],
    pub(super) umask: u32,
    /// Supplementary groups, group, user.
    pub(super) account: Option<(&'a [libc::gid_t], libc::gid_t, libc::uid_t)>,
    pub(super) directory: &'a CStr,
    /// Ends with a null pointer, as does the next.
    pub(super) argv: &'a [*const c_char],
    pub(super) environment: &'a [*const c_char],
}

type Failed = (Step, c_int, u32);

/// Never returns: the process executes its program, or reports and exits.
///
/// # Safety
/// Only in a process that was just forked, with all signals blocked, and with a plan whose pointers hold.
pub(super) unsafe fn run(plan: &Plan<'_>) -> ! {
    let mut control = plan.control;
    // SAFETY: as for this function.
    let (step, errno, detail) = unsafe { attempt(plan, &mut control) };
    let report = Report { step: step as u32, errno, detail };
    // SAFETY: plain system calls on memory of this frame. `_exit` runs nothing of the parent's.
    unsafe {
        libc::write(control, (&raw const report).cast(), size_of::<Report>());
        libc::_exit(127)
    }
}

/// Returns why it failed; `control` stays where the socket to the parent is.
unsafe fn attempt(plan: &Plan<'_>, control: &mut c_int) -> Failed {
    // SAFETY: as for this function.
    match unsafe { prepare(plan, control) } {
        // SAFETY: the plan's maker vouches for the pointers.
        Ok(()) => (Step::Execute, unsafe { execute(plan.argv, plan.environment.as_ptr()) }, 0),
        Err(failed) => failed,
    }
}

/// Everything up to exec.
unsafe fn prepare(plan: &Plan<'_>, control: &mut c_int) -> Result<(), Failed> {
    // SAFETY: system calls that are safe after fork, with pointers that the plan's maker vouches for.
    unsafe {
        // As long as we hold the parent's end, too, its death would not show.
        libc::close(plan.parent);
        reset_signals();
        if libc::setsid() < 0 {
            return Err(failed(Step::Session));
        }
        wait_for_go(plan.control);
        streams(plan, control)?;
        for (resource, limit) in plan.limits {
            if libc::setrlimit(*resource as _, limit) < 0 {
                return Err((Step::Limit, errno(), *resource as u32));
            }
        }
        libc::umask(plan.umask as libc::mode_t);
        if let Some((groups, gid, uid)) = plan.account {
            if libc::setgroups(groups.len() as _, groups.as_ptr()) < 0 {
                return Err(failed(Step::Groups));
            }
            if libc::setgid(gid) < 0 {
                return Err(failed(Step::Group));
            }
            if libc::setuid(uid) < 0 {
                return Err(failed(Step::User));
            }
        }
        if libc::chdir(plan.directory.as_ptr()) < 0 {
            return Err(failed(Step::Directory));
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        Ok(())
    }
}

/// Handlers are the parent's, and what it ignores (Rust: PIPE) would stay ignored in the program.
unsafe fn reset_signals() {
    for signal in 1..65 {
        // SAFETY: signals that don't exist or can't be changed are refused, and nothing happens.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Returns when the parent has written down that we exist; does not return if it died before.
unsafe fn wait_for_go(control: c_int) {
    let mut go = 0u8;
    loop {
        // SAFETY: one byte into a byte. A parent that is gone reads as the end.
        match unsafe { libc::read(control, (&raw mut go).cast(), 1) } {
            1 => return,
            -1 if errno() == libc::EINTR => {}
            // SAFETY: ends the process.
            _ => unsafe { libc::_exit(0) },
        }
    }
}

/// Puts the descriptors where the program expects them. All that the plan names are above 2.
unsafe fn streams(plan: &Plan<'_>, control: &mut c_int) -> Result<(), Failed> {
    // SAFETY: numbers only.
    unsafe {
        if let Some((_, number)) = plan.notify
            && number <= plan.control.max(plan.output).max(plan.null)
        {
            // Whatever is in the way of the promised number is moved above it; the others are only
            // used before it is overwritten.
            let moved = libc::fcntl(plan.control, libc::F_DUPFD_CLOEXEC, number + 1);
            if moved < 0 {
                return Err(failed(Step::NotifyFd));
            }
            *control = moved;
        }
        let moves = [(plan.null, 0), (plan.output, 1), (plan.output, 2)];
        for (from, to) in moves {
            if libc::dup2(from, to) < 0 {
                return Err(failed(Step::Streams));
            }
        }
        close_on_exec();
        if let Some((from, number)) = plan.notify {
            // dup2 of a descriptor onto itself leaves it closing on exec.
            let done =
                if from == number { libc::fcntl(from, libc::F_SETFD, 0) } else { libc::dup2(from, number) };
            if done < 0 {
                return Err(failed(Step::NotifyFd));
            }
        }
    }
    Ok(())
}

/// Whatever this program was started with open, by a shell say, is not for its services. (Before Linux 5.11
/// it stays open.)
fn close_on_exec() {
    // SAFETY: numbers only.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}

/// Executes the program; returns the reason if it can't. Like execvpe, but never hands a file to a shell.
unsafe fn execute(argv: &[*const c_char], environment: *const *const c_char) -> c_int {
    // SAFETY: strings end with NUL and lists with a null pointer, as the plan's maker vouches for; the
    // candidate path is cut to the buffer.
    unsafe {
        let Some(program) = argv.first().filter(|p| !p.is_null()) else { return libc::ENOENT };
        if !libc::strchr(*program, c_int::from(b'/')).is_null() || **program == 0 {
            libc::execve(*program, argv.as_ptr(), environment);
            return errno();
        }
        let name = CStr::from_ptr(*program).to_bytes_with_nul();
        let mut forbidden = false;
        for folder in search_path(environment).split(|b| *b == b':') {
            let mut candidate = [0u8; libc::PATH_MAX as usize];
            let folder = if folder.is_empty() { &b"."[..] } else { folder };
            let Some(space) = candidate.get_mut(..folder.len() + 1 + name.len()) else { continue };
            let (start, end) = space.split_at_mut(folder.len());
            start.copy_from_slice(folder);
            if let [slash, rest @ ..] = end {
                *slash = b'/';
                rest.copy_from_slice(name);
            }
            libc::execve(candidate.as_ptr().cast(), argv.as_ptr(), environment);
            match errno() {
                libc::EACCES => forbidden = true,
                libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG | libc::ELOOP => {}
                other => return other,
            }
        }
        if forbidden { libc::EACCES } else { libc::ENOENT }
    }
}

unsafe fn search_path<'a>(environment: *const *const c_char) -> &'a [u8] {
    let mut at = environment;
    // SAFETY: the list ends with a null pointer, and its strings live until the program replaces us.
    unsafe {
        while !(*at).is_null() {
            if let Some(path) = CStr::from_ptr(*at).to_bytes().strip_prefix(b"PATH=") {
                return path;
            }
            at = at.add(1);
        }
    }
    b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

fn failed(step: Step) -> Failed {
    (step, errno(), 0)
}

fn errno() -> c_int {
    // Reads one thread-local number.
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
