//! Unix sockets that are connected, read and written until a deadline, and the wait for any descriptor, or for
//! none. It must not know what is said.

use std::{
    io::{Error, ErrorKind, Result as IoResult},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use anysvc_backend_api::Deadline;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, recv, send, sockopt,
    },
    path::Arg,
};

/// Connects to the socket at a path.
///
/// # Errors
/// As connect(2)'s; `EAGAIN` when whoever listens there takes no callers until the deadline.
pub fn connect(path: impl Arg, deadline: Deadline) -> Result<OwnedFd, Errno> {
    let address = SocketAddrUnix::new(path)?;
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // One that is stopped has its queue of callers full some time: connect(2) waits then. No time at all
    // is not a time for the kernel.
    let left = deadline.remaining().map(|left| left.max(Duration::from_millis(1)));
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, left)?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}

/// Reads exactly so many bytes.
///
/// # Errors
/// `TimedOut` at the deadline; `UnexpectedEof` when the other side is gone.
pub fn read(socket: &OwnedFd, buffer: &mut [u8], deadline: Deadline) -> IoResult<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match recv(socket, &mut buffer[filled..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok((count, _)) => filled += count,
            Err(Errno::INTR) => (),
            Err(Errno::WOULDBLOCK) => drop(ready(socket, PollFlags::IN, deadline)?),
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
pub fn write(socket: &OwnedFd, mut bytes: &[u8], deadline: Deadline) -> IoResult<()> {
    while !bytes.is_empty() {
        match send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => (),
            Err(Errno::WOULDBLOCK) => drop(ready(socket, PollFlags::OUT, deadline)?),
            Err(Errno::PIPE | Errno::CONNRESET) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits so long, where nothing tells of what is waited for: a poll of nothing is a timer. A signal may cut it
/// short.
pub fn pause(time: Duration) {
    let _ = poll(&mut [], Timespec::try_from(time).ok().as_ref());
}

/// Waits until a descriptor is ready for one of these, and says for which.
///
/// # Errors
/// `TimedOut`.
pub fn ready(fd: impl AsFd, what: PollFlags, deadline: Deadline) -> IoResult<PollFlags> {
    loop {
        let left = deadline.remaining().map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), what)];
        match poll(&mut fds, left.as_ref()) {
            Ok(0) if deadline.passed() => return Err(Error::from(ErrorKind::TimedOut)),
            Ok(0) | Err(Errno::INTR) => (),
            Ok(_) => return Ok(fds[0].revents()),
            Err(error) => return Err(error.into()),
        }
    }
}
