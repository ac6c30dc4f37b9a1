//! A FIFO of ours in the `event/` of a service, to which its supervisor writes a byte for each start and
//! end of a process (s6: `libs6/ftrigw_notifyb_nosig.c`). It knows nothing of what the bytes mean.
//!
//! s6's own clients wait like that, and closing a FIFO costs nothing, where closing an inotify descriptor
//! waits for the kernel. What a killed command left is removed by the supervisor, at the next byte that it
//! has for it, or by the next command that waits there.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, fchmod, fstat, mknodat, openat, renameat, unlinkat},
    io::Errno,
    process::geteuid,
};

use crate::sys::{open_beneath, random_name};

/// What it is called until we read it, as supervisors remove what they would write to and nobody reads.
const HIDDEN: &str = ".anysvc";

/// The FIFO, until it is dropped.
#[derive(Debug)]
pub(crate) struct EventFifo {
    fifo: OwnedFd,
    #[expect(dead_code, reason = "dropping it is what removes the file")]
    file: File,
}

impl EventFifo {
    /// Makes one for a service of a scandir. What happens from now on is told.
    ///
    /// # Errors
    /// Where it can't be made, or should not be: in a folder that somebody else can change.
    pub(crate) fn new(scandir: BorrowedFd<'_>, service: &str) -> Result<EventFifo, Errno> {
        let place = OFlags::PATH | OFlags::DIRECTORY;
        let folder = open_beneath(scandir, &format!("{service}/event"), place)?;
        if !is_safe(&fstat(&folder)?) {
            return Err(Errno::ACCESS);
        }
        make(&folder)?;
        let mut file = File { folder, name: HIDDEN.to_owned() };
        // For writing too: with a writer of our own it never ends.
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fifo = openat(&file.folder, &file.name, flags, Mode::empty())?;
        if !is_ours(&fstat(&fifo)?) {
            return Err(Errno::ACCESS);
        }
        // As whom the supervisor runs is not ours to know.
        fchmod(&fifo, Mode::from_raw_mode(0o622))?;
        // Supervisors write to what is called `ftrig1:@TIME:RANDOM`, the time being 24 digits.
        let name = format!("{}:anysvc", random_name("ftrig1:@4000")?);
        renameat(&file.folder, &file.name, &file.folder, &name)?;
        file.name = name;
        Ok(EventFifo { fifo, file })
    }

    /// Takes what has come; whether anything has.
    pub(crate) fn drain(&self) -> bool {
        let (mut bytes, mut any) = ([0; 64], false);
        while rustix::io::read(&self.fifo, &mut bytes).is_ok_and(|size| size > 0) {
            any = true;
        }
        any
    }
}

impl AsFd for EventFifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fifo.as_fd()
    }
}

/// Makes the file, also in the place of one that nobody reads: who made that was killed over it, or gets
/// along without.
fn make(folder: &OwnedFd) -> Result<(), Errno> {
    let fifo = || mknodat(folder, HIDDEN, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match fifo() {
        Err(Errno::EXIST) if openat(folder, HIDDEN, flags, Mode::empty()).err() == Some(Errno::NXIO) => {
            unlinkat(folder, HIDDEN, AtFlags::empty())?;
            fifo()
        }
        made => made,
    }
}

/// Whether what we make in a folder stays what we made: it is ours or root's, and who else may write there
/// can't move what is not theirs. (So that root makes nothing in what other users own.)
fn is_safe(folder: &Stat) -> bool {
    let mode = Mode::from_raw_mode(folder.st_mode);
    let owned = folder.st_uid == 0 || folder.st_uid == geteuid().as_raw();
    owned && (mode.contains(Mode::SVTX) || !mode.intersects(Mode::WGRP | Mode::WOTH))
}

/// Whether it is a FIFO of our own. Another command of ours may have removed the one that we made, for one that
/// nobody reads; who may make files in that folder could have put a second name of anything there by now.
fn is_ours(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Fifo && found.st_uid == geteuid().as_raw()
}

/// A file that is removed when this is dropped.
#[derive(Debug)]
struct File {
    folder: OwnedFd,
    name: String,
}

impl Drop for File {
    fn drop(&mut self) {
        // The service may be gone by now, and it with it.
        let _ = unlinkat(&self.folder, &self.name, AtFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::fs::{CWD, stat};

    use super::*;

    #[test]
    fn only_a_fifo_of_our_own_is_given_a_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (fifo, file) = (folder.path().join("fifo"), folder.path().join("file"));
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::fs::write(&file, "").unwrap();
        assert!(is_ours(&stat(&fifo).unwrap()) && !is_ours(&stat(&file).unwrap()));
        let mut theirs = stat(&fifo).unwrap();
        theirs.st_uid += 1;
        assert!(!is_ours(&theirs));
    }

    #[test]
    fn what_somebody_put_there_first_is_left_as_it_is() {
        let scandir = tempfile::tempdir().unwrap();
        let event = scandir.path().join("web/event");
        std::fs::create_dir_all(&event).unwrap();
        std::fs::write(event.join(HIDDEN), "theirs").unwrap();
        let open = std::fs::File::open(scandir.path()).unwrap();
        let mode = || std::fs::metadata(event.join(HIDDEN)).unwrap().permissions().mode();
        let before = mode();
        assert!(EventFifo::new(open.as_fd(), "web").is_err());
        assert_eq!(
            (mode(), std::fs::read_to_string(event.join(HIDDEN)).unwrap().as_str()),
            (before, "theirs")
        );
    }
}
