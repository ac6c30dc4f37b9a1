//! A verb for `./x bench` alone, and the peer of registering many: the bare file operations, in the order
//! and with the flushing that ours has, and nothing besides: no checking, no locking, no asking s6.

use super::bed::name;
use crate::tool::Done;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Not in the help.
pub const VERB: &str = "bench-bare";

/// Something in a service directory.
struct Part {
    path: PathBuf,
    mode: Mode,
    what: What,
}

enum What {
    Folder,
    File(Vec<u8>),
    Fifo,
}

/// `bench-bare SLOT TO COUNT [STORED]`: writes so many copies of a service directory, and of its file in
/// the store, both as ours made them, into the folder TO.
pub fn run(args: &[String]) -> Done {
    let [slot, to, count, stored @ ..] = args else {
        return Err(format!("usage: {VERB} SLOT TO COUNT [STORED]"));
    };
    let count: usize = count.parse().map_err(|_| format!("{count} is no number"))?;
    let failed = |error: std::io::Error| format!("copying {slot} to {to}: {error}");
    let mut parts = Vec::new();
    collect(Path::new(slot), Path::new(""), &mut parts).map_err(failed)?;
    let to = Path::new(to);
    let stored = stored.first().map(std::fs::read).transpose().map_err(failed)?;
    stored.map_or(Ok(()), |stored| store(&stored, to, count)).map_err(failed)?;
    copy(&parts, to, count).map_err(failed)
}

/// What a service directory is made of, folders before what is in them; what s6-supervise made is not.
fn collect(slot: &Path, below: &Path, parts: &mut Vec<Part>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(slot.join(below))? {
        let entry = entry?;
        let (path, meta) = (below.join(entry.file_name()), entry.metadata()?);
        let supervisors = below.ends_with("supervise") && !meta.file_type().is_fifo();
        if supervisors {
            continue;
        }
        let mode = Mode::from_raw_mode(meta.mode() & 0o7777);
        let folder = meta.is_dir();
        let what = match meta.file_type() {
            kind if kind.is_dir() => What::Folder,
            kind if kind.is_fifo() => What::Fifo,
            _ => What::File(std::fs::read(entry.path())?),
        };
        parts.push(Part { path: path.clone(), mode, what });
        if folder {
            collect(slot, &path, parts)?;
        }
    }
    Ok(())
}

/// The files of the store: written, flushed at once, named, and the names flushed.
fn store(stored: &[u8], to: &Path, count: usize) -> std::io::Result<()> {
    let (staging, services, logs) = (open(to, "staging")?, open(to, "services")?, open(to, "logs")?);
    for index in 0..count {
        file(&staging, name(index), stored, Mode::RUSR | Mode::WUSR)?;
    }
    fs::syncfs(&staging)?;
    for index in 0..count {
        fs::renameat(&staging, name(index), &services, name(index))?;
    }
    services.sync_all()?;
    for index in 0..count {
        fs::mkdirat(&logs, name(index), Mode::from_raw_mode(0o750))?;
    }
    Ok(())
}

/// The service directories: made under hidden names, and named.
fn copy(parts: &[Part], to: &Path, count: usize) -> std::io::Result<()> {
    let scandir = open(to, "scandir")?;
    for index in 0..count {
        let hidden = format!(".{}", name(index));
        let folder = folder(&scandir, Path::new(&hidden), Mode::from_raw_mode(0o755))?;
        parts.iter().try_for_each(|part| make(&folder, part))?;
    }
    for index in 0..count {
        fs::renameat(&scandir, format!(".{}", name(index)), &scandir, name(index))?;
    }
    Ok(())
}

fn open(to: &Path, name: &str) -> std::io::Result<File> {
    std::fs::create_dir_all(to.join(name))?;
    File::open(to.join(name))
}

fn make(at: &File, part: &Part) -> std::io::Result<()> {
    match &part.what {
        What::Folder => folder(at, &part.path, part.mode).map(drop),
        What::File(bytes) => file(at, &part.path, bytes, part.mode),
        What::Fifo => {
            fs::mknodat(at, &part.path, FileType::Fifo, part.mode, 0)?;
            Ok(fs::chmodat(at, &part.path, part.mode, AtFlags::empty())?)
        }
    }
}

/// Modes are set by a call of their own, whatever the umask is.
fn folder(at: &File, path: &Path, mode: Mode) -> std::io::Result<File> {
    fs::mkdirat(at, path, Mode::RWXU)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let made = File::from(fs::openat(at, path, flags, Mode::empty())?);
    fs::fchmod(&made, mode)?;
    Ok(made)
}

fn file(at: &File, path: impl AsRef<Path>, bytes: &[u8], mode: Mode) -> std::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut made = File::from(fs::openat(at, path.as_ref(), flags, Mode::RUSR | Mode::WUSR)?);
    made.write_all(bytes)?;
    Ok(fs::fchmod(&made, mode)?)
}
