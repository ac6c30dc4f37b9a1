//! Opening a library by the descriptor that was judged, not by a name that may mean something else by now.

use std::{fs::File, mem::ManuallyDrop, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::trust::Trusted;

/// An open library. It is never closed: its functions, its strings and its panic hook live on in places
/// that can't be told.
pub(super) struct Open {
    library: ManuallyDrop<Library>,
    /// The C library knows what it opened by the name it was given, `/proc/self/fd/N`: were the number free
    /// again, the next library to get it would be taken for this one.
    _descriptor: ManuallyDrop<File>,
}

/// Opens a library, running its constructors.
pub(super) fn open(trusted: Trusted) -> Result<Open> {
    let Trusted { file, path, .. } = trusted;
    let by_descriptor = by_descriptor(&file);
    let name = by_descriptor.as_deref().unwrap_or(&path);
    // SAFETY: the file belongs to root or the caller and looks like a backend (`look`); that it does no
    // harm when it is loaded is what its owner answers for.
    let library = unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| refused(&error, name, &path))?;
    if by_descriptor.is_none() {
        is_still(&file, &path)?;
    }
    Ok(Open { library: ManuallyDrop::new(library), _descriptor: ManuallyDrop::new(file) })
}

impl Open {
    /// The address of an exported symbol, as a `T`.
    ///
    /// # Safety
    /// `T` is pointer-sized, and what the symbol's address is.
    pub(super) unsafe fn symbol<T: Copy>(&self, name: &[u8]) -> Option<T> {
        // SAFETY: passed on to the caller.
        unsafe { self.library.get::<T>(name).ok().map(|symbol| *symbol) }
    }
}

/// The descriptor's name, where there is a procfs that has it.
#[cfg(target_os = "linux")]
fn by_descriptor(file: &File) -> Option<std::path::PathBuf> {
    use std::os::fd::AsRawFd as _;
    let name = std::path::PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    name.symlink_metadata().is_ok().then_some(name)
}

#[cfg(not(target_os = "linux"))]
fn by_descriptor(_: &File) -> Option<std::path::PathBuf> {
    None
}

/// Without procfs: is what lies at the path now the file that was judged? Its folders are trusted, so only
/// their owner can have exchanged it.
fn is_still(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let failed = |cause| Error::io("look at", path, &cause);
    let (judged, loaded) = (file.metadata().map_err(failed)?, path.metadata().map_err(failed)?);
    if (judged.dev(), judged.ino()) == (loaded.dev(), loaded.ino()) {
        return Ok(());
    }
    let message = format!("{} was exchanged while it was being loaded", path.display());
    Err(Error::new(ErrorKind::Plugin, message).with_hint("try again"))
}

fn refused(error: &libloading::Error, name: &Path, path: &Path) -> Error {
    let cause = match error {
        libloading::Error::DlOpen { source } => source.to_string(),
        other => other.to_string(),
    };
    // The loader knows it by its descriptor; people know it by its path.
    let cause = cause.replace(&name.display().to_string(), &path.display().to_string());
    let message = format!("{} can't be loaded: {cause}", path.display());
    Error::new(ErrorKind::Plugin, message)
        .with_hint("install what it needs, or install the backend's package for this system")
}
