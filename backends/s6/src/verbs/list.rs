//! All services of a scandir: ours, and on demand the others.

use anysvc_backend_api::{Deadline, ListQuery, Result, Status, in_parts};

use crate::{
    scandir::Scandir,
    state::{Reader, status},
};

/// Reads them, in order of their names. An absent scandir holds none; one that vanishes while we look
/// is not there.
///
/// # Errors
/// When the scandir can't be read.
pub(crate) fn list(scandir: Option<&Scandir>, query: &ListQuery, deadline: Deadline) -> Result<Vec<Status>> {
    let Some(scandir) = scandir else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    scandir.each_slot(|name, kind| {
        if scandir.is_folder(name, kind) {
            // A name that is no text can't be named in a command either.
            names.extend(name.to_str().ok().map(str::to_owned));
        }
    })?;
    names.sort_unstable();
    let found = in_parts(&names, |part| {
        let mut reader = Reader::until(scandir, deadline);
        let mut found = Vec::with_capacity(part.len());
        for name in part {
            if query.foreign || reader.ours(name) {
                found.push(status(&mut reader, name));
            }
        }
        found
    });
    found.into_iter().filter_map(Result::transpose).collect()
}
