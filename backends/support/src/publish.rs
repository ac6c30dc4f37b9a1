//! Files that appear whole or not at all: written under another name in the same folder, flushed,
//! renamed. Works on folder descriptors and follows no links. Knows nothing of what the files mean.

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
};

use anysvc_backend_api::Result;

/// Opens a folder to work in, without following a link in its last component.
///
/// # Errors
/// When it is no folder or can't be opened.
pub fn open_folder(path: &Path) -> Result<OwnedFd> {
    let _ = path;
    Err(anysvc_backend_api::Error::unsupported("to be written"))
}

/// Creates or replaces `name` in a folder, in one step. `shown` is the folder's path for errors.
///
/// # Errors
/// When it can't be written; nothing is left behind then.
pub fn replace(folder: BorrowedFd<'_>, shown: &Path, name: &str, mode: u32, content: &[u8]) -> Result<()> {
    let _ = (folder, shown, name, mode, content);
    Err(anysvc_backend_api::Error::unsupported("to be written"))
}

/// Creates `path` (relative, below the folder; its folders are made as needed) with a mode and content.
/// For a tree that nobody looks at before it is renamed into place: not atomic, flushed only if asked.
///
/// # Errors
/// When it exists or can't be written.
pub fn create(
    folder: BorrowedFd<'_>,
    shown: &Path,
    path: &Path,
    mode: u32,
    content: &[u8],
    flush: bool,
) -> Result<()> {
    let _ = (folder, shown, path, mode, content, flush);
    Err(anysvc_backend_api::Error::unsupported("to be written"))
}
