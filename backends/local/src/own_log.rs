//! What the supervisor has to say to people: one file and one older one, however long it runs. It must not
//! know what is said.

use std::os::fd::OwnedFd;

use anysvc_backend_api::{Error, Result};
use rustix::fs::{AtFlags, FileType, OFlags, Stat, fstat, renameat, statat};

use crate::place::{LOG, Place};

/// The size at which it is rotated, in bytes.
const LONGEST: i64 = 256 << 10;

/// The log, at its end. One that has grown long makes room for a new one.
///
/// # Errors
/// When it can't be opened or rotated.
pub fn open(place: &Place) -> Result<OwnedFd> {
    let log = place.file(LOG, OFlags::APPEND)?;
    if !fstat(&log).is_ok_and(|stat| is_long(&stat)) {
        return Ok(log);
    }
    let moved = renameat(place.folder(), LOG, place.folder(), format!("{LOG}.1"));
    moved.map_err(|error| Error::io("rotate", place.path_of(LOG), &error.into()))?;
    place.file(LOG, OFlags::APPEND)
}

/// Keeps the log of this process, its standard error, within bounds. Somebody may have sent that elsewhere:
/// then it is none of ours.
pub fn keep_short(place: &Place) {
    let Ok(written) = fstat(rustix::stdio::stderr()) else { return };
    if !is_long(&written) {
        return;
    }
    let named = statat(place.folder(), LOG, AtFlags::SYMLINK_NOFOLLOW);
    let same = named.is_ok_and(|named| (named.st_dev, named.st_ino) == (written.st_dev, written.st_ino));
    // One that was removed is written by nobody else, and seen by nobody.
    if (same || written.st_nlink == 0)
        && let Ok(log) = open(place)
    {
        let _ = rustix::stdio::dup2_stderr(&log);
    }
}

fn is_long(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_size >= LONGEST
}
