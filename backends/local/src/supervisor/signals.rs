//! Signals that ask the supervisor to end, as a descriptor. It must not know what ending means.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd},
};

/// Ask it to stop everything and leave.
const ASK: [libc::c_int; 2] = [libc::SIGTERM, libc::SIGINT];
/// Mean the terminal of whoever started it, which is no concern of a supervisor.
const IGNORE: [libc::c_int; 2] = [libc::SIGHUP, libc::SIGQUIT];

/// Readable when a signal arrived.
#[derive(Debug)]
pub struct Signals(OwnedFd);

impl Signals {
    /// From now on these signals arrive here only. They are blocked, not ignored: what is ignored stays
    /// ignored in every service that is started.
    ///
    /// # Errors
    /// When the system has no such descriptor.
    pub fn take() -> io::Result<Signals> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset fills the set; the calls after it read it, or add to it.
        let fd = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in ASK.into_iter().chain(IGNORE) {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(Signals(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Whether one that asks to end arrived since the last time.
    pub fn asked_to_end(&self) -> bool {
        let mut asked = false;
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        while let Ok(count) = rustix::io::read(&self.0, &mut info) {
            if count < info.len() {
                break;
            }
            // `ssi_signo` is the first field.
            let number = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
            asked |= ASK.iter().any(|signal| u32::try_from(*signal) == Ok(number));
        }
        asked
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
