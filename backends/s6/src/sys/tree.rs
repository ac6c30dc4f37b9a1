//! Making and removing folders by descriptor. It knows nothing of what they hold.

use std::{
    ffi::CString,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RawDir, fchmod, fstat, mkdirat, openat, unlinkat},
    io::Errno,
    process::geteuid,
};

/// Creates a folder with exactly this mode, whatever the umask and the folder that it is in, and opens it.
/// Also gives back its device and inode.
pub(crate) fn make_folder(
    dir: BorrowedFd<'_>,
    name: &str,
    mode: u32,
) -> Result<(OwnedFd, (u64, u64)), Errno> {
    mkdirat(dir, name, Mode::from_raw_mode(mode))?;
    let fd = openat(
        dir,
        name,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let stat = fstat(&fd)?;
    if stat.st_uid != geteuid().as_raw() {
        // Somebody who can write `dir` put another folder in its place.
        return Err(Errno::ACCESS);
    }
    if stat.st_mode & 0o7777 != mode {
        fchmod(&fd, Mode::from_raw_mode(mode))?;
    }
    Ok((fd, (stat.st_dev, stat.st_ino)))
}

/// Removes whatever is at `name`, with all it holds. What is absent is fine. Never leaves the tree:
/// every step is taken from a descriptor, and links are removed, not followed.
pub(crate) fn remove_tree(dir: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<(), Errno> {
    match unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = match openat(dir, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    for (entry, is_folder) in entries(fd.as_fd())? {
        match unlinkat(&fd, &entry, if is_folder { AtFlags::REMOVEDIR } else { AtFlags::empty() }) {
            Ok(()) | Err(Errno::NOENT) => {}
            // A folder that holds something, or what readdir could not tell.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::ISDIR | Errno::PERM | Errno::NOTDIR) => {
                remove_tree(fd.as_fd(), &entry)?;
            }
            Err(error) => return Err(error),
        }
    }
    match unlinkat(dir, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What a folder holds, and whether each is a folder. Read whole before anything is removed: removing
/// while reading skips entries on some file systems. It opens nothing: what could be made with few
/// descriptors can be removed with as few.
fn entries(fd: BorrowedFd<'_>) -> Result<Vec<(CString, bool)>, Errno> {
    let mut found = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = RawDir::new(fd, &mut buffer);
    while let Some(entry) = reader.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            found.push((entry.file_name().to_owned(), entry.file_type() == FileType::Directory));
        }
    }
    Ok(found)
}
