//! Whether a service directory was made from the same files as it would be now: the scripts keep a hash.

use anysvc_backend_api::Result;
use rustix::{fs::OFlags, io::Errno};

use crate::{
    scandir::Scandir,
    scripts::{ServiceDirectory, marker},
    sys::{open_beneath, read_small},
};

/// Compares.
///
/// # Errors
/// When it can't be read.
pub(super) fn is_same(scandir: &Scandir, name: &str, wanted: &ServiceDirectory) -> Result<bool> {
    let path = format!("{name}/{}", marker::HASH);
    let mut found = [0; 256];
    let size = match open_beneath(scandir.fd(), &path, OFlags::RDONLY | OFlags::NONBLOCK) {
        Ok(file) => read_small(file, &mut found),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        Err(error) => Err(error),
    };
    let size = size.map_err(|error| scandir.io("read", &path, error))?;
    Ok(wanted.get(marker::HASH) == Some(&found[..size]))
}
