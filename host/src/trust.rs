//! Whose files may be acted on: the path is resolved first, every component of what results is judged,
//! and the file is opened without following links and judged again through its descriptor. This module
//! must not know what the files are for.
//!
//! Access lists need no look of their own: what they grant to others shows in the group bits.

use std::{
    ffi::OsStr,
    fmt,
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
};

use anysvc_backend_api::{Error, ErrorKind, Result};

/// So many links lead nowhere, as the system sees it too.
const MOST_LINKS: u32 = 40;

/// Whose files may be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Root's alone.
    Root,
    /// Root's and this user's.
    RootAnd(u32),
}

/// What is judged: a file or folder on the way, as the system describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inode {
    /// Its owner.
    pub uid: u32,
    /// Its mode, with or without the type's bits.
    pub mode: u32,
    /// Whether it is a folder.
    pub is_dir: bool,
}

impl Inode {
    /// What the system says; a link's own mode says nothing.
    pub fn of(found: &Metadata) -> Inode {
        let mode = if found.is_symlink() { 0o755 } else { found.mode() };
        Inode { uid: found.uid(), mode, is_dir: found.is_dir() }
    }
}

/// Why something is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else owns it.
    Owner,
    /// Its group may write it.
    GroupWrites,
    /// Everybody may write it.
    OthersWrite,
}

/// A file that is trusted, open.
#[derive(Debug)]
pub struct Trusted {
    /// The descriptor: exactly what was judged.
    pub file: File,
    /// The resolved path.
    pub path: PathBuf,
    /// What the descriptor says.
    pub metadata: Metadata,
}

impl Trusted {
    /// Its text.
    ///
    /// # Errors
    /// `plugin` when it is longer than the limit or not UTF-8; `io`.
    pub fn text(mut self, limit: u64) -> Result<String> {
        let refuse = |what: String| {
            let message = format!("{} {what}", self.path.display());
            Error::new(ErrorKind::Plugin, message).with_path(&self.path)
        };
        let mut bytes = Vec::with_capacity(self.metadata.len().min(limit) as usize + 1);
        let read = (&mut self.file).take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|cause| Error::io("read", &self.path, &cause))?;
        if bytes.len() as u64 > limit {
            return Err(refuse(format!("is longer than {limit} bytes")));
        }
        String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text".to_owned()))
    }
}

/// Judges one component. A folder that others may write is fine if it is sticky: they can neither
/// rename nor replace what is in it, and that is judged by itself.
pub fn judge(inode: Inode, owners: Owners) -> Option<Fault> {
    let sticky = inode.is_dir && inode.mode & 0o1000 != 0;
    if inode.uid != 0 && owners != Owners::RootAnd(inode.uid) {
        Some(Fault::Owner)
    } else if sticky {
        None
    } else if inode.mode & 0o002 != 0 {
        Some(Fault::OthersWrite)
    } else if inode.mode & 0o020 != 0 {
        Some(Fault::GroupWrites)
    } else {
        None
    }
}

/// Opens a regular file that only the owners can have put there.
///
/// # Errors
/// `plugin`, naming the component at fault, its owner and mode, and the fix; `io` or
/// `permission-denied` when it can't be read.
pub fn open(path: &Path, owners: Owners) -> Result<Trusted> {
    let resolved = resolve(path)?;
    if let Some(folder) = resolved.parent() {
        check_components(folder, owners)?;
    }
    open_resolved(resolved, owners).map_err(|(error, _)| error)
}

/// A folder that was resolved and judged, with all above it: for opening many files in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
    owners: Owners,
}

impl Folder {
    /// Resolves and judges a folder.
    ///
    /// # Errors
    /// As [`open`].
    pub fn judge(path: &Path, owners: Owners) -> Result<Folder> {
        if is_without_links(path, owners)? {
            return Ok(Folder { path: path.to_owned(), owners });
        }
        let path = resolve(path)?;
        check_components(&path, owners)?;
        Ok(Folder { path, owners })
    }

    /// Opens a file of this name; a link is resolved, and where it leads is judged.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(&self, name: &OsStr) -> Result<Trusted> {
        let path = self.path.join(name);
        match open_resolved(path.clone(), self.owners) {
            Err((_, Some(code))) if code == libc::ELOOP => open(&path, self.owners),
            opened => opened.map_err(|(error, _)| error),
        }
    }
}

/// Opens what lies at this very path; on failure also the system's number for it.
fn open_resolved(path: PathBuf, owners: Owners) -> Result<Trusted, (Error, Option<i32>)> {
    let failed = |cause: io::Error| (Error::io("open", &path, &cause), cause.raw_os_error());
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(&path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        let message = format!("{} is not a regular file", path.display());
        return Err((Error::new(ErrorKind::Plugin, message).with_path(path), None));
    }
    refuse_fault(&path, &metadata, owners).map_err(|error| (error, None))?;
    Ok(Trusted { file, path, metadata })
}

/// Judges the way to a folder: whatever is passed, links included, and what it ends in. It ends where
/// nothing is there yet.
///
/// # Errors
/// As [`open`].
pub fn check_way(path: &Path, owners: Owners) -> Result<()> {
    walk(path, |at, found, _| refuse_fault(at, found, owners)).map(drop)
}

/// Goes to where a path leads, asking about each step before it is taken: what is there, whether it is a
/// link or not, and whether it is the last. Where nothing is there yet, the rest is taken as it is said.
///
/// # Errors
/// Those of `judge`; `io` or `permission-denied` when a step can't be looked at.
pub fn walk(path: &Path, mut judge: impl FnMut(&Path, &Metadata, bool) -> Result<()>) -> Result<PathBuf> {
    let parts = |path: &Path| -> Vec<PathBuf> { path.iter().rev().map(PathBuf::from).collect() };
    let (mut at, mut rest, mut links) = (PathBuf::new(), parts(path), 0);
    while let Some(part) = rest.pop() {
        if part == Path::new("..") {
            at.pop();
            continue;
        }
        let next = at.join(part);
        let found = match next.symlink_metadata() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(rest.iter().rev().fold(next, |path, part| path.join(part)));
            }
            Err(error) => return Err(Error::io("look at", next, &error)),
        };
        judge(&next, &found, rest.is_empty())?;
        if !found.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Error::io("open", path, &rustix::io::Errno::LOOP.into()));
        }
        let target = next.read_link().map_err(|cause| Error::io("read", &next, &cause))?;
        rest.extend(parts(&target));
    }
    Ok(at)
}

/// Resolves the links of a path.
///
/// # Errors
/// `io` or `permission-denied`.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|cause| Error::io("open", path, &cause))
}

/// Whether a path is its own resolution, as most are: then all of it was judged on the way, with one look
/// at each component.
///
/// # Errors
/// As [`check_components`].
fn is_without_links(path: &Path, owners: Owners) -> Result<bool> {
    // As it is written: a folder is told, and remembered, by its shortest name.
    let plain: PathBuf = path.components().filter(|part| *part != Component::ParentDir).collect();
    if !path.is_absolute() || plain.as_os_str() != path.as_os_str() {
        return Ok(false);
    }
    let ancestors: Vec<&Path> = path.ancestors().collect();
    let mut looks = Vec::with_capacity(ancestors.len());
    for component in ancestors.into_iter().rev() {
        match component.symlink_metadata() {
            Ok(found) if !found.is_symlink() => looks.push((component, found)),
            // What can't be looked at is told by who resolves it.
            _ => return Ok(false),
        }
    }
    looks.iter().try_for_each(|(component, found)| refuse_fault(component, found, owners))?;
    Ok(true)
}

/// Judges every component of a resolved path, the root folder included.
///
/// # Errors
/// As [`open`].
pub fn check_components(resolved: &Path, owners: Owners) -> Result<()> {
    let ancestors: Vec<&Path> = resolved.ancestors().collect();
    for component in ancestors.into_iter().rev() {
        let failed = |cause| Error::io("look at", component, &cause);
        refuse_fault(component, &component.symlink_metadata().map_err(failed)?, owners)?;
    }
    Ok(())
}

fn refuse_fault(path: &Path, found: &Metadata, owners: Owners) -> Result<()> {
    let inode = Inode::of(found);
    match judge(inode, owners) {
        Some(fault) => Err(refusal(path, inode, fault, owners)),
        None => Ok(()),
    }
}

fn refusal(path: &Path, inode: Inode, fault: Fault, owners: Owners) -> Error {
    let what = format!(
        "{} is not trusted: {fault} (owner {}, mode {:04o})",
        path.display(),
        inode.uid,
        inode.mode & 0o7777
    );
    let shown = path.display();
    let hint = match (fault, owners) {
        (Fault::Owner, Owners::Root) => format!("it has to be root's: `chown root {shown}`"),
        (Fault::Owner, Owners::RootAnd(uid)) => {
            format!("it has to be root's or yours (uid {uid}): `chown root {shown}`")
        }
        (Fault::GroupWrites | Fault::OthersWrite, _) => format!("take the permission: `chmod go-w {shown}`"),
    };
    Error::new(ErrorKind::Plugin, what).with_hint(hint).with_path(path)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Owner => "somebody else owns it",
            Fault::GroupWrites => "its group may write it",
            Fault::OthersWrite => "everybody may write it",
        })
    }
}

#[cfg(test)]
mod tests;
