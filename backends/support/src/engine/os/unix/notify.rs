//! The socket of sd_notify(3): one for all services. Who sent a message is what the kernel says of it,
//! never what the message says.

use std::{
    io::IoSliceMut,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketAddrUnix, SocketFlags,
        SocketType, bind, getsockname, recvmsg, socket_with, sockopt::set_socket_passcred,
    },
};

/// The socket, and its address as services are told it.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    address: Vec<u8>,
}

/// What a message says that we heed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) ready: bool,
    pub(super) status: Option<String>,
}

impl Socket {
    /// A socket under a name that the kernel chooses, in no file system: services under any account reach
    /// it, and nothing is left of it.
    pub(super) fn open() -> io::Result<Socket> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        set_socket_passcred(&fd, true)?;
        // An address without a name has one chosen for it (unix(7), autobind).
        bind(&fd, &SocketAddrUnix::new_unnamed())?;
        let address = SocketAddrUnix::try_from(getsockname(&fd)?)?;
        let name = address.abstract_name().ok_or(io::Errno::AFNOSUPPORT)?;
        let address = [b"@", name].concat();
        Ok(Socket { fd, address })
    }

    pub(super) fn address(&self) -> &[u8] {
        &self.address
    }

    /// The next message and the process that sent it; `None` when there is none now.
    pub(super) fn receive(&self) -> Option<(u32, Message)> {
        let mut text = [0u8; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1), ScmRights(8))];
        loop {
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::CMSG_CLOEXEC;
            let received = recvmsg(&self.fd, &mut [IoSliceMut::new(&mut text)], &mut ancillary, flags);
            let length = match received {
                Ok(received) => received.bytes,
                Err(io::Errno::INTR) => continue,
                Err(_) => return None,
            };
            // Descriptors that came along are closed here. A sender that waits for that
            // (sd_notify_barrier) may go on then.
            let sender = ancillary.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmCredentials(who) => Some(who.pid.as_raw_nonzero().get()),
                _ => None,
            });
            if let Some(sender) = sender.and_then(|pid| u32::try_from(pid).ok()) {
                return Some((sender, parse(text.get(..length).unwrap_or_default())));
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn parse(text: &[u8]) -> Message {
    let mut message = Message::default();
    for line in text.split(|b| *b == b'\n') {
        if line == b"READY=1" {
            message.ready = true;
        } else if let Some(status) = line.strip_prefix(b"STATUS=") {
            message.status = Some(String::from_utf8_lossy(status).into_owned());
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_heeded() {
        let message = parse(b"MAINPID=1\nSTATUS=half way\nREADY=1\nFDSTORE=1");
        assert_eq!(message, Message { ready: true, status: Some("half way".to_owned()) });
        assert_eq!(parse(b"READY=0\nREADY=12\nXREADY=1"), Message::default());
        assert_eq!(parse(b"\xff\n\n="), Message::default());
    }

    #[test]
    fn a_message_brings_its_sender() {
        let socket = Socket::open().unwrap();
        assert_eq!(socket.receive(), None);
        let flags = SocketFlags::CLOEXEC;
        let client = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap();
        let name = socket.address().strip_prefix(b"@").unwrap();
        let address = SocketAddrUnix::new_abstract_name(name).unwrap();
        rustix::net::sendto(&client, b"READY=1", rustix::net::SendFlags::empty(), &address).unwrap();
        let expected = Message { ready: true, status: None };
        assert_eq!(socket.receive(), Some((std::process::id(), expected)));
    }
}
