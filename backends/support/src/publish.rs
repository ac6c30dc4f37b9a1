//! Files that appear whole or not at all: written under another name in the same folder, flushed,
//! renamed. Works on folder descriptors and follows no links. Knows nothing of what the files mean.

use std::{
    ffi::OsStr,
    fs::File,
    io::Write,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use anysvc_backend_api::{Error, Result};
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, fchmod, fsync, openat, renameat, syncfs, unlinkat},
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

/// What unfinished files are called, and twenty hexadecimal digits: nothing that a manager reads.
pub const UNFINISHED: &str = ".anysvc-";

/// Opens a folder to work in. Its last component must not be a link.
///
/// # Errors
/// When it is no folder or can't be opened.
pub fn open_folder(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty()).map_err(|cause| Error::io("open", path, &cause.into()))
}

/// Creates or replaces the file `name` of a folder in one step. Its mode is exactly `mode`, whatever the
/// umask. `shown` is the folder's path, for errors.
///
/// # Errors
/// When it can't be written; nothing is left behind then.
pub fn replace(folder: BorrowedFd<'_>, shown: &Path, name: &OsStr, mode: u32, content: &[u8]) -> Result<()> {
    replace_all(folder, shown, &[vec![NewFile { name, mode, content }]]).pop().unwrap_or(Ok(()))
}

/// A file that is to appear.
#[derive(Clone, Copy, Debug)]
pub struct NewFile<'a> {
    /// What it is called.
    pub name: &'a OsStr,
    /// Its mode, whatever the umask.
    pub mode: u32,
    /// What it holds.
    pub content: &'a [u8],
}

/// As [`replace`] for many, which is quicker than one by one: groups of files, each of which appears in
/// order, or not at all where one of its files could not be written.
pub fn replace_all(folder: BorrowedFd<'_>, shown: &Path, groups: &[Vec<NewFile<'_>>]) -> Vec<Result<()>> {
    let many = groups.len() > MANY;
    let staged: Vec<_> = groups.iter().map(|group| stage(folder, shown, group, !many)).collect();
    let flushed = if many { syncfs(folder) } else { Ok(()) };
    let failed = |cause: Errno| Error::io("write to", shown, &cause.into());
    let publish = |group: Result<Vec<Unfinished<'_>>>| {
        flushed.map_err(failed)?;
        group?.into_iter().try_for_each(Unfinished::publish)
    };
    let published: Vec<_> = staged.into_iter().map(publish).collect();
    // The names themselves are a part of the folder.
    let kept = fsync(folder).map_err(failed);
    published.into_iter().map(|published| published.and(kept.clone())).collect()
}

fn stage<'a>(
    folder: BorrowedFd<'a>,
    shown: &'a Path,
    group: &[NewFile<'a>],
    flush: bool,
) -> Result<Vec<Unfinished<'a>>> {
    group.iter().map(|file| Unfinished::write(folder, shown, *file, flush)).collect()
}

/// From so many on, one flush of the file system costs less than one of each file.
const MANY: usize = 8;

/// A file that is complete, under a name that is not its own. Dropped before it is published, it is removed.
struct Unfinished<'a> {
    folder: BorrowedFd<'a>,
    shown: &'a Path,
    now: String,
    name: &'a OsStr,
}

impl<'a> Unfinished<'a> {
    fn write(folder: BorrowedFd<'a>, shown: &'a Path, file: NewFile<'a>, flush: bool) -> Result<Self> {
        let failed = |cause: Errno| Error::io("write", shown.join(file.name), &cause.into());
        let (now, mut open) = create(folder).map_err(failed)?;
        let this = Unfinished { folder, shown, now, name: file.name };
        let mut write = || {
            fchmod(&open, Mode::from_raw_mode(file.mode))?;
            open.write_all(file.content)
                .map_err(|cause| Errno::from_io_error(&cause).unwrap_or(Errno::IO))?;
            if flush { fsync(&open) } else { Ok(()) }
        };
        write().map_err(failed)?;
        Ok(this)
    }

    fn publish(mut self) -> Result<()> {
        renameat(self.folder, &self.now, self.folder, self.name)
            .map_err(|cause| Error::io("write", self.shown.join(self.name), &cause.into()))?;
        self.now.clear();
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.now.is_empty() {
            let _ = unlinkat(self.folder, &self.now, AtFlags::empty());
        }
    }
}

/// A file under a name that nobody can have guessed, for us alone.
fn create(folder: BorrowedFd<'_>) -> Result<(String, File), Errno> {
    let name = random_name(UNFINISHED)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat(folder, &name, flags, Mode::RUSR | Mode::WUSR)?;
    Ok((name, File::from(fd)))
}

/// A name that nobody can guess or has used: the prefix and 80 random bits in hexadecimal.
///
/// # Errors
/// When the system has no random bits.
pub fn random_name(prefix: &str) -> Result<String, Errno> {
    let mut random = [0; 10];
    getrandom(&mut random, GetRandomFlags::empty())?;
    Ok(random.iter().fold(prefix.to_owned(), |name, byte| format!("{name}{byte:02x}")))
}

/// Removes files of a folder and makes sure that they stay removed; one that is not there is fine.
///
/// # Errors
/// When one can't be removed.
pub fn remove_all<'a>(
    folder: impl AsFd,
    shown: &Path,
    names: impl IntoIterator<Item = &'a OsStr>,
) -> Result<()> {
    for name in names {
        match unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(cause) => return Err(Error::io("remove", shown.join(name), &cause.into())),
        }
    }
    fsync(&folder).map_err(|cause| Error::io("write to", shown, &cause.into()))
}

/// Removes the file `name` of a folder and makes sure that it stays removed; one that is not there is
/// fine.
///
/// # Errors
/// When it can't be removed.
pub fn remove(folder: impl AsFd, shown: &Path, name: &OsStr) -> Result<()> {
    remove_all(folder, shown, [name])
}

/// Removes the unfinished files of a folder: for who knows that nobody works there, by a lock. What can't be
/// removed is in nobody's way.
pub fn sweep(folder: impl AsFd, shown: &Path) {
    let names = std::fs::read_dir(shown).into_iter().flatten().flatten().map(|entry| entry.file_name());
    for name in names.filter(|name| is_unfinished(name)) {
        if let Err(error) = remove(&folder, shown, &name) {
            log::debug!("a left-over stays: {error}");
        }
    }
}

/// Whether a name is that of an unfinished file, which a killed process may have left.
pub fn is_unfinished(name: &OsStr) -> bool {
    let digits = name.as_bytes().strip_prefix(UNFINISHED.as_bytes());
    digits.is_some_and(|digits| digits.len() == 20 && digits.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
        path::PathBuf,
    };

    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("anysvc-publish-{test}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Folder(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn replaces_whole_files_with_exactly_their_mode() {
        let folder = Folder::new("replace");
        let fd = open_folder(&folder.0).unwrap();
        for (mode, content) in [(0o666, "one"), (0o600, "two")] {
            replace(fd.as_fd(), &folder.0, "a".as_ref(), mode, content.as_bytes()).unwrap();
            let path = folder.0.join("a");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
        assert_eq!(folder.names(), ["a"]);
        remove(&fd, &folder.0, "a".as_ref()).unwrap();
        remove(&fd, &folder.0, "a".as_ref()).unwrap();
        assert!(folder.names().is_empty());
    }

    #[test]
    fn a_link_is_replaced_and_never_written_through() {
        let folder = Folder::new("link");
        fs::write(folder.0.join("victim"), "safe").unwrap();
        symlink("victim", folder.0.join("a")).unwrap();
        let fd = open_folder(&folder.0).unwrap();
        replace(fd.as_fd(), &folder.0, "a".as_ref(), 0o644, b"new").unwrap();
        assert_eq!(fs::read_to_string(folder.0.join("victim")).unwrap(), "safe");
        assert!(!folder.0.join("a").is_symlink());
        symlink(".", folder.0.join("loop")).unwrap();
        assert!(open_folder(&folder.0.join("loop")).is_err());
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = Folder::new("failure");
        fs::create_dir(folder.0.join("a")).unwrap();
        let fd = open_folder(&folder.0).unwrap();
        let error = replace(fd.as_fd(), &folder.0, "a".as_ref(), 0o644, b"x").unwrap_err();
        assert_eq!(error.path, Some(folder.0.join("a")));
        assert_eq!(folder.names(), ["a"]);
    }

    #[test]
    fn unfinished_files_are_told_from_others() {
        assert!(is_unfinished(".anysvc-0123456789abcdef0123".as_ref()));
        for name in [".anysvc-", ".anysvc-0123456789abcdef012", "anysvc-0123456789abcdef0123", "a.service"] {
            assert!(!is_unfinished(name.as_ref()), "{name}");
        }
    }
}
