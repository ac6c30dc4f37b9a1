//! Waiting until something in some folders changes, or somebody cancels, without polling. Knows nothing
//! of what the folders hold.

use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use anysvc_backend_api::{Deadline, Error, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init},
    io::Errno,
};

use crate::cancel::Cancel;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something may have changed.
    Changed,
    /// The canceller was used, now or before.
    Cancelled,
    /// The deadline passed.
    TimedOut,
}

/// A folder under watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch(i32);

/// Some folders under watch.
#[derive(Debug)]
pub struct Watcher {
    /// Made with the first watch: a user may have few of them (128).
    inotify: Option<OwnedFd>,
    cancel: Cancel,
}

impl Watcher {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new() -> Result<Watcher> {
        let failed = |cause: Errno| Error::io("watch", "inotify", &cause.into());
        Ok(Watcher { inotify: None, cancel: Cancel::new().map_err(failed)? })
    }

    /// Watches a folder for entries that are written, come, go or are renamed, and for its own removal.
    /// A folder that is watched already gives the same answer again.
    ///
    /// # Errors
    /// When it can't be watched, or the system's limits are reached.
    pub fn add(&mut self, folder: &Path) -> std::io::Result<Watch> {
        let mask = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let inotify = match self.inotify.take() {
            Some(inotify) => inotify,
            None => init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?,
        };
        let inotify = self.inotify.insert(inotify);
        Ok(Watch(add_watch(inotify, folder, mask)?))
    }

    /// Waits for a change since the last wait (or since a folder was added).
    ///
    /// # Errors
    /// When the descriptors can't be read.
    pub fn wait(&self, deadline: Deadline) -> Result<Woken> {
        let failed = |cause: Errno| Error::io("watch", "inotify", &cause.into());
        loop {
            let timeout = deadline.remaining().and_then(|left| Timespec::try_from(left).ok());
            let mut fds = vec![PollFd::from_borrowed_fd(self.cancel.as_fd(), PollFlags::IN)];
            if let Some(inotify) = &self.inotify {
                fds.push(PollFd::from_borrowed_fd(inotify.as_fd(), PollFlags::IN));
            }
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Ok(Woken::TimedOut),
                // Never read: it stays cancelled.
                Ok(_) if !fds[0].revents().is_empty() => return Ok(Woken::Cancelled),
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(cause) => return Err(failed(cause)),
            }
        }
        let Some(inotify) = &self.inotify else { return Ok(Woken::Changed) };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(inotify, &mut buffer);
        loop {
            match events.next() {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(Woken::Changed),
                Err(cause) => return Err(failed(cause)),
            }
        }
    }

    /// Whether the canceller was used.
    pub fn cancelled(&self) -> bool {
        self.cancel.cancelled()
    }

    /// A function that ends a wait under way, and every later one, from any thread.
    pub fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        self.cancel.canceller()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, thread, time::Duration};

    #[test]
    fn a_change_wakes_once_and_cancelling_for_good() {
        let folder = std::env::temp_dir().join(format!("anysvc-inotify-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let mut watcher = Watcher::new().unwrap();
        watcher.add(&folder).unwrap();
        let soon = || Deadline::after(Duration::from_millis(20));
        assert_eq!(watcher.wait(soon()), Ok(Woken::TimedOut));
        fs::write(folder.join("a"), "x").unwrap();
        assert_eq!(watcher.wait(Deadline::NONE), Ok(Woken::Changed));
        assert_eq!(watcher.wait(soon()), Ok(Woken::TimedOut));
        let cancel = watcher.canceller();
        let helper = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            cancel();
        });
        assert_eq!(watcher.wait(Deadline::NONE), Ok(Woken::Cancelled));
        assert_eq!(watcher.wait(Deadline::NONE), Ok(Woken::Cancelled));
        assert!(watcher.cancelled());
        helper.join().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
