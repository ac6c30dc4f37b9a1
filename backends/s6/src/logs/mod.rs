//! Reading what s6-log wrote: `current`, the files it rotated, and what comes next. It knows folders of
//! logs; of service directories only where they say which folder is theirs. It prints and escapes nothing.
//!
//! # Whose files are read
//! Root does not read what a service's user makes it read: in his folder a link or a hard link may stand
//! for anything. Links are never followed there, and only regular files of the account that the service
//! runs as count ([`place`]).

mod folder;
mod line;
mod place;
mod reader;
mod stream;
mod tail;

use std::path::PathBuf;

use anysvc_backend_api::{LogQuery, LogStream, Result};

/// The log of one service.
#[derive(Clone, Debug)]
pub struct Source {
    /// The service, as records name it.
    pub service: String,
    /// Its service directory (`SCANDIR/NAME`): where the folder is, is recorded there.
    pub service_directory: PathBuf,
}

/// Opens the logs of some services, merged by time. `lines`, `since` and `follow` of the query count, its
/// names do not. A folder that is not there is an empty log, for which following waits.
///
/// # Errors
/// `unsupported` for a service that keeps no log files; `permission-denied`, `io`.
pub fn open(sources: Vec<Source>, query: &LogQuery) -> Result<Box<dyn LogStream>> {
    Ok(Box::new(stream::Stream::open(sources, query)?))
}
