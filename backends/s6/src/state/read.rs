//! Reading what s6 says of one service, with as few system calls as it takes: a thousand are read in the
//! time of a dozen runs of s6-svstat. It draws no conclusions.

use std::{
    os::fd::OwnedFd,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Deadline, Exit, Result};
use rustix::{
    fs::{AtFlags, FileType, OFlags, fstat, statat},
    io::Errno,
    process::{Flock, FlockType, Pid, fcntl_getlk, geteuid},
};

use super::{
    ask,
    decode::{Raw, SIZE, SIZE_WITH_PGID, Unreadable},
    exit,
};
use crate::{
    scandir::{Identity, Scandir},
    scripts::{Parts, marker},
    sys::{exists, exists_in_place, open_beneath, open_in_place},
};

/// Files of s6 are regular ones; whatever else is there must not block us.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);

/// How often we look at what others replace all the time.
pub(super) const TRIES: u32 = 3;

/// What the status file told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// This.
    Status(Raw),
    /// There is none: no supervisor has been there yet.
    Nothing,
    /// We may not look.
    Denied,
    /// Something that we can't read.
    Unreadable(Unreadable),
    /// Something that can't be read at all: who may write there may have put anything in its place.
    Failed(Errno),
}

impl Told {
    /// What is known.
    pub(crate) fn raw(&self) -> Option<&Raw> {
        if let Told::Status(raw) = self { Some(raw) } else { None }
    }
}

/// Reads one service after the other; the buffer for paths is shared.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    scandir: &'a Scandir,
    path: String,
    deadline: Deadline,
    /// Whether the s6 commands may still be asked. Once one gave no answer they are not.
    asks: bool,
}

/// Who made a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// It is not there.
    Nobody,
    /// We did.
    Us,
    /// Somebody else did.
    Others,
}

/// One service directory, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    /// What its status file told.
    pub(crate) told: Told,
    /// Whether a supervisor holds its lock; `None` where we may not look.
    pub(crate) supervised: Option<bool>,
    /// The parts that it has, if it is ours and its lock was asked for them and says so.
    pub(crate) parts: Option<Parts>,
}

impl Slot {
    /// Whether a supervisor is there, so that the status file is true.
    pub(crate) fn live(&self) -> Option<&Raw> {
        self.told.raw().filter(|_| self.supervised == Some(true))
    }
}

impl<'a> Reader<'a> {
    /// For the services of a scandir.
    pub(crate) fn new(scandir: &'a Scandir) -> Reader<'a> {
        Reader::until(scandir, Deadline::NONE)
    }

    /// The same for as long as this.
    pub(crate) fn until(scandir: &'a Scandir, deadline: Deadline) -> Reader<'a> {
        Reader { scandir, path: String::with_capacity(64), deadline, asks: true }
    }

    /// The scandir.
    pub(crate) fn scandir(&self) -> &'a Scandir {
        self.scandir
    }

    /// Reads status and liveness; `None` if there is no such service.
    ///
    /// # Errors
    /// When the file system fails.
    pub(crate) fn slot(&mut self, name: &str) -> Result<Option<Slot>> {
        self.look(name, &mut [])
    }

    /// The same, with the parts of one of ours as its lock says.
    ///
    /// # Errors
    /// When the file system fails.
    pub(crate) fn slot_with_parts(&mut self, name: &str) -> Result<Option<Slot>> {
        self.look(name, &mut [0; marker::LONGEST_NOTE])
    }

    fn look(&mut self, name: &str, note: &mut [u8]) -> Result<Option<Slot>> {
        if !crate::scandir::is_slot_name(name.as_bytes()) {
            return Ok(None);
        }
        // The lock before the status: a supervisor that comes in between is then one that is missed
        // once, not an old status taken for a live one.
        let (supervised, parts) = self.noted(name, note);
        let told = self.told(name);
        if told == Told::Nothing && !self.scandir.has(name)? {
            return Ok(None);
        }
        Ok(Some(Slot { told, supervised, parts }))
    }

    /// Whether a supervisor holds the lock of a service (or of `NAME/log`, its logger); `None` where that
    /// can't be seen.
    pub(crate) fn supervised(&mut self, name: &str) -> Option<bool> {
        self.noted(name, &mut []).0
    }

    /// The supervisor that holds the lock of a service. `None` also where it has no number here, as one
    /// in another namespace has none.
    pub(crate) fn supervisor(&mut self, name: &str) -> Option<Pid> {
        self.lock(name, &mut []).ok()?.0?.pid
    }

    /// Whether a supervisor holds the lock, and the parts that the note says.
    fn noted(&mut self, name: &str, note: &mut [u8]) -> (Option<bool>, Option<Parts>) {
        match self.lock(name, note) {
            Ok((holder, size)) => (Some(holder.is_some()), marker::read_note(&note[..size], name)),
            Err(_) => (None, None),
        }
    }

    /// Who holds the lock, and how much of the note in it was read.
    fn lock(&mut self, name: &str, note: &mut [u8]) -> Result<(Option<Flock>, usize), Errno> {
        let dir = self.scandir.fd();
        let path = self.below(name, marker::LOCK);
        let (lock, note) = match open_in_place(dir, path, READ) {
            // As with the mark, what is reached through a link is somebody else's way to it.
            Err(Errno::LOOP) => (open_beneath(dir, path, READ), &mut [][..]),
            lock => (lock, note),
        };
        let lock = match lock {
            Ok(lock) => lock,
            Err(error) if absent(error) => return Ok((None, 0)),
            Err(error) => return Err(error),
        };
        // It is fcntl's (s6: `libs6/s6_svc_ok.c`), and a query shows only that of others.
        let holder = fcntl_getlk(&lock, &Flock::from(FlockType::ReadLock))?;
        // Who may write there may have put anything in its place.
        let read = if note.is_empty() { 0 } else { rustix::io::read(&lock, note).unwrap_or(0) };
        Ok((holder, read))
    }

    /// What the status file of a service (or of `NAME/log`, its logger) tells, whoever wrote it.
    pub(crate) fn told(&mut self, name: &str) -> Told {
        // One more byte than the largest layout, so that a larger one shows.
        let mut bytes = [0; SIZE_WITH_PGID + 1];
        let file = open_beneath(self.scandir.fd(), self.below(name, "supervise/status"), READ);
        // A regular file gives what it has at once, and more than what we asked for is too much anyway.
        match file.and_then(|file| Ok((rustix::io::read(&file, &mut bytes)?, file))) {
            Ok((size, file)) => match Raw::decode(&bytes[..size]) {
                Ok(raw) => Told::Status(raw),
                Err(why @ Unreadable::Size(_)) => {
                    self.ask(name, &file).map_or(Told::Unreadable(why), Told::Status)
                }
                Err(why) => Told::Unreadable(why),
            },
            Err(error) if absent(error) => Told::Nothing,
            Err(Errno::ACCESS | Errno::PERM) => Told::Denied,
            Err(error) => Told::Failed(error),
        }
    }

    /// Asks the s6 commands, where the file may be that of a newer s6. They open it by its name, and wait
    /// for whatever somebody else may have put there: root asks about root's alone.
    fn ask(&mut self, name: &str, file: &OwnedFd) -> Option<Raw> {
        let stat = fstat(file).ok()?;
        let size = usize::try_from(stat.st_size).ok()?;
        let foreign = geteuid().is_root() && stat.st_uid != 0;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !self.asks || foreign || !regular || matches!(size, 0 | SIZE | SIZE_WITH_PGID) {
            return None;
        }
        let asked = ask::ask(&self.scandir.path().join(name), self.scandir.search(), self.deadline);
        self.asks = asked.is_some();
        asked
    }

    /// What the supervisor of a service's logger says, if there is one and it is not up.
    pub(crate) fn logger_down(&mut self, name: &str) -> Option<Raw> {
        let log = format!("{name}/log");
        let Told::Status(raw) = self.told(&log) else { return None };
        let down = raw.up().is_none() && !raw.never_started() && self.supervised(&log) == Some(true);
        down.then_some(raw)
    }

    /// How the last process before the one that runs now ended.
    pub(crate) fn tally(&mut self, name: &str) -> Option<Exit> {
        let dir = self.scandir.fd();
        let path = self.below(name, "supervise/death_tally");
        // Mostly empty, which one call tells.
        let size = u64::try_from(statat(dir, path, AtFlags::SYMLINK_NOFOLLOW).ok()?.st_size).ok()?;
        let last = (size / exit::RECORD as u64).checked_sub(1)?;
        let mut record = [0; exit::RECORD];
        let fd = open_beneath(dir, path, READ).ok()?;
        let read = rustix::io::pread(fd, &mut record, last * exit::RECORD as u64).ok()?;
        (read == exit::RECORD).then(|| exit::of_tally(record))
    }

    /// Whose a service is, also while others register and unregister it.
    ///
    /// # Errors
    /// When the file system fails.
    pub(crate) fn maker(&mut self, name: &str) -> Result<Maker> {
        for _ in 0..TRIES {
            let Some(before) = self.scandir.identity(name)? else { return Ok(Maker::Nobody) };
            if self.ours(name) {
                return Ok(Maker::Us);
            }
            // Without its mark, or gone meanwhile.
            if self.scandir.identity(name)? == Some(before) {
                return Ok(Maker::Others);
            }
        }
        // Whoever goes on like that makes it neither ours nor absent.
        Ok(Maker::Others)
    }

    /// Whether it carries our mark, or the note in its lock says so. What is reached through a link is
    /// somebody else's way to it.
    pub(crate) fn ours(&mut self, name: &str) -> bool {
        let marked = exists_in_place(self.scandir.fd(), self.below(name, marker::MARK));
        marked || self.noted(name, &mut [0; marker::LONGEST_NOTE]).1.is_some()
    }

    /// Whether a marker of its scripts says yes. The file may be there and empty.
    pub(crate) fn holds(&mut self, name: &str, marker: &str) -> bool {
        let dir = self.scandir.fd();
        let path = self.below(name, marker);
        statat(dir, path, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| stat.st_size > 0)
    }

    /// Whether it was up, and was stopped for a replacement that has not come.
    pub(crate) fn cut_short(&mut self, name: &str) -> bool {
        self.has(name, "down") && self.has(name, marker::REPLACED)
    }

    /// What a service of ours is known by, also when its files are moved to a new folder.
    ///
    /// # Errors
    /// When the file system fails.
    pub(crate) fn mark(&mut self, name: &str) -> Result<Option<Identity>> {
        self.scandir.identity_of(self.below(name, marker::MARK))
    }

    /// When a file of the service directory was made.
    pub(crate) fn made(&mut self, name: &str, file: &str) -> Option<SystemTime> {
        let dir = self.scandir.fd();
        let stat = statat(dir, self.below(name, file), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let since = Duration::new(stat.st_mtime.try_into().ok()?, stat.st_mtime_nsec.try_into().ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }

    /// Whether a file of the service directory is there.
    pub(crate) fn has(&mut self, name: &str, file: &str) -> bool {
        exists(self.scandir.fd(), self.below(name, file)).unwrap_or(false)
    }

    fn below(&mut self, name: &str, file: &str) -> &str {
        self.path.clear();
        self.path.push_str(name);
        self.path.push('/');
        self.path.push_str(file);
        &self.path
    }
}

fn absent(error: Errno) -> bool {
    // ENOTDIR, ELOOP: something else is there, which no supervisor made.
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP)
}
