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
    fs::{AtFlags, CWD, Mode, OFlags, fchmod, fsync, openat, renameat, unlinkat},
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
    let failed = |cause: Errno| Error::io("write", shown.join(name), &cause.into());
    let (unfinished, mut file) = create(folder).map_err(failed)?;
    let mut write = || {
        fchmod(&file, Mode::from_raw_mode(mode))?;
        file.write_all(content).map_err(|cause| Errno::from_io_error(&cause).unwrap_or(Errno::IO))?;
        fsync(&file)?;
        renameat(folder, &unfinished, folder, name)
    };
    // The name itself is a part of the folder.
    write().and_then(|()| fsync(folder)).map_err(|cause| {
        let _ = unlinkat(folder, &unfinished, AtFlags::empty());
        failed(cause)
    })
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

/// Removes the file `name` of a folder and makes sure that it stays removed; one that is not there is
/// fine.
///
/// # Errors
/// When it can't be removed.
pub fn remove(folder: impl AsFd, shown: &Path, name: &OsStr) -> Result<()> {
    match unlinkat(&folder, name, AtFlags::empty()).and_then(|()| fsync(&folder)) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(cause) => Err(Error::io("remove", shown.join(name), &cause.into())),
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
