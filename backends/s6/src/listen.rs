//! Being told by supervisors themselves: of what their service's processes do by the events that they
//! send, and of their own end by the kernel. Quicker than watching files, which costs 5 to 25 ms when it
//! ends, and it tells less: a change of what is wanted is no event. It says where to look again.

use std::os::fd::{AsFd, OwnedFd};

use anysvc_backend_api::Deadline;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{PidfdFlags, pidfd_open},
};

use crate::{event::EventFifo, state::Reader};

/// Of more services at once watching tells for less: each takes two descriptors, and the process may have
/// a thousand.
const FEW: usize = 16;

/// What is waited for, which says who can tell us of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// That the service's process starts or ends.
    Process,
    /// That supervisors end, that of the logger too.
    NoSupervisor,
    /// Anything that a status tells.
    Any,
}

/// Some services of a scandir, each known by an index.
#[derive(Debug)]
pub(crate) struct Listener {
    sources: Vec<Source>,
}

/// A supervisor that tells of a service.
#[derive(Debug)]
struct Source {
    index: usize,
    supervisor: OwnedFd,
    events: Option<EventFifo>,
}

impl Listener {
    /// Listens to some of these services. `None` where that can't tell all that is waited for.
    pub(crate) fn new(
        reader: &mut Reader<'_>,
        names: &[&str],
        open: &[usize],
        awaited: Awaited,
    ) -> Option<Listener> {
        if open.len() > FEW {
            return None;
        }
        let mut sources = Vec::with_capacity(2 * open.len());
        for &index in open {
            match awaited {
                Awaited::Process => sources.push(of_process(reader, index, names[index])?),
                Awaited::NoSupervisor => {
                    for name in [names[index], &format!("{}/log", names[index])] {
                        sources.extend(of_supervisor(reader, index, name)?);
                    }
                }
                Awaited::Any => return None,
            }
        }
        Some(Listener { sources })
    }

    /// Whether somebody still tells of each of these. The others are not listened to any more.
    pub(crate) fn reaches(&mut self, open: &[usize]) -> bool {
        self.sources.retain(|source| open.contains(&source.index));
        open.iter().all(|index| self.sources.iter().any(|source| source.index == *index))
    }

    /// Waits until something is told: which services to look at again. None when the time is over.
    pub(crate) fn heard(&mut self, deadline: Deadline) -> Vec<usize> {
        let timeout = deadline.remaining().and_then(|left| Timespec::try_from(left).ok());
        let supervisors = self.sources.iter().map(|source| source.supervisor.as_fd());
        let events = self.sources.iter().filter_map(|source| source.events.as_ref().map(AsFd::as_fd));
        let all = supervisors.chain(events);
        let mut all: Vec<PollFd<'_>> = all.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let polled = poll(&mut all, timeout.as_ref());
        let told: Vec<bool> = all.iter().map(|fd| !fd.revents().is_empty()).collect();
        if polled.is_err() {
            self.sources.clear();
        }
        let (mut told, mut heard) = (told.into_iter(), Vec::new());
        self.sources.retain(|source| {
            let ended = told.next() == Some(true);
            if ended || source.events.as_ref().is_some_and(EventFifo::drain) {
                heard.push(source.index);
            }
            !ended
        });
        heard
    }
}

fn of_process(reader: &mut Reader<'_>, index: usize, name: &str) -> Option<Source> {
    let scandir = reader.scandir();
    let before = scandir.identity(name).ok()?;
    let events = EventFifo::new(scandir.fd(), name)
        .inspect_err(|error| log::debug!("cannot listen to the events of {name}: {error}"))
        .ok()?;
    let supervisor = supervisor(reader, name)?;
    // The events of one service, and the supervisor of another that took its place, would tell nothing.
    let same = scandir.identity(name).ok()? == before;
    same.then_some(Source { index, supervisor, events: Some(events) })
}

/// A supervisor that is gone already tells nothing more.
fn of_supervisor(reader: &mut Reader<'_>, index: usize, name: &str) -> Option<Option<Source>> {
    match supervisor(reader, name) {
        Some(supervisor) => Some(Some(Source { index, supervisor, events: None })),
        None => (reader.supervised(name) == Some(false)).then_some(None),
    }
}

/// A supervisor's process: readable when that has ended.
fn supervisor(reader: &mut Reader<'_>, name: &str) -> Option<OwnedFd> {
    let pid = reader.supervisor(name)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    // The number may have been given to another process before we had that.
    (reader.supervisor(name) == Some(pid)).then_some(process)
}
