//! The one folder of a supervisor, `backend-local` in the state folder: socket, locks, records, its own
//! log. Opened once and verified through its descriptor; everything else goes through that descriptor,
//! so that nobody can put another folder in its place afterwards. It must not know what is in the files.
//!
//! The socket is here, and not in a runtime folder: XDG_RUNTIME_DIR differs between shells of one user
//! (su, cron, ssh), while one state folder must never have two supervisors. It is reached through
//! `/proc/self/fd`, which also makes the 108 bytes of a socket's address enough for any state folder.

use std::{
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Error, ErrorKind, Result};
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags},
    io::Errno,
};

/// The socket's name.
pub const SOCKET: &str = "socket";
/// What the supervisor has locked as long as it lives.
pub const LOCK: &str = "lock";
/// What is locked by whoever starts a supervisor, or ends as one.
pub const START_LOCK: &str = "start.lock";
/// What the supervisor has to say to people.
pub const LOG: &str = "supervisor.log";

const NAME: &str = "backend-local";
/// The longest address of a socket, with the NUL at its end.
const LONGEST_ADDRESS: usize = 108;

/// The folder, verified.
#[derive(Debug)]
pub struct Place {
    folder: OwnedFd,
    path: PathBuf,
    state_dir: PathBuf,
}

impl Place {
    /// Opens the folder; `None` when there is none yet.
    ///
    /// # Errors
    /// `permission-denied` when it is not a folder that only the user can enter.
    pub fn open(state_dir: &Path, uid: u32) -> Result<Option<Place>> {
        let path = state_dir.join(NAME);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(folder) => {
                verify(folder.as_fd(), &path, uid)?;
                Ok(Some(Place { folder, path, state_dir: state_dir.to_owned() }))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(not_a_folder(&path)),
            Err(error) => Err(Error::io("open", path, &error.into())),
        }
    }

    /// Opens the folder, and makes it if there is none.
    ///
    /// # Errors
    /// As [`Place::open`]; and when it can't be made.
    pub fn create(state_dir: &Path, uid: u32) -> Result<Place> {
        if let Some(place) = Place::open(state_dir, uid)? {
            return Ok(place);
        }
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir);
        made.map_err(|error| Error::io("create", state_dir, &error))?;
        let path = state_dir.join(NAME);
        match rustix::fs::mkdirat(CWD, &path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => (),
            Err(error) => return Err(Error::io("create", path, &error.into())),
        }
        Place::open(state_dir, uid)?.ok_or_else(|| Error::io("open", path, &Errno::NOENT.into()))
    }

    /// The folder's descriptor.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// The folder's path, to be shown and handed on.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state folder that it is in.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The path of a file in it, to be shown.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A path of the socket for connect(2) and bind(2).
    ///
    /// # Errors
    /// When there is no procfs and the true path is too long for a socket.
    pub fn socket_address(&self) -> Result<PathBuf> {
        let short = PathBuf::from(format!("/proc/self/fd/{}", self.folder.as_raw_fd()));
        if short.exists() {
            return Ok(short.join(SOCKET));
        }
        let long = self.path_of(SOCKET);
        if long.as_os_str().len() < LONGEST_ADDRESS {
            return Ok(long);
        }
        let message = format!("{} is too long for a socket without procfs", long.display());
        Err(Error::new(ErrorKind::Io, message)
            .with_hint("use a state folder with a shorter path (`--state-dir`), or mount /proc"))
    }

    /// Opens a file in it, for reading and writing, and makes it if there is none.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn file(&self, name: &str, more: OFlags) -> Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | more;
        rustix::fs::openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| Error::io("open", self.path_of(name), &error.into()))
    }

    /// Removes a file from it; its absence is fine.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("remove", self.path_of(name), &error.into())),
        }
    }
}

fn verify(folder: BorrowedFd<'_>, path: &Path, uid: u32) -> Result<()> {
    let stat = rustix::fs::fstat(folder).map_err(|error| Error::io("look at", path, &error.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(not_a_folder(path));
    }
    let shown = path.display();
    if stat.st_uid != uid {
        let message = format!("{shown} belongs to uid {}, not to uid {uid}", stat.st_uid);
        return Err(refused(path, message, "remove it, or use another state folder (`--state-dir`)"));
    }
    if stat.st_mode & 0o077 != 0 {
        let message = format!("{shown} has mode {:04o}: others can get at it", stat.st_mode & 0o7777);
        return Err(refused(path, message, &format!("`chmod 700 {shown}`, after a look at what is in it")));
    }
    Ok(())
}

fn not_a_folder(path: &Path) -> Error {
    let message = format!("{} is a link or no folder at all, and is not followed", path.display());
    refused(path, message, "remove it; anysvc makes the folder itself")
}

fn refused(path: &Path, message: String, hint: &str) -> Error {
    Error::new(ErrorKind::PermissionDenied, message).with_path(path).with_hint(hint)
}
