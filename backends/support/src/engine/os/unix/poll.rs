//! One descriptor that is readable when any of many is: epoll. Knows whose they are by number only.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::event::{
    Timespec,
    epoll::{self, CreateFlags, EventData, EventFlags},
};

use super::super::Run;

/// What a descriptor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A process that may have ended.
    Process,
    /// A process that may have executed its program.
    Start,
    /// Its output.
    Output,
    /// What it says of being ready.
    Notify,
    /// The socket that all say it to.
    Socket,
    /// Some child may have ended.
    Children,
}

const KINDS: [Kind; 6] =
    [Kind::Process, Kind::Start, Kind::Output, Kind::Notify, Kind::Socket, Kind::Children];

#[derive(Debug)]
pub(super) struct Poller(OwnedFd);

impl Poller {
    pub(super) fn new() -> io::Result<Poller> {
        Ok(Poller(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Watches a descriptor until it is closed by [`close`](Poller::close).
    pub(super) fn add(&self, fd: impl AsFd, run: Run, kind: Kind) -> rustix::io::Result<()> {
        let data = EventData::new_u64(run.0 << 3 | kind as u64);
        epoll::add(&self.0, fd, data, EventFlags::IN)
    }

    /// Closes what is watched. Closing alone is not enough: a process that was just forked may hold a copy
    /// for a moment, and the poll would go on telling of it.
    pub(super) fn close(&self, fd: Option<impl AsFd>) {
        if let Some(fd) = fd {
            let _unwatched = epoll::delete(&self.0, &fd);
        }
    }

    /// What is readable now. What does not fit comes with the next call.
    pub(super) fn poll(&self, ready: &mut Vec<(Run, Kind)>) -> io::Result<()> {
        let mut space = [MaybeUninit::<epoll::Event>::uninit(); 256];
        let (events, _) = match epoll::wait(&self.0, &mut space, Some(&Timespec::default())) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            other => other?,
        };
        for event in events {
            let data = event.data.u64();
            ready.extend(KINDS.get((data & 7) as usize).map(|kind| (Run(data >> 3), *kind)));
        }
        Ok(())
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
