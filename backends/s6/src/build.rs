//! Building a service directory out of s6-svscan's sight and publishing it in one step, under the
//! scandir's lock. It does not know what the files mean, only what s6 itself needs beside them.

use std::{
    ffi::{CString, OsStr},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use anysvc_backend_api::{Error, ErrorKind, Result};
use rustix::{
    fs::{
        AtFlags, FileType, Mode, OFlags, RenameFlags, chmodat, chownat, fchmod, mkdirat, mknodat, openat,
        renameat, renameat_with, statat, unlinkat,
    },
    io::{Errno, fcntl_dupfd_cloexec},
    process::getegid,
};

use crate::{
    removal::{PREFIX, Tombstone},
    scandir::{Identity, Scandir, denied},
    scripts::{File, ServiceDirectory, marker},
    sys::{make_folder, open_beneath, random_name, remove_tree},
};

/// What s6-supervise makes in a service directory itself, and keeps as it is where it exists. So what
/// the owner makes beforehand stays the owner's, also under root's s6-svscan.
const BY_SUPERVISOR: [&[u8]; 2] = [b"supervise", b"event"];

/// A service directory that nobody sees yet. Dropped before it is published, it is removed.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    scandir: &'a Scandir,
    name: String,
    /// Which folder it is. Not an open one: many are staged at once, and few files may be open.
    identity: Identity,
}

impl<'a> Staged<'a> {
    /// Builds one with these files, and `down` if it is not to start.
    ///
    /// # Errors
    /// `permission-denied`, `io`; nothing is left behind.
    pub(crate) fn build(scandir: &'a Scandir, files: &ServiceDirectory, down: bool) -> Result<Staged<'a>> {
        let (staged, folder) = Staged::empty(scandir)?;
        let fill = || {
            let folder = folder.as_fd();
            can_be_removed(folder)?;
            write_files(folder, &files.files)?;
            skeleton(folder, Path::new(""), files.note.as_bytes())?;
            if files.files.iter().any(|file| file.path.starts_with("log")) {
                skeleton(folder, Path::new("log"), b"")?;
            }
            if down {
                write_file(folder, Path::new("down"), 0o644, b"")?;
            }
            open_to_others(folder)
        };
        fill().map_err(|error| scandir.io("write a service directory in", "", error))?;
        Ok(staged)
    }

    fn empty(scandir: &'a Scandir) -> Result<(Staged<'a>, OwnedFd)> {
        let made = random_name(PREFIX).and_then(|name| {
            // Closed to all others until it is complete.
            let (folder, identity) = make_folder(scandir.fd(), &name, 0o700).inspect_err(|_| {
                // Made, perhaps, and not opened.
                let _ = unlinkat(scandir.fd(), &name, AtFlags::REMOVEDIR);
            })?;
            Ok((Staged { scandir, name, identity }, folder))
        });
        made.map_err(|error| match error {
            Errno::ACCESS | Errno::PERM => denied("write to", &scandir.path().join("."), error),
            other => scandir.io("create a folder in", "", other),
        })
    }

    /// Gives it its name, if nothing has that yet.
    ///
    /// # Errors
    /// `already-registered`, `io`.
    pub(crate) fn publish(mut self, name: &str) -> Result<()> {
        let scandir = self.scandir;
        let failed = |error| match error {
            Errno::EXIST | Errno::NOTEMPTY => Error::already_registered(name),
            other => scandir.io("publish", name, other),
        };
        rename_to_new(scandir, &self.name, name).map_err(failed)?;
        self.name.clear();
        // Who else may write the scandir could have put something in its place in between.
        let published = statat(scandir.fd(), name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        if (published.st_dev, published.st_ino) == self.identity {
            return Ok(());
        }
        Err(Error::new(ErrorKind::CommandFailed, format!("somebody else replaced `{name}` meanwhile"))
            .with_path(scandir.path().join(name)))
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let (false, Ok(name)) = (self.name.is_empty(), CString::new(self.name.as_str())) {
            // Left-overs are in nobody's way, and the next one sweeps them.
            let _ = remove_tree(self.scandir.fd(), &name);
        }
    }
}

/// Publishes what was buried again, in a folder with another inode.
///
/// # Errors
/// `io`; what was buried may be incomplete then.
pub(crate) fn renew(scandir: &Scandir, old: &Tombstone, name: &str) -> Result<()> {
    let (staged, folder) = Staged::empty(scandir)?;
    let refill = || {
        let from = open_beneath(scandir.fd(), old.name(), OFlags::RDONLY | OFlags::DIRECTORY)?;
        move_files(from.as_fd(), folder.as_fd(), Path::new(""))?;
        open_to_others(folder.as_fd())
    };
    refill().map_err(|error| scandir.io("renew", name, error))?;
    staged.publish(name)
}

/// Removing opens a folder on each of three levels. Who may not open so many does not begin.
fn can_be_removed(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let second = fcntl_dupfd_cloexec(folder, 0)?;
    fcntl_dupfd_cloexec(&second, 0).map(drop)
}

/// It is complete.
fn open_to_others(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    fchmod(folder, Mode::from_raw_mode(0o755))
}

/// Moves all but what is the supervisor's; a logger is a service directory of its own.
fn move_files(from: BorrowedFd<'_>, to: BorrowedFd<'_>, below: &Path) -> Result<(), Errno> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(from)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b".." | b"log") && !BY_SUPERVISOR.contains(&name.to_bytes()) {
            names.push(name);
        }
    }
    for name in names {
        renameat(from, &name, to, below.join(OsStr::from_bytes(name.to_bytes())))?;
    }
    let mut note = [0; marker::LONGEST_NOTE];
    let lock = open_beneath(from, marker::LOCK, OFlags::RDONLY | OFlags::NONBLOCK);
    let size = lock.and_then(|lock| rustix::io::read(lock, &mut note)).unwrap_or(0);
    skeleton(to, below, &note[..size])?;
    match open_beneath(from, "log", OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(log) => {
            let below = below.join("log");
            make_folder_at(to, &below, 0o755)?;
            move_files(log.as_fd(), to, &below)
        }
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What s6-supervise would make itself (s6: `control_init` in `supervision/s6-supervise.c`), with the
/// least rights that work: `s6-svperms` calls these "owner", and "group" for events. The lock is made where
/// there is a note to be kept in it.
fn skeleton(folder: BorrowedFd<'_>, below: &Path, note: &[u8]) -> Result<(), Errno> {
    let (event, supervise) = (below.join("event"), below.join("supervise"));
    make_folder_at(folder, &event, 0o3730)?;
    make_folder_at(folder, &supervise, 0o700)?;
    let control = supervise.join("control");
    mknodat(folder, &control, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // The umask may have taken something away.
    chmodat(folder, &control, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
    if note.is_empty() { Ok(()) } else { write_file(folder, &below.join(marker::LOCK), 0o644, note) }
}

fn write_files(folder: BorrowedFd<'_>, files: &[File]) -> Result<(), Errno> {
    let mut made: Vec<&Path> = Vec::new();
    for file in files {
        let parent = file.path.parent().unwrap_or(Path::new(""));
        for ancestor in parent.ancestors().collect::<Vec<_>>().into_iter().rev() {
            if !ancestor.as_os_str().is_empty() && !made.contains(&ancestor) {
                make_folder_at(folder, ancestor, 0o755)?;
                made.push(ancestor);
            }
        }
        write_file(folder, &file.path, file.mode, &file.content)?;
    }
    Ok(())
}

/// Creates a folder with exactly this mode, whatever the umask. Nobody else can be in the tree that is
/// being built, so that paths are safe in it.
fn make_folder_at(folder: BorrowedFd<'_>, path: &Path, mode: u32) -> Result<(), Errno> {
    mkdirat(folder, path, Mode::RWXU)?;
    if mode & 0o2000 != 0 {
        // Where the file system gives files the group of their folder it is not ours, and the bit would be
        // dropped silently.
        match chownat(folder, path, None, Some(getegid()), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(()) | Err(Errno::PERM) => {}
            Err(error) => return Err(error),
        }
    }
    chmodat(folder, path, Mode::from_raw_mode(mode), AtFlags::empty())
}

fn write_file(folder: BorrowedFd<'_>, path: &Path, mode: u32, content: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(folder, path, flags, Mode::RUSR | Mode::WUSR)?;
    let mut rest = content;
    while !rest.is_empty() {
        match rustix::io::write(&file, rest) {
            Ok(n) => rest = &rest[n..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    fchmod(&file, Mode::from_raw_mode(mode))
}

/// Renames without replacing anything.
fn rename_to_new(scandir: &Scandir, from: &str, to: &str) -> Result<(), Errno> {
    match renameat_with(scandir.fd(), from, scandir.fd(), to, RenameFlags::NOREPLACE) {
        // File systems without it (NFS); we hold the lock, so that looking first will do.
        Err(Errno::INVAL | Errno::NOSYS) => match statat(scandir.fd(), to, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => renameat(scandir.fd(), from, scandir.fd(), to),
            Err(error) => Err(error),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_again_has_all_but_what_is_the_supervisors() {
        let folder = std::env::temp_dir().join(format!("anysvc-s6-renewed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let scandir = Scandir::open(&folder, [].into()).unwrap().unwrap();
        let file = |path: &str| File { path: path.into(), mode: 0o644, content: b"x".into(), secret: false };
        let files = ServiceDirectory {
            files: ["run", "log/run", "data/a"].map(file).into(),
            note: "noted\n".to_owned(),
        };
        Staged::build(&scandir, &files, false).unwrap().publish("web").unwrap();
        std::fs::write(folder.join("web/supervise/status"), "old").unwrap();
        let before = scandir.identity("web").unwrap();
        let old = Tombstone::bury(&scandir, "web").unwrap();
        renew(&scandir, &old, "web").unwrap();
        assert_ne!(scandir.identity("web").unwrap(), before);
        let read = |path: &str| std::fs::read_to_string(folder.join("web").join(path)).ok();
        assert!(["run", "log/run", "data/a"].into_iter().all(|path| read(path).as_deref() == Some("x")));
        assert_eq!(read("supervise/lock").as_deref(), Some("noted\n"));
        assert_eq!((read("supervise/status"), read("log/supervise/lock")), (None, None));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
