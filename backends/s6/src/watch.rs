//! Being told when something about services changes: inotify on their `supervise` folders and on the
//! scandir. It says where to look again, never what there is to see: a change may be told twice, late
//! or for nothing, but none is missed once a service is added.

use std::{
    collections::HashMap,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use anysvc_backend_api::{Deadline, Error, Result};
use anysvc_backend_support::socket;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init},
    io::Errno,
};

use crate::scandir::Scandir;

/// How often we look where we can't be told. 128 inotify instances for each user is a usual limit, and
/// a `supervise` folder that others may only pass through (s6-svperms -g) can't be watched by them.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a supervisor does shows as `status` renamed into place; that it comes and goes, as its files
/// being closed by its end or created.
const SUPERVISE: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::ONLYDIR);
/// The end of a restart delay shows in `data` alone, as a file that is removed.
const DATA: WatchFlags = WatchFlags::DELETE.union(WatchFlags::ONLYDIR);
/// Service directories that come and go.
const SCANDIR: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR);

/// Some services of a scandir under watch, each known by an index.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    scandir: &'a Scandir,
    /// `None`: look now and then instead.
    inotify: Option<OwnedFd>,
    scandir_watch: i32,
    by_watch: HashMap<i32, Folder>,
    /// The services, by the order of adding, and by name.
    services: Vec<Service<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
}

/// A service under watch.
#[derive(Clone, Copy, Debug)]
struct Service<'a> {
    index: usize,
    name: &'a str,
    logger: bool,
}

/// A folder under watch.
#[derive(Debug, Default)]
struct Folder {
    /// Whose it is, by the order of adding.
    services: Vec<usize>,
    /// It stands for a `supervise` in it that is not there yet.
    early: bool,
}

/// What a wait brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Look at these again.
    These(Vec<usize>),
    /// Look at all of them again.
    All,
    /// Nothing until the deadline.
    Nothing,
}

impl<'a> Watch<'a> {
    /// Watches a scandir, and no service yet.
    pub(crate) fn new(scandir: &'a Scandir) -> Watch<'a> {
        let mut watch = Watch {
            scandir,
            inotify: init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok(),
            scandir_watch: -1,
            by_watch: HashMap::new(),
            services: Vec::new(),
            by_name: HashMap::new(),
        };
        if let Some(wd) = watch.try_add(".", SCANDIR) {
            watch.scandir_watch = wd;
        }
        watch
    }

    /// Adds a service, and its logger too where that matters. What happened before is not told: look at
    /// it afterwards.
    pub(crate) fn add(&mut self, index: usize, name: &'a str, logger: bool) {
        self.services.push(Service { index, name, logger });
        self.by_name.entry(name).or_default().push(self.services.len() - 1);
        self.add_folders(self.services.len() - 1);
    }

    fn add_folders(&mut self, at: usize) {
        let Service { name, logger, .. } = self.services[at];
        // Who waits for a logger too waits for supervisors, and not for the end of a delay.
        if !logger && let Some(wd) = self.try_add_data(name) {
            self.watched_by(wd, at, false);
        }
        for below in ["", "/log"].into_iter().take(1 + usize::from(logger)) {
            let supervise = self.try_add(&format!("{name}{below}/supervise"), SUPERVISE);
            // Before the first supervisor there may be no such folder; its making shows in the one above.
            let early = supervise.is_none();
            let wd = supervise.or_else(|| self.try_add(&format!("{name}{below}"), SUPERVISE));
            if let Some(wd) = wd {
                self.watched_by(wd, at, early);
            }
        }
    }

    fn watched_by(&mut self, wd: i32, at: usize, early: bool) {
        let folder = self.by_watch.entry(wd).or_default();
        folder.early = early;
        if !folder.services.contains(&at) {
            folder.services.push(at);
        }
    }

    /// Of others' services it tells nothing, so that one which is closed to us is no loss.
    fn try_add_data(&mut self, name: &str) -> Option<i32> {
        let path = self.scandir.path().join(name).join("data");
        match add_watch(self.inotify.as_ref()?, path, DATA) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => None,
            Err(_) => {
                self.inotify = None;
                None
            }
            Ok(wd) => Some(wd),
        }
    }

    /// `None` where there is nothing to watch, or no watching any more.
    fn try_add(&mut self, below: &str, mask: WatchFlags) -> Option<i32> {
        let path = self.scandir.path().join(below);
        match add_watch(self.inotify.as_ref()?, &path, mask) {
            Ok(wd) => Some(wd),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            Err(error) => {
                log::debug!("cannot watch {}: {error}; looking now and then instead", path.display());
                self.inotify = None;
                None
            }
        }
    }

    /// Waits for a change since the last one that was told.
    ///
    /// # Errors
    /// When the descriptor can't be read.
    pub(crate) fn changed(&mut self, deadline: Deadline) -> Result<Changed> {
        let Some(inotify) = &self.inotify else { return Ok(look_later(deadline)) };
        let failed = |error: Errno| Error::io("watch", self.scandir.path(), &error.into());
        let timeout = deadline.remaining().and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::from_borrowed_fd(inotify.as_fd(), PollFlags::IN)], timeout.as_ref()) {
            Ok(0) => return Ok(Changed::Nothing),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
        let (mut touched, mut renewed) = (Vec::new(), Vec::new());
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut events = Reader::new(inotify, &mut buffer);
        loop {
            match events.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => return Ok(Changed::All),
                Ok(event) if event.wd() == self.scandir_watch => {
                    // Another folder of that name is another thing to watch.
                    let name = event.file_name().and_then(|name| name.to_str().ok());
                    renewed.extend(name.and_then(|name| self.by_name.get(name)).into_iter().flatten());
                }
                Ok(event) => match self.by_watch.get(&event.wd()) {
                    Some(folder) if folder.early => renewed.extend(&folder.services),
                    Some(folder) => touched.extend(&folder.services),
                    None => {}
                },
                Err(Errno::WOULDBLOCK) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        renewed.sort_unstable();
        renewed.dedup();
        for &at in &renewed {
            self.add_folders(at);
        }
        touched.append(&mut renewed);
        let mut indices: Vec<usize> = touched.into_iter().map(|at| self.services[at].index).collect();
        indices.sort_unstable();
        indices.dedup();
        Ok(Changed::These(indices))
    }
}

fn look_later(deadline: Deadline) -> Changed {
    let left = deadline.remaining().unwrap_or(LOOK_EVERY);
    if left.is_zero() {
        return Changed::Nothing;
    }
    socket::pause(left.min(LOOK_EVERY));
    Changed::All
}
