//! Processes on Unix.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anysvc_backend_api::{Error, Result};

/// Processes on Unix: one descriptor that is readable when something happened.
#[derive(Debug)]
pub struct Unix {
    poll: OwnedFd,
}

impl Unix {
    /// Ready to launch. Raises this process's limit of open files to what it may have.
    ///
    /// # Errors
    /// When the descriptors that it needs can't be had.
    pub fn new() -> Result<Unix> {
        Err(Error::unsupported("to be written"))
    }
}

impl super::Os for Unix {}

impl AsFd for Unix {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poll.as_fd()
    }
}
