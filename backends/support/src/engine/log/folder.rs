//! A folder of log files: appending to the newest, and rotating. Every path is opened and changed with
//! the rights of the service, and no link in the place of a file is followed. Knows bytes, not lines.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{Rights, stamp};

/// Where a log goes, and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder.
    pub folder: PathBuf,
    /// The most that one file holds.
    pub size: u64,
    /// How many rotated files are kept.
    pub keep: u32,
}

/// A folder, and its newest file while it is written to.
#[derive(Debug)]
pub(super) struct Folder {
    settings: Settings,
    file: Option<File>,
    length: u64,
    /// The stamp of the newest archive we made: the next is later, whatever the clock does.
    latest: SystemTime,
}

impl Folder {
    pub(super) fn new(settings: Settings) -> Folder {
        Folder { settings, file: None, length: 0, latest: SystemTime::UNIX_EPOCH }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Whether so many bytes fit into the newest file.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.length + bytes <= self.settings.size
    }

    /// Opens the newest file, if it is not open.
    pub(super) fn open(&mut self, rights: &mut Rights<'_>) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        let path = self.settings.folder.join("current");
        let mut opened = None;
        rights(&mut || {
            let result = open(&path);
            // Made only when it is missed: a folder that is there needs no right to make it.
            let result = match result {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    make_folder(&self.settings.folder).and_then(|()| open(&path))
                }
                other => other,
            };
            result.map(|file| opened = Some(file))
        })?;
        let mut file = opened.ok_or_else(|| io::Error::other("the file was not opened"))?;
        self.length = file.metadata()?.len();
        if self.length > 0 {
            // A supervisor that was killed may have left half a line.
            let mut last = [0u8];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                self.length += 1;
            }
        }
        self.file = Some(file);
        Ok(())
    }

    /// Appends whole lines. On failure only whole lines of them are there, so many bytes.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), (io::Error, usize)> {
        let file = self.file.as_mut().ok_or_else(|| (io::ErrorKind::NotFound.into(), 0))?;
        let mut written = 0;
        while let Some(rest) = lines.get(written..).filter(|rest| !rest.is_empty()) {
            let error = match file.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(more) => {
                    written += more;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let done = lines.get(..written).unwrap_or_default();
            let whole = memchr::memrchr(b'\n', done).map_or(0, |at| at + 1);
            self.length += whole as u64;
            let _ends_in_half_a_line = file.set_len(self.length);
            return Err((error, whole));
        }
        self.length += written as u64;
        Ok(())
    }

    /// Puts the newest file beside the older ones, removes what is too old, and begins a new one. At no
    /// time is there more than was allowed: what goes is gone before anything new is written.
    pub(super) fn rotate(&mut self, at: SystemTime, rights: &mut Rights<'_>) -> io::Result<()> {
        self.file = None;
        self.latest = at.max(self.latest + Duration::from_nanos(1));
        let Settings { folder, keep, .. } = &self.settings;
        let archive = folder.join(stamp::archive(self.latest));
        rights(&mut || {
            fs::rename(folder.join("current"), &archive)?;
            trim(folder, *keep as usize)
        })?;
        self.open(rights)
    }
}

fn trim(folder: &Path, keep: usize) -> io::Result<()> {
    let mut archives = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if stamp::is_archive(name.as_encoded_bytes()) {
            archives.push(name);
        }
    }
    archives.sort_unstable();
    for name in archives.iter().take(archives.len().saturating_sub(keep)) {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    // What a service writes is not for everybody's eyes.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    // Not blocking: in the place of a file there might be a FIFO.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(0o640).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.nlink() != 1 {
        return Err(io::Error::other(format!("{} is not a file of its own", path.display())));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}
