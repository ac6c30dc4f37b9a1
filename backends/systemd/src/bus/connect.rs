//! A connection begins: reaching the socket, checking who is behind it, saying who we are.
//!
//! A bus takes everything at once: the greeting, and the first calls behind it. Other processes (systemd's
//! private socket) read the greeting and what follows by different hands: what comes in one read with the
//! end of the greeting is forgotten and waited for, for ever. There the answer to the greeting has to be
//! waited for.

use std::path::{Path, PathBuf};

use anysvc_backend_api::Deadline;
use anysvc_backend_support::socket;
use rustix::{net::sockopt, process::geteuid};

use super::{Body, Call, Connection, Fault};

/// What is behind a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bus, which passes messages on.
    Bus,
    /// The process itself that is spoken to.
    Direct,
}

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) socket: PathBuf,
    pub(crate) kind: Kind,
    /// Whose process has to be there.
    pub(crate) uid: u32,
}

impl Peer {
    /// Connects.
    ///
    /// # Errors
    /// `Absent` when nobody is there, `Lost` by whoever leaves just then; `Refused` by a socket that is closed to
    /// us, or whoever is behind it.
    pub(crate) fn connect(&self, deadline: Deadline) -> Result<Connection, Fault> {
        let fd = socket::connect(&self.socket, deadline).map_err(|error| reached(error, &self.socket))?;
        let peer = sockopt::socket_peercred(&fd).map_err(|error| reached(error, &self.socket))?;
        if peer.uid.as_raw() != self.uid {
            return Err(Fault::Refused(format!(
                "the process behind {} belongs to uid {}, not {}",
                self.socket.display(),
                peer.uid.as_raw(),
                self.uid
            )));
        }
        let mut connection = Connection::new(fd, greeting(geteuid().as_raw()));
        match self.kind {
            Kind::Bus => drop(connection.post(&hello())),
            Kind::Direct => connection.greet(deadline)?,
        }
        Ok(connection)
    }
}

fn reached(error: rustix::io::Errno, path: &Path) -> Fault {
    use rustix::io::Errno;
    let shown = format!("{}: {error}", path.display());
    match error {
        // It takes no callers until the deadline.
        Errno::AGAIN => Fault::Late,
        Errno::ACCESS | Errno::PERM => Fault::Refused(shown),
        _ => Fault::Absent(shown),
    }
}

/// The user's number in decimal, and that in hexadecimal.
fn greeting(uid: u32) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = "\0AUTH EXTERNAL ".to_owned();
    for digit in uid.to_string().bytes() {
        // Writing to a string can't fail.
        let _ = write!(text, "{digit:02x}");
    }
    text.push_str("\r\nBEGIN\r\n");
    text.into_bytes()
}

/// What a bus wants to hear first.
fn hello() -> Call<'static> {
    Call {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        member: "Hello",
        body: Body::new(),
    }
}
