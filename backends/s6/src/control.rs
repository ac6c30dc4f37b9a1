//! The control FIFOs of s6: opening one as s6's own clients do, and writing to it. What the bytes mean
//! is in s6-svc.c and s6-svscanctl.c; unknown ones are dropped in silence by s6-supervise.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::{
    fs::{FileType, OFlags, fstat},
    io::Errno,
};

use crate::sys::open_beneath;

/// Wanted up.
pub(crate) const UP: u8 = b'u';
/// Wanted down: the down signal, then CONT; KILL after `timeout-kill`.
pub(crate) const DOWN: u8 = b'd';
/// The signal KILL.
pub(crate) const KILL: u8 = b'k';
/// The supervisor is to leave once its service is down.
pub(crate) const EXIT: u8 = b'x';

/// Nothing. Who has read it has done all that he was told before.
pub(crate) const NOTHING: u8 = b'\n';

/// The byte that makes s6-supervise send a signal, for those that have one.
pub(crate) fn signal_byte(number: i32) -> Option<u8> {
    use rustix::process::Signal;
    let table = [
        (Signal::ALARM, b'a'),
        (Signal::ABORT, b'b'),
        (Signal::QUIT, b'q'),
        (Signal::HUP, b'h'),
        (Signal::KILL, KILL),
        (Signal::TERM, b't'),
        (Signal::INT, b'i'),
        (Signal::USR1, b'1'),
        (Signal::USR2, b'2'),
        (Signal::STOP, b'p'),
        (Signal::CONT, b'c'),
        (Signal::WINCH, b'y'),
    ];
    table.iter().find(|(signal, _)| signal.as_raw() == number).map(|(_, byte)| *byte)
}

/// A control FIFO that somebody reads.
#[derive(Debug)]
pub(crate) struct Fifo {
    writer: OwnedFd,
    /// A reader of our own, never read from: a write after the other side has just left is then no
    /// SIGPIPE, whatever the program that embeds us does about that signal. Where we may not read, the
    /// window stays.
    _reader: Option<OwnedFd>,
}

impl Fifo {
    /// Opens it below `dir`. ENXIO: nobody reads it.
    pub(crate) fn open(dir: BorrowedFd<'_>, path: &str) -> Result<Fifo, Errno> {
        let writer = open_beneath(dir, path, OFlags::WRONLY | OFlags::NONBLOCK)?;
        if FileType::from_raw_mode(fstat(&writer)?.st_mode) != FileType::Fifo {
            // Not ours to write to: who may write the folder may have put anything there.
            return Err(Errno::NXIO);
        }
        let reader = open_beneath(dir, path, OFlags::RDONLY | OFlags::NONBLOCK).ok();
        Ok(Fifo { writer, _reader: reader })
    }

    /// How many bytes the reader has not taken yet.
    pub(crate) fn unread(&self) -> Result<u64, Errno> {
        rustix::io::ioctl_fionread(&self.writer)
    }

    /// Writes commands, all or none: a few bytes are atomic.
    pub(crate) fn write(&self, commands: &[u8]) -> Result<(), Errno> {
        loop {
            match rustix::io::write(&self.writer, commands) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens, writes, closes.
pub(crate) fn send(dir: BorrowedFd<'_>, path: &str, commands: &[u8]) -> Result<(), Errno> {
    Fifo::open(dir, path)?.write(commands)
}
