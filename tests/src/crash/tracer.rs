//! The ptracer: follows every process and thread of a command, counts, and kills.

use super::calls::{KNOWN, When};
use super::look::Stopped;
use super::{Call, Traced, filter};
use crate::begin::while_nothing_is_written;
use rustix::fs::{MemfdFlags, memfd_create};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::mem::MaybeUninit;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

/// After this a command counts as hung.
const HUNG: Duration = Duration::from_secs(180);

const OPTIONS: libc::c_int = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_EXITKILL;

/// Runs it, and kills it at change number `kill_at`, or never with 0.
pub(super) fn run(mut command: Command, kill_at: usize) -> io::Result<Traced> {
    // Files without names: no reader is needed, and who inherits them holds nobody up.
    let (mut stdout, mut stderr) = (memory_file()?, memory_file()?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let program = filter::program();
    // SAFETY: between fork and exec this makes system calls alone and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            ptrace(libc::PTRACE_TRACEME, 0, 0, 0)?;
            filter::install(&program)
        });
    }
    let shared = &Shared::default();
    // A tracer is a thread, and waits for all children of its own: it must have no others.
    let mut traced = std::thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        scope.spawn(move || shared.watch(&ended));
        let tracer = scope.spawn(move || {
            let _done = done;
            Tracer::new(kill_at, shared).follow(command)
        });
        tracer.join().unwrap_or_else(|_| Err(io::Error::other("the tracer panicked")))
    })?;
    for (file, text) in [(&mut stdout, &mut traced.stdout), (&mut stderr, &mut traced.stderr)] {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        *text = String::from_utf8_lossy(&bytes).into_owned();
    }
    Ok(traced)
}

fn memory_file() -> io::Result<File> {
    Ok(memfd_create("output", MemfdFlags::CLOEXEC)?.into())
}

/// What the tracer and its watch both know.
#[derive(Default)]
struct Shared {
    /// All processes and threads that have not been waited for.
    live: Mutex<BTreeSet<libc::pid_t>>,
    hung: AtomicBool,
}

impl Shared {
    /// Returns when the tracer has, and ends the command if that takes too long.
    fn watch(&self, ended: &mpsc::Receiver<()>) {
        if ended.recv_timeout(HUNG) == Err(mpsc::RecvTimeoutError::Timeout) {
            self.hung.store(true, Ordering::SeqCst);
            self.kill_all();
        }
    }

    fn kill_all(&self) {
        for &pid in &*self.live() {
            // SAFETY: takes no pointers. The tracer, which alone waits for them, takes ids out at once.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeSet<libc::pid_t>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Tracer<'a> {
    shared: &'a Shared,
    kill_at: usize,
    calls: Vec<Call>,
    /// The root has reached its exec, and so the options hold.
    started: bool,
    /// All are to die, those that come to light only now too.
    dying: bool,
    hidden: Option<&'static str>,
}

impl<'a> Tracer<'a> {
    fn new(kill_at: usize, shared: &'a Shared) -> Self {
        Self { shared, kill_at, calls: Vec::new(), started: false, dying: false, hidden: None }
    }

    fn follow(mut self, mut command: Command) -> io::Result<Traced> {
        // Its first stop, at its own exec, closes the pipe on which `spawn` waits.
        let root = while_nothing_is_written(|| command.spawn())?.id().cast_signed();
        self.shared.live().insert(root);
        let mut status = None;
        while let Some((pid, news)) = wait()? {
            self.dying |= self.shared.hung.load(Ordering::SeqCst);
            if !libc::WIFSTOPPED(news) {
                self.shared.live().remove(&pid);
                if pid == root {
                    status = Some(ExitStatus::from_raw(news));
                }
            } else if let Some(signal) = self.stopped(pid, news, root)? {
                resume(pid, signal)?;
            }
        }
        if self.shared.hung.load(Ordering::SeqCst) {
            return Err(io::Error::other(format!("it, or what it left, lived after {HUNG:?}")));
        }
        if let Some(name) = self.hidden {
            return Err(io::Error::other(format!("it called {name}: its changes can't be counted")));
        }
        let status = status.ok_or_else(|| io::Error::other("its end went unseen"))?;
        let hit = self.kill_at != 0 && self.calls.len() == self.kill_at;
        Ok(Traced { calls: self.calls, status, stdout: String::new(), stderr: String::new(), hit })
    }

    /// Looks at one that stopped: the signal to resume it with, or none if it is to die.
    fn stopped(&mut self, pid: libc::pid_t, news: libc::c_int, root: libc::pid_t) -> io::Result<Option<u64>> {
        let new = self.shared.live().insert(pid);
        let (signal, event) = (libc::WSTOPSIG(news), news >> 16);
        if event == libc::PTRACE_EVENT_SECCOMP && !self.dying {
            self.call(pid)?;
        }
        if self.dying {
            self.shared.kill_all();
            return Ok(None);
        }
        Ok(Some(match event {
            libc::PTRACE_EVENT_EXEC => {
                // A thread that calls exec goes on under its process's id; its own is heard of no more.
                let mut former: libc::c_ulong = 0;
                ptrace(libc::PTRACE_GETEVENTMSG, pid, 0, (&raw mut former) as u64)?;
                if former as libc::pid_t != pid {
                    self.shared.live().remove(&(former as libc::pid_t));
                }
                0
            }
            0 if pid == root && signal == libc::SIGTRAP && !self.started => {
                self.started = true;
                ptrace(libc::PTRACE_SETOPTIONS, pid, 0, OPTIONS as u64)?;
                0
            }
            // How a process or thread begins that is traced because its parent is.
            0 if new && signal == libc::SIGSTOP => 0,
            0 => signal as u64,
            _ => 0,
        }))
    }
    /// One is about to make a call of the table.
    fn call(&mut self, pid: libc::pid_t) -> io::Result<()> {
        let Some((index, args)) = arguments(pid)? else { return Ok(()) };
        let (known, process) = (&KNOWN[index], Stopped(pid));
        if !process.changes(known.when, &args) {
            return Ok(());
        }
        if known.when == When::Hidden {
            self.hidden = Some(known.name);
        }
        self.calls.push(Call { name: known.name, subject: process.subject(known.subject, &args) });
        self.dying = self.hidden.is_some() || self.calls.len() == self.kill_at;
        Ok(())
    }
}

/// The next end or stop of any of them; nothing when all have ended.
fn wait() -> io::Result<Option<(libc::pid_t, libc::c_int)>> {
    loop {
        let mut news = 0;
        // SAFETY: `news` is there for the kernel to write. Of this thread's children alone, since
        // those of other threads are theirs to wait for.
        let pid = unsafe { libc::waitpid(-1, &raw mut news, libc::__WALL | libc::__WNOTHREAD) };
        if pid > 0 {
            return Ok(Some((pid, news)));
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
            error if error.kind() == io::ErrorKind::Interrupted => (),
            error => return Err(error),
        }
    }
}

/// Where in the table the call is at which a process has stopped, and its arguments.
fn arguments(pid: libc::pid_t) -> io::Result<Option<(usize, [u64; 6])>> {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid, size_of_val(&info) as u64, info.as_mut_ptr() as u64)?;
    // SAFETY: all of it is integers, for which zeros are fine where the kernel wrote less.
    let info = unsafe { info.assume_init() };
    if info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
        // It was killed by somebody else in the meantime.
        return Ok(None);
    }
    // SAFETY: `op` says that this is the variant.
    let seccomp = unsafe { info.u.seccomp };
    Ok(Some((seccomp.ret_data as usize, seccomp.args)))
}

fn resume(pid: libc::pid_t, signal: u64) -> io::Result<()> {
    ptrace(libc::PTRACE_CONT, pid, 0, signal)
}

/// One request. That the process is gone is no error: who waits for it hears so.
fn ptrace(request: libc::c_uint, pid: libc::pid_t, address: u64, data: u64) -> io::Result<()> {
    // SAFETY: requests that write get the address of a live variable of the size they write.
    if unsafe { libc::ptrace(request, pid, address, data) } >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        error => Err(error),
    }
}
