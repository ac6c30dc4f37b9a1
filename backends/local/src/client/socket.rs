//! A connected socket that is read and written until a deadline. It must not know what is said.

use std::{
    io::{Error, ErrorKind, Result},
    os::fd::{AsFd as _, OwnedFd},
};

use anysvc_backend_api::Deadline;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};

/// Reads exactly so many bytes.
///
/// # Errors
/// `TimedOut` at the deadline; `UnexpectedEof` when the other side is gone.
pub fn read(socket: &OwnedFd, buffer: &mut [u8], deadline: Deadline) -> Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match recv(socket, &mut buffer[filled..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok((count, _)) => filled += count,
            Err(Errno::INTR) => (),
            Err(Errno::WOULDBLOCK) => ready(socket, PollFlags::IN, deadline)?,
            Err(Errno::CONNRESET) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Writes all of it.
///
/// # Errors
/// As [`read`].
pub fn write(socket: &OwnedFd, mut bytes: &[u8], deadline: Deadline) -> Result<()> {
    while !bytes.is_empty() {
        match send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => (),
            Err(Errno::WOULDBLOCK) => ready(socket, PollFlags::OUT, deadline)?,
            Err(Errno::PIPE | Errno::CONNRESET) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until a descriptor is ready.
///
/// # Errors
/// `TimedOut`.
pub fn ready(fd: &OwnedFd, what: PollFlags, deadline: Deadline) -> Result<()> {
    loop {
        let left = deadline.remaining().map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut [PollFd::from_borrowed_fd(fd.as_fd(), what)], left.as_ref()) {
            Ok(0) if deadline.passed() => return Err(Error::from(ErrorKind::TimedOut)),
            Ok(0) | Err(Errno::INTR) => (),
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
