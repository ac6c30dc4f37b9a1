//! In what a service directory of ours differs from what would be made now: its files are looked at one by
//! one, so that what somebody edited shows as well. What the scripts write themselves counts for nothing.

use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _};

use anysvc_backend_api::{Batch, Difference, Error, Registration, Result};
use rustix::{fs::OFlags, io::Errno};

use super::plan::render_directory;
use crate::{
    scandir::Scandir,
    scripts::{self, Owner, ServiceDirectory, Tools, marker},
    state::{Maker, Reader},
    sys::open_beneath,
};

/// Compares services; one answer each.
pub(crate) fn compare(
    scandir: &Scandir,
    owner: &Owner,
    tools: &Tools,
    batch: &Batch<Registration>,
) -> Vec<Result<Difference>> {
    let mut reader = Reader::new(scandir);
    batch.each(|registration| {
        let name = &registration.spec.name;
        match reader.maker(name)? {
            Maker::Us => {
                let wanted = render_directory(registration, owner, tools)?;
                Ok(Difference { parts: differences(scandir, name, &wanted)? })
            }
            Maker::Others => Err(Error::not_ours(name)),
            Maker::Nobody => Err(Error::not_registered(name)),
        }
    })
}

/// Whether nothing differs.
///
/// # Errors
/// When it can't be read.
pub(super) fn is_same(scandir: &Scandir, name: &str, wanted: &ServiceDirectory) -> Result<bool> {
    Ok(differences(scandir, name, wanted)?.is_empty())
}

/// The files that differ, by their paths.
fn differences(scandir: &Scandir, name: &str, wanted: &ServiceDirectory) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    for file in wanted.files.iter().filter(|file| !is_of_the_scripts(file)) {
        if !is_as(scandir, name, file)? {
            parts.push(file.path.to_string_lossy().into_owned());
        }
    }
    // It only sums up the others.
    if parts.len() > 1 {
        parts.retain(|part| part != marker::HASH);
    }
    Ok(parts)
}

fn is_of_the_scripts(file: &scripts::File) -> bool {
    let in_data = file.path.starts_with("data") || file.path.starts_with("log/data");
    in_data && file.path.as_os_str() != marker::HASH
}

fn is_as(scandir: &Scandir, name: &str, wanted: &scripts::File) -> Result<bool> {
    let path = format!("{name}/{}", wanted.path.display());
    let failed = |error| scandir.io("read", &path, error);
    let found = match open_beneath(scandir.fd(), &path, OFlags::RDONLY | OFlags::NONBLOCK) {
        Ok(fd) => File::from(fd),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let shown = || scandir.path().join(&path);
    let stat = found.metadata().map_err(|error| Error::io("look at", shown(), &error))?;
    if !stat.is_file() || stat.mode() & 0o777 != wanted.mode || stat.len() != wanted.content.len() as u64 {
        return Ok(false);
    }
    let mut content = Vec::with_capacity(wanted.content.len());
    let read = found.take(stat.len()).read_to_end(&mut content);
    read.map_err(|error| Error::io("read", shown(), &error))?;
    Ok(content == wanted.content)
}
