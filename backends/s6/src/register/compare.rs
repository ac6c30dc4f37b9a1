//! In what a service directory of ours differs from what would be made now: its files are looked at one by
//! one, so that what somebody edited shows as well, and is told from what an older version wrote. What the
//! scripts write themselves counts for nothing.

use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use anysvc_backend_api::{Batch, Difference, Error, Registration, Result};
use rustix::{fs::OFlags, io::Errno};

use super::plan::render_directory;
use crate::{
    scandir::Scandir,
    scripts::{
        Owner, ServiceDirectory, Tools,
        marker::{self, Written},
    },
    state::{Maker, Reader},
    sys::open_beneath,
};

/// No file of ours is longer.
const LONGEST: usize = 4 << 20;

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
                let slot = Slot { scandir, name };
                let parts = slot.differences(&wanted)?;
                let outdated = !parts.is_empty() && slot.is_outdated(&parts, registration)?;
                Ok(Difference { parts, outdated })
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
    Ok(Slot { scandir, name }.differences(wanted)?.is_empty())
}

/// A service directory of ours.
#[derive(Clone, Copy)]
struct Slot<'a> {
    scandir: &'a Scandir,
    name: &'a str,
}

/// A file in it.
struct Found {
    mode: u32,
    content: Vec<u8>,
}

impl Slot<'_> {
    /// The files that differ, by their paths. That others are no longer made shows in the sums.
    fn differences(self, wanted: &ServiceDirectory) -> Result<Vec<String>> {
        let mut parts = Vec::new();
        for file in wanted.files.iter().filter(|file| !is_of_the_scripts(&file.path)) {
            let found = self.read(&file.path, file.content.len())?;
            if found.is_none_or(|found| found.mode != file.mode || found.content != file.content) {
                parts.push(file.path.to_string_lossy().into_owned());
            }
        }
        // It only sums up the others.
        if parts.len() > 1 {
            parts.retain(|part| part != marker::HASH);
        }
        Ok(parts)
    }

    /// Whether what differs is as we wrote it once, from this very spec.
    fn is_outdated(self, parts: &[String], registration: &Registration) -> Result<bool> {
        let sums = self.read(Path::new(marker::HASH), LONGEST)?;
        let Some(written) = sums.and_then(|sums| Written::parse(&sums.content)) else { return Ok(false) };
        if !written.is_from(&registration.spec) {
            return Ok(false);
        }
        for part in parts.iter().filter(|part| *part != marker::HASH) {
            let is_ours = match self.read(Path::new(part), LONGEST)? {
                Some(found) => written.has(part, found.mode, &found.content),
                None => written.paths().all(|path| path != part),
            };
            if !is_ours {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A file of it, and of a longer one so much that it can be told from one that is not.
    fn read(self, path: &Path, longest: usize) -> Result<Option<Found>> {
        let below = format!("{}/{}", self.name, path.display());
        let file = match open_beneath(self.scandir.fd(), &below, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(self.scandir.io("read", &below, error)),
        };
        let shown = || self.scandir.path().join(&below);
        let stat = file.metadata().map_err(|error| Error::io("look at", shown(), &error))?;
        if !stat.is_file() {
            return Ok(None);
        }
        let mut content = Vec::new();
        let read = file.take(longest as u64 + 1).read_to_end(&mut content);
        read.map_err(|error| Error::io("read", shown(), &error))?;
        Ok(Some(Found { mode: stat.mode() & 0o777, content }))
    }
}

fn is_of_the_scripts(path: &Path) -> bool {
    let in_data = path.starts_with("data") || path.starts_with("log/data");
    in_data && path.as_os_str() != marker::HASH
}
