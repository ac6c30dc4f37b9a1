//! Making a process: everything that allocates is done here, before the fork. Knows nothing of what
//! becomes of the process afterwards.

use std::{
    ffi::{CString, c_char, c_int},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    ptr,
};

use anysvc_backend_api::{Bytes, LimitKind};
use rustix::{
    fs::{OFlags, fcntl_setfl},
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    pipe::{PipeFlags, pipe_with},
};

use super::{
    super::{Fault, Launch, Notify},
    child::{self, Plan, Report, Step},
};

/// What is left in the parent of a process that was made.
pub(super) struct Forked {
    pub(super) pid: u32,
    /// A byte written here lets it go on; it closes on exec, or brings a report.
    pub(super) control: OwnedFd,
    pub(super) output: Option<OwnedFd>,
    pub(super) notify: Option<OwnedFd>,
}

/// What every process gets besides its launch.
pub(super) struct Common<'a> {
    pub(super) null: &'a OwnedFd,
    /// This process's own limit of open files before it was raised.
    pub(super) nofile: Option<libc::rlimit>,
    /// The address for `NOTIFY_SOCKET`.
    pub(super) notify_socket: Option<&'a [u8]>,
}

/// Forks. The child waits for a byte on `control`.
pub(super) fn fork(launch: &Launch, common: &Common<'_>) -> Result<Forked, Fault> {
    let system = |what: &str| {
        let what = format!("make {what} for `{}`", program(launch));
        move |errno: Errno| Fault { what: what.clone(), errno: errno.raw_os_error() }
    };
    let argv = strings(launch.command.iter().map(|word| word.0.clone()))?;
    let mut environment = launch.environment.clone();
    if let Some(address) = common.notify_socket {
        let socket = Bytes::from("NOTIFY_SOCKET");
        environment.retain(|(name, _)| *name != socket);
        environment.push((socket, Bytes(address.to_vec())));
    }
    let environment = strings(environment.iter().map(|(name, value)| assignment(name, value)))?;
    let directory = string(launch.directory.as_os_str().as_bytes().to_vec())?;
    let limits = limits(launch, common.nofile);

    let pair = || pipe_with(PipeFlags::CLOEXEC);
    let output = launch.output.then(pair).transpose().map_err(system("a pipe"))?;
    let notify = match launch.notify {
        Notify::Fd(number) => Some((pair().map_err(system("a pipe"))?, number as c_int)),
        _ => None,
    };
    let (parent, control) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(system("a socket"))?;
    // Only the parent's ends: a program expects its output to block.
    let ours = [Some(&parent), output.as_ref().map(|o| &o.0), notify.as_ref().map(|n| &n.0.0)];
    for fd in ours.into_iter().flatten() {
        fcntl_setfl(fd, OFlags::NONBLOCK).map_err(system("a pipe"))?;
    }

    let plan = Plan {
        control: control.as_raw_fd(),
        parent: parent.as_raw_fd(),
        null: common.null.as_raw_fd(),
        output: output.as_ref().map_or(common.null, |o| &o.1).as_raw_fd(),
        notify: notify.as_ref().map(|((_, write), number)| (write.as_raw_fd(), *number)),
        limits: &limits,
        umask: launch.umask,
        account: launch.account.as_ref().map(|a| (&a.groups[..], a.gid, a.uid)),
        directory: &directory,
        argv: &pointers(&argv),
        environment: &pointers(&environment),
    };
    let pid = blocked(|| {
        // SAFETY: the child runs only code that is safe after fork of a program with threads.
        match unsafe { libc::fork() } {
            // SAFETY: just forked, signals are blocked, and what the plan points to lives in this frame.
            0 => unsafe { child::run(&plan) },
            pid => pid,
        }
    });
    let Ok(pid) = u32::try_from(pid) else {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        return Err(Fault { what: format!("make a process for `{}`", program(launch)), errno });
    };
    Ok(Forked { pid, control: parent, output: output.map(|o| o.0), notify: notify.map(|n| n.0.0) })
}

/// What a child's report means.
pub(super) fn explain(report: Report, launch: &Launch) -> Fault {
    let step = Step::ALL.into_iter().find(|step| *step as u32 == report.step);
    let what = match step {
        Some(Step::Execute) | None => format!("execute `{}`", program(launch)),
        Some(Step::Directory) => format!("enter the directory `{}`", launch.directory.display()),
        Some(Step::Limit) => format!("set the limit {} (see setrlimit(2))", limit_name(report.detail)),
        Some(Step::NotifyFd) => "open the descriptor that readiness is told on".to_owned(),
        Some(Step::Groups | Step::Group) => "take the group that it is to run as".to_owned(),
        Some(Step::User) => "become the user that it is to run as".to_owned(),
        Some(Step::Session | Step::Streams) => format!("prepare a process for `{}`", program(launch)),
    };
    Fault { what, errno: report.errno }
}

/// The program as people write it.
pub(super) fn program(launch: &Launch) -> String {
    launch.command.first().map(ToString::to_string).unwrap_or_default()
}

/// Runs with all signals blocked, so that no handler of ours runs in a child.
fn blocked<R>(act: impl FnOnce() -> R) -> R {
    // SAFETY: the sets are filled before they are used, and the mask is put back as it was.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let result = act();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        result
    }
}

fn limits(launch: &Launch, nofile: Option<libc::rlimit>) -> Vec<(c_int, libc::rlimit)> {
    // A service gets the limit of open files that the supervisor was started with, not the raised one:
    // programs that use select(2), or that close every descriptor there may be, depend on it.
    let mut all: Vec<_> = nofile.map(|limit| (libc::RLIMIT_NOFILE as c_int, limit)).into_iter().collect();
    for limit in &launch.limits {
        let value = limit.value.map_or(libc::RLIM_INFINITY, |value| value as libc::rlim_t);
        all.push((resource(limit.kind), libc::rlimit { rlim_cur: value, rlim_max: value }));
    }
    all
}

fn resource(kind: LimitKind) -> c_int {
    let resource = match kind {
        LimitKind::As => libc::RLIMIT_AS,
        LimitKind::Core => libc::RLIMIT_CORE,
        LimitKind::Cpu => libc::RLIMIT_CPU,
        LimitKind::Data => libc::RLIMIT_DATA,
        LimitKind::Fsize => libc::RLIMIT_FSIZE,
        LimitKind::Memlock => libc::RLIMIT_MEMLOCK,
        LimitKind::Nofile => libc::RLIMIT_NOFILE,
        LimitKind::Nproc => libc::RLIMIT_NPROC,
        LimitKind::Stack => libc::RLIMIT_STACK,
    };
    resource as c_int
}

/// A limit as a spec calls it, from what a child reports.
fn limit_name(reported: u32) -> &'static str {
    let kind = LimitKind::ALL.iter().find(|kind| resource(**kind) as u32 == reported);
    kind.map_or("of a resource", |kind| kind.as_str())
}

fn assignment(name: &Bytes, value: &Bytes) -> Vec<u8> {
    [&name.0[..], b"=", &value.0].concat()
}

fn string(bytes: Vec<u8>) -> Result<CString, Fault> {
    CString::new(bytes).map_err(|error| {
        let text = Bytes(error.into_vec());
        Fault { what: format!("use `{text}`: it holds a NUL byte"), errno: 0 }
    })
}

fn strings(all: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<CString>, Fault> {
    all.into_iter().map(string).collect()
}

/// With the null pointer at the end.
fn pointers(all: &[CString]) -> Vec<*const c_char> {
    all.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect()
}
