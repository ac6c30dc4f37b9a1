//! What this backend needs of the file system: everything by descriptor, nothing through a link that
//! somebody else could have put there. It knows nothing of s6.

mod open;
mod tree;

pub(crate) use anysvc_backend_support::publish::random_name;
pub(crate) use open::{exists_in_place, open_beneath, open_folder, open_in_place};
pub(crate) use tree::{make_folder, remove_tree};

use std::{os::fd::BorrowedFd, path::Path};

use rustix::{
    fs::{Access, AtFlags, accessat},
    io::Errno,
};

/// Whether there is something at a path. Only an answer is wanted, so links may lead anywhere.
pub(crate) fn exists(dir: BorrowedFd<'_>, path: impl AsRef<Path>) -> Result<bool, Errno> {
    match accessat(dir, path.as_ref(), Access::EXISTS, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(error) => Err(error),
    }
}
