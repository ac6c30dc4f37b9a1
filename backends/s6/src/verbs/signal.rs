//! Sending signals to the main process of services: through the supervisor where it knows the signal,
//! else directly.

use anysvc_backend_api::{Batch, Error, ErrorKind, Result, SignalRequest};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use crate::{
    control::signal_byte,
    scandir::Scandir,
    scripts::marker,
    slot::{tell, unseen},
    state::Reader,
};

/// Sends them.
pub(crate) fn signal(scandir: &Scandir, batch: &Batch<SignalRequest>) -> Vec<Result<()>> {
    let mut reader = Reader::new(scandir);
    batch.each(|request| {
        let byte = signal_byte(request.signal.number());
        let pid = match running(&mut reader, &request.name) {
            // Whether it may be told shows there, and with which words.
            Err(error) if error.kind == ErrorKind::PermissionDenied => {
                return byte.map_or(Err(error), |byte| tell(scandir, &request.name, &[byte]));
            }
            other => other?,
        };
        match byte {
            Some(byte) => tell(scandir, &request.name, &[byte]),
            None => directly(&mut reader, request, pid),
        }
    })
}

fn running(reader: &mut Reader<'_>, name: &str) -> Result<u32> {
    let slot = reader.slot(name)?.ok_or_else(|| Error::not_registered(name))?;
    if slot.supervised.is_none() {
        return Err(unseen(name));
    }
    // What waits out the restart delay is not the program.
    let delayed = reader.ours(name) && reader.has(name, marker::DELAY);
    slot.live().and_then(|raw| raw.up()).filter(|_| !delayed).ok_or_else(|| {
        Error::new(ErrorKind::CommandFailed, format!("nothing of `{}` runs", name.escape_debug()))
            .with_hint("start it first")
    })
}

/// The number may be another's by now, so that it is held first, and then looked up once more.
fn directly(reader: &mut Reader<'_>, request: &SignalRequest, pid: u32) -> Result<()> {
    let number = request.signal.number();
    let held =
        Pid::from_raw(pid.cast_signed()).ok_or(Errno::SRCH).and_then(|p| pidfd_open(p, PidfdFlags::empty()));
    let sent = match held {
        Ok(held) if running(reader, &request.name)? == pid => {
            let signal = Signal::from_named_raw(number).ok_or_else(|| {
                Error::unsupported(format!("s6 has no way to send the signal {}", request.signal))
            })?;
            pidfd_send_signal(held, signal)
        }
        Ok(_) => Err(Errno::SRCH),
        Err(error) => Err(error),
    };
    sent.map_err(|error| {
        let kind = if error == Errno::PERM { ErrorKind::PermissionDenied } else { ErrorKind::CommandFailed };
        let what =
            format!("cannot send {} to process {pid} of `{}`", request.signal, request.name.escape_debug());
        Error::new(kind, format!("{what}: {error}")).with_code(error.raw_os_error().to_string())
    })
}
