//! Ending a wait from another thread, once and for good. Knows nothing of what is waited for.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};

/// Can be polled beside what is waited for: it is readable once it was used. Nobody reads it, so that it
/// stays cancelled.
#[derive(Debug)]
pub struct Cancel(Arc<OwnedFd>);

impl Cancel {
    /// Not used yet.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new() -> Result<Cancel, Errno> {
        Ok(Cancel(Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?)))
    }

    /// Whether it was used.
    pub fn cancelled(&self) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.as_fd(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// A function that ends a wait under way, and every later one, from any thread.
    pub fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let cancel = Arc::clone(&self.0);
        Box::new(move || {
            // It can only fail when it was used 2^64 times.
            let _ = rustix::io::write(&*cancel, &1u64.to_ne_bytes());
        })
    }
}

impl AsFd for Cancel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        (*self.0).as_fd()
    }
}
