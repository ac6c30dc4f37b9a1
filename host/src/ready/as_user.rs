//! A try made by a child that became the service's user for good, so that nothing is reached with root's
//! rights that the service could not reach itself.

use std::{fs::File, io::Read as _, os::fd::FromRawFd as _};

use crate::session::user::Account;

/// A reason is one line.
const LONGEST_REASON: u64 = 4096;

/// Runs `attempt` as a user. It has to end by itself.
pub(super) fn run(user: &Account, attempt: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(format!("cannot try: {}", std::io::Error::last_os_error()));
    }
    // SAFETY: both descriptors were just made, and nobody else has them.
    let (mut reader, writer) = unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) };
    // SAFETY: the child uses the allocator, which the C library keeps usable over a fork, and system
    // calls; it takes no lock that another thread may hold, and ends in `_exit`.
    match unsafe { libc::fork() } {
        -1 => Err(format!("cannot try: {}", std::io::Error::last_os_error())),
        0 => {
            let became =
                user.become_for_good().map_err(|cause| format!("cannot act as `{}`: {cause}", user.name));
            let reason = became.and_then(|()| attempt()).err();
            let _ = std::io::Write::write_all(&mut &writer, reason.as_deref().unwrap_or_default().as_bytes());
            // SAFETY: ends the child at once, without running what belongs to the parent.
            unsafe { libc::_exit(i32::from(reason.is_some())) }
        }
        pid => {
            drop(writer);
            let mut reason = Vec::new();
            let _ = (&mut reader).take(LONGEST_REASON).read_to_end(&mut reason);
            let mut status = 0;
            // SAFETY: the child is ours and `status` is live. It ends by itself, so a signal that
            // interrupts the wait only repeats it.
            while unsafe { libc::waitpid(pid, &raw mut status, 0) } == -1
                && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
            {}
            match status {
                0 => Ok(()),
                _ => Err(String::from_utf8_lossy(&reason).into_owned()),
            }
        }
    }
}
