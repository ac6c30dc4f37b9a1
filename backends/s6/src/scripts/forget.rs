//! Forgetting what a service did before a person starts it. The one place here that touches files.

use std::path::Path;

use anysvc_backend_api::{Error, Result};
use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

/// Makes the next start of a stopped service a first one: no failures count, no delay is left.
///
/// To be called before each start that a person asks for (start, restart), while the service is down,
/// before s6 is told. A service that waits out its restart delay is stopped first, then this, then
/// started: a signal to end the waiting could hit the program itself.
///
/// s6-supervise reads `death_tally` anew at each death and takes an absent one for empty
/// (libs6/s6_dtally_read.c), so that removing it needs no more than write access to `supervise/`.
///
/// # Errors
/// When one of the files can't be removed.
pub fn forget_failures(service_directory: &Path) -> Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::PATH;
    for (folder, file) in [("supervise", "death_tally"), ("data", "delay"), ("data", "gave-up")] {
        let path = || service_directory.join(folder).join(file);
        let removed = openat(rustix::fs::CWD, service_directory, flags, Mode::empty())
            .and_then(|directory| openat(directory, folder, flags, Mode::empty()))
            .and_then(|folder| unlinkat(folder, file, AtFlags::empty()));
        match removed {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(cause) => return Err(Error::io("remove", path(), &cause.into())),
        }
    }
    Ok(())
}
