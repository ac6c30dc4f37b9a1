//! Processes on Unix. Every process is our child: its number stays its own until we have asked how it
//! ended, which we do only after its group was killed. One descriptor tells when something happened.
//!
//! It is built for Linux today. What is Linux's alone is in `poll` (epoll), `reap` (descriptors of
//! processes), `notify` (credentials of a sender), `process` (/proc) and the rights of a thread in
//! `account`: that is what another Unix needs a counterpart for.

mod account;
mod child;
mod fork;
mod notify;
mod poll;
mod process;
mod reap;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Instant, SystemTime},
};

use anysvc_backend_api::{Error, Result, Signal};
use rustix::process::{Pid, Resource, getrlimit, setrlimit};

use self::{
    fork::Common,
    poll::{Kind, Poller},
};
use super::{Account, Fault, Identity, Launch, Notify, Occurrence, Os, Run};
use crate::engine::{machine::Moment, policy::Ending};

/// Processes on Unix: one descriptor that is readable when something happened.
#[derive(Debug)]
pub struct Unix {
    poller: Poller,
    null: OwnedFd,
    /// The limit of open files that services get.
    nofile: Option<libc::rlimit>,
    processes: HashMap<Run, Process>,
    outputs: HashMap<Run, File>,
    /// Whose main process it is.
    pids: HashMap<u32, Run>,
    socket: Option<notify::Socket>,
    /// Where there are no descriptors of processes, a signal says that a child ended.
    children: Option<reap::Children>,
}

#[derive(Debug)]
struct Process {
    identity: Identity,
    /// Readable when it ended.
    pidfd: Option<OwnedFd>,
    /// Until it executes its program; with what a report of failure is explained by.
    start: Option<Box<(OwnedFd, Launch)>>,
    notify: Option<OwnedFd>,
    fault: Option<Fault>,
    ours: bool,
    ended: bool,
}

/// When a process started, in clock ticks since the machine did.
pub(crate) fn started(pid: u32) -> Option<u64> {
    process::stat(pid).map(|stat| stat.started)
}

impl Unix {
    /// Ready to launch. Raises this process's limit of open files to what it may have, and makes sure
    /// that its standard streams are open, if only to nowhere.
    ///
    /// # Errors
    /// When the descriptors that it needs can't be had.
    pub fn new() -> Result<Unix> {
        Unix::prepare(true).map_err(|error| Error::io("open", "/dev/null", &error))
    }

    fn prepare(pidfds: bool) -> io::Result<Unix> {
        let null = above_the_streams()?;
        reap::remember_children();
        let poller = Poller::new()?;
        let children = if pidfds && reap::pidfds_work() { None } else { Some(reap::Children::new(&poller)?) };
        Ok(Unix {
            poller,
            null,
            nofile: raise_nofile(),
            processes: HashMap::new(),
            outputs: HashMap::new(),
            pids: HashMap::new(),
            socket: None,
            children,
        })
    }

    /// One that does without descriptors of processes, as on an old kernel.
    #[cfg(test)]
    pub(crate) fn without_pidfds() -> io::Result<Unix> {
        Unix::prepare(false)
    }

    fn notify_address(&mut self) -> Result<Vec<u8>, Fault> {
        if self.socket.is_none() {
            let open = || {
                let socket = notify::Socket::open()?;
                self.poller.add(&socket, Run(0), Kind::Socket)?;
                Ok::<_, rustix::io::Errno>(socket)
            };
            let fault = |errno: rustix::io::Errno| Fault {
                what: "open a socket for sd-notify".to_owned(),
                errno: errno.raw_os_error(),
            };
            self.socket = Some(open().map_err(fault)?);
        }
        Ok(self.socket.as_ref().map(|socket| socket.address().to_vec()).unwrap_or_default())
    }

    fn hear(&mut self, occurrences: &mut Vec<Occurrence>) {
        let Some(socket) = &self.socket else { return };
        // A sender may be any local process: so many a turn, and only those of our services count.
        for (sender, message) in std::iter::from_fn(|| socket.receive()).take(64) {
            let group = || process::stat(sender).map(|stat| stat.group);
            let run = self.pids.get(&sender).or_else(|| self.pids.get(&group()?));
            let Some(&run) = run.filter(|run| !self.processes.get(run).is_none_or(|p| p.ended)) else {
                log::debug!("process {sender} is none of ours, and said something to the notify socket");
                continue;
            };
            occurrences.extend(message.status.map(|status| Occurrence::Says(run, status)));
            if message.ready {
                occurrences.push(Occurrence::Ready(run));
            }
        }
    }

    /// The process may have executed its program, or say why not.
    fn started(&mut self, run: Run, occurrences: &mut Vec<Occurrence>) {
        let Some(process) = self.processes.get_mut(&run) else { return };
        let Some(start) = &process.start else { return };
        let mut report = child::Report::default();
        match reap::read_report(&start.0, &mut report) {
            Ok(true) => process.fault = Some(fork::explain(report, &start.1)),
            Ok(false) => occurrences.push(Occurrence::Executed(run)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return,
            Err(_) => {}
        }
        self.poller.close(process.start.take().map(|start| start.0));
    }

    fn told(&mut self, run: Run, occurrences: &mut Vec<Occurrence>) {
        let Some(process) = self.processes.get_mut(&run) else { return };
        let Some(notify) = &process.notify else { return };
        let mut text = [0u8; 256];
        match rustix::io::read(notify, &mut text) {
            Ok(0) => {}
            Ok(length) if text.iter().take(length).any(|b| *b == b'\n') => {
                occurrences.push(Occurrence::Ready(run));
            }
            _ => return,
        }
        self.poller.close(process.notify.take());
    }

    /// Asks how a process ended, if it did; its group is killed first, while its number is still its own.
    fn ended(&mut self, run: Run, occurrences: &mut Vec<Occurrence>) {
        self.started(run, occurrences);
        let Some(process) = self.processes.get_mut(&run).filter(|process| !process.ended) else { return };
        let Identity { pid, started, uid } = process.identity;
        let ending = if process.ours {
            match reap::has_ended(pid) {
                Some(false) => return,
                Some(true) => {
                    process::kill_group(pid);
                    reap::reap(pid)
                }
                None => {
                    process::kill_remains(pid, started.unwrap_or(u64::MAX), uid);
                    Ending::Unknown
                }
            }
        } else {
            process::kill_remains(pid, started.unwrap_or(u64::MAX), uid);
            Ending::Unknown
        };
        process.ended = true;
        self.poller.close(process.pidfd.take());
        self.poller.close(process.notify.take());
        self.pids.remove(&pid);
        occurrences.push(match process.fault.take() {
            Some(fault) => Occurrence::Refused(run, fault),
            None => Occurrence::Ended(run, ending),
        });
    }

    fn watch(&self, run: Run, pid: u32) -> rustix::io::Result<Option<OwnedFd>> {
        let pidfd = reap::open(pid, self.children.is_none())?;
        if let Some(pidfd) = &pidfd {
            self.poller.add(pidfd, run, Kind::Process)?;
        }
        Ok(pidfd)
    }
}

impl Os for Unix {
    fn now(&self) -> Moment {
        Moment { mono: Instant::now(), wall: SystemTime::now() }
    }

    fn launch(&mut self, run: Run, launch: &Launch) -> Result<Identity, Fault> {
        let address = matches!(launch.notify, Notify::Socket).then(|| self.notify_address()).transpose()?;
        let common = Common { null: &self.null, nofile: self.nofile, notify_socket: address.as_deref() };
        let forked = fork::fork(launch, &common)?;
        let uid = launch.account.as_ref().map_or(rustix::process::geteuid().as_raw(), |a| a.uid);
        let started = process::stat(forked.pid).map(|stat| stat.started);
        let identity = Identity { pid: forked.pid, started, uid };
        let watch = || {
            self.poller.add(&forked.control, run, Kind::Start)?;
            if let Some(output) = &forked.output {
                self.poller.add(output, run, Kind::Output)?;
            }
            if let Some(notify) = &forked.notify {
                self.poller.add(notify, run, Kind::Notify)?;
            }
            self.watch(run, forked.pid)
        };
        let pidfd = watch().map_err(|errno| {
            process::kill_group(forked.pid);
            reap::reap(forked.pid);
            let what = format!("watch the process of `{}`", fork::program(launch));
            Fault { what, errno: errno.raw_os_error() }
        })?;
        let start = Some(Box::new((forked.control, launch.clone())));
        let process =
            Process { identity, pidfd, start, notify: forked.notify, fault: None, ours: true, ended: false };
        self.pids.insert(identity.pid, run);
        self.processes.insert(run, process);
        self.outputs.extend(forked.output.map(|fd| (run, File::from(fd))));
        Ok(identity)
    }

    fn release(&mut self, run: Run) {
        if let Some(start) = self.processes.get(&run).and_then(|process| process.start.as_ref()) {
            // If it can't be told, it is dead already, which is seen as such.
            let _dead = rustix::io::write(&start.0, b"g");
        }
    }

    fn adopt(&mut self, run: Run, identity: &Identity) -> bool {
        let Identity { pid, started: Some(started), uid } = *identity else { return false };
        let same = || process::stat(pid).is_some_and(|s| s.started == started && s.state != b'Z');
        let watched = same().then(|| self.watch(run, pid));
        if !same() {
            process::kill_remains(pid, started, uid);
            return false;
        }
        let Some(Ok(Some(pidfd))) = watched else {
            // It can't be watched (an old kernel): it is ended at once.
            process::kill_group(pid);
            reap::wait_until(|| !same());
            return false;
        };
        let (pidfd, identity) = (Some(pidfd), *identity);
        let process =
            Process { identity, pidfd, start: None, notify: None, fault: None, ours: false, ended: false };
        self.processes.insert(run, process);
        true
    }

    fn signal(&mut self, run: Run, signal: Signal) -> io::Result<()> {
        let process = self.processes.get(&run).filter(|process| !process.ended);
        let process = process.ok_or(io::ErrorKind::NotFound)?;
        let number = signal.number();
        let pidfd = process.pidfd.as_ref().filter(|_| !process.ours);
        match (pidfd, process::pid(process.identity.pid)) {
            (Some(pidfd), _) => reap::signal(pidfd, number),
            (None, Some(pid)) => {
                // SAFETY: numbers only. It is our child and was not asked how it ended: the number is its.
                match unsafe { libc::kill(Pid::as_raw(Some(pid)), number) } {
                    0 => Ok(()),
                    _ => Err(io::Error::last_os_error()),
                }
            }
            (None, None) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn kill_group(&mut self, run: Run) {
        let process = self.processes.get(&run).filter(|process| !process.ended);
        let Some(Process { identity: Identity { pid, started, uid }, ours, .. }) = process else { return };
        // The number of a process that is not our child is its own only while it lives.
        if *ours || process::stat(*pid).map(|stat| stat.started) == *started {
            process::kill_group(*pid);
        } else {
            process::kill_remains(*pid, started.unwrap_or(u64::MAX), *uid);
        }
    }

    fn group_left(&mut self, run: Run, closely: bool) -> bool {
        let Some(process) = self.processes.get(&run) else { return false };
        let group = process.identity.pid;
        process::group_exists(group) && (!closely || !process::members(group).is_empty())
    }

    fn read(&mut self, run: Run, buffer: &mut [u8]) -> io::Result<usize> {
        self.outputs.get_mut(&run).map_or(Ok(0), |output| output.read(buffer))
    }

    fn close_output(&mut self, run: Run) {
        self.poller.close(self.outputs.remove(&run));
    }

    fn forget(&mut self, run: Run) {
        if let Some(process) = self.processes.remove(&run) {
            self.poller.close(process.pidfd);
            self.poller.close(process.notify);
            self.poller.close(process.start.map(|start| start.0));
        }
    }

    fn poll(&mut self, occurrences: &mut Vec<Occurrence>) -> io::Result<()> {
        let mut ready = Vec::new();
        self.poller.poll(&mut ready)?;
        for (run, kind) in ready {
            match kind {
                Kind::Process => self.ended(run, occurrences),
                Kind::Start => self.started(run, occurrences),
                Kind::Output => occurrences.push(Occurrence::Output(run)),
                Kind::Notify => self.told(run, occurrences),
                Kind::Socket => self.hear(occurrences),
                Kind::Children => {
                    self.children.as_ref().map(reap::Children::drain);
                    let all: Vec<Run> = self.processes.keys().copied().collect();
                    all.into_iter().for_each(|run| self.ended(run, occurrences));
                }
            }
        }
        Ok(())
    }

    fn as_account(
        &mut self,
        account: Option<&Account>,
        act: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        account::acting(account, act)
    }

    fn account(&self, user: Option<&str>, group: Option<&str>) -> Result<Option<Account>, Fault> {
        account::find(user, group)
    }
}

impl AsFd for Unix {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

/// Opens /dev/null until it is above the numbers of the standard streams, so that no descriptor of ours
/// ever has one of those: a child would overwrite it.
fn above_the_streams() -> io::Result<OwnedFd> {
    use std::os::fd::{AsRawFd as _, IntoRawFd as _};
    loop {
        let null: OwnedFd = File::options().read(true).write(true).open("/dev/null")?.into();
        if null.as_raw_fd() > 2 {
            return Ok(null);
        }
        // Stays open: the number is taken from now on.
        let _ = null.into_raw_fd();
    }
}

/// Raises the soft limit of open files to the hard one; gives the limits as they were.
fn raise_nofile() -> Option<libc::rlimit> {
    let before = getrlimit(Resource::Nofile);
    let mut raised = before;
    raised.current = before.maximum;
    setrlimit(Resource::Nofile, raised).ok()?;
    let number = |limit: Option<u64>| limit.map_or(libc::RLIM_INFINITY, |limit| limit as libc::rlim_t);
    Some(libc::rlimit { rlim_cur: number(before.current), rlim_max: number(before.maximum) })
}
