//! A connection to a supervisor that runs: made, verified by the peer's credentials, and greeted.

use std::{io, os::fd::OwnedFd, path::Path};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Result};
use anysvc_backend_support::socket;
use rustix::{io::Errno, net::sockopt};

use crate::{
    place::{Place, SOCKET},
    protocol::{GREETING, Greeting, MAX_FRAME, Verdict, WELCOME, Welcome, frame},
};

/// A supervisor that understands us.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    /// The supervisor's process.
    pub pid: u32,
}

/// Connects to the supervisor of a folder; `None` when there is none.
///
/// # Errors
/// `manager-unavailable` when there is one that does not answer or speaks another version;
/// `permission-denied` when it is another user's.
pub fn connect(place: &Place, uid: u32, deadline: Deadline) -> Result<Option<Connection>> {
    let shown = place.path_of(SOCKET);
    let failed = |error: Errno| Error::io("connect to", &shown, &error.into());
    let socket = match socket::connect(place.socket_address()?, deadline) {
        Ok(socket) => socket,
        Err(Errno::NOENT | Errno::CONNREFUSED) => return Ok(None),
        Err(Errno::AGAIN) => return Err(silent(&shown)),
        Err(error) => return Err(failed(error)),
    };
    let peer = sockopt::socket_peercred(&socket).map_err(failed)?;
    if peer.uid.as_raw() != uid {
        let message = format!("the process behind {} belongs to uid {}", shown.display(), peer.uid.as_raw());
        return Err(Error::new(ErrorKind::PermissionDenied, message)
            .with_path(&shown)
            .with_hint("end that process; it was not started by your anysvc"));
    }
    let connection = Connection { socket, pid: peer.pid.as_raw_nonzero().get().unsigned_abs() };
    match connection.greet(&shown, deadline) {
        Ok(()) => Ok(Some(connection)),
        // It was about to leave.
        Err(Trouble::Gone) => Ok(None),
        Err(Trouble::Failed(error)) => Err(error),
    }
}

enum Trouble {
    Gone,
    Failed(Error),
}

impl Connection {
    fn greet(&self, shown: &Path, deadline: Deadline) -> Result<(), Trouble> {
        let trouble = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Trouble::Gone,
            io::ErrorKind::TimedOut => Trouble::Failed(silent(shown)),
            _ => Trouble::Failed(Error::io("speak to", shown, &error)),
        };
        let mut answer = [0; WELCOME];
        let greeting: [u8; GREETING] = Greeting::OURS.to_bytes();
        socket::write(&self.socket, &greeting, deadline).map_err(trouble)?;
        socket::read(&self.socket, &mut answer, deadline).map_err(trouble)?;
        judge(Welcome::from_bytes(answer), self.pid, shown).map_err(Trouble::Failed)
    }

    /// Sends a request and reads the answer, both as the content of a frame.
    ///
    /// # Errors
    /// As the system's; `UnexpectedEof` when the supervisor ended before it answered.
    pub fn exchange(&self, request: &[u8], deadline: Deadline) -> io::Result<Vec<u8>> {
        socket::write(&self.socket, &frame(request), deadline)?;
        let mut length = [0; 4];
        socket::read(&self.socket, &mut length, deadline)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_FRAME {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that is too long"));
        }
        let mut answer = vec![0; length];
        socket::read(&self.socket, &mut answer, deadline)?;
        Ok(answer)
    }
}

fn silent(shown: &Path) -> Error {
    Error::new(
        ErrorKind::ManagerUnavailable,
        format!("anysvc's own supervisor behind {} does not answer", shown.display()),
    )
    .with_hint("it may be stopped or busy; end it by KILL, and the next command brings it back")
}

fn judge(welcome: Option<Welcome>, pid: u32, shown: &Path) -> Result<()> {
    let unavailable = |message: String| Error::new(ErrorKind::ManagerUnavailable, message).with_path(shown);
    let Some(welcome) = welcome else {
        let message = format!("process {pid} behind {} is not a supervisor of anysvc", shown.display());
        return Err(unavailable(message).with_hint("end that process, or remove the socket"));
    };
    let ours = Greeting::OURS;
    match welcome.verdict {
        Verdict::Speak(version) if (ours.oldest..=ours.newest).contains(&version) => Ok(()),
        Verdict::NotYours => {
            let message = format!("the supervisor, process {pid}, serves another user");
            Err(Error::new(ErrorKind::PermissionDenied, message).with_path(shown))
        }
        Verdict::Speak(_) | Verdict::NoCommonVersion => {
            let (old, new) = (welcome.oldest, welcome.newest);
            let message = format!(
                "the running supervisor, process {pid}, speaks versions {old} to {new}, and this anysvc \
                 {} to {}",
                ours.oldest, ours.newest
            );
            Err(unavailable(message).with_hint(format!(
                "use the anysvc that started it, or end it with `kill {pid}`: it stops its services, and \
                 the next command starts the one that fits"
            )))
        }
    }
}
