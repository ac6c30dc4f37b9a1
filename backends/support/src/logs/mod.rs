//! Reading folders of log files in s6-log's layout: `current`, the files that were rotated, and what comes
//! next. s6-log writes it, and our own engine does. It knows folders and lines, not services; where a
//! service's folder is, its [`Source`] says. It prints and escapes nothing.
//!
//! # Whose files are read
//! Root does not read what a service's user makes it read: in his folder a link or a hard link may stand
//! for anything. Links are never followed there, and only regular files of the account that the service
//! runs as count ([`Owner`]).

mod folder;
#[cfg(test)]
mod fuzz;
mod line;
mod queue;
mod reader;
mod stream;
mod tail;

use std::path::PathBuf;

use anysvc_backend_api::{LogQuery, LogStream, Result};

/// Whose files count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Everybody's: the reader may do no more than they.
    Any,
    /// This account's, as root reads.
    Uid(u32),
}

impl Owner {
    fn counts(self, uid: u32) -> bool {
        self == Owner::Any || self == Owner::Uid(uid)
    }
}

/// Where a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// There.
    Known(PathBuf, Owner),
    /// Whoever writes it will say so when it starts, in this folder.
    Later(PathBuf),
}

/// The log of one service.
pub trait Source: Send {
    /// The service, as records name it.
    fn service(&self) -> &str;

    /// Finds the place of the log. Asked again after a change in the folder of [`Place::Later`].
    ///
    /// # Errors
    /// `not-registered`; `unsupported` for a service that keeps no log files of ours;
    /// `permission-denied`, `io`.
    fn place(&self) -> Result<Place>;
}

/// Opens the logs of some services, merged by time. `lines`, `since` and `follow` of the query count, its
/// names do not. A folder that is not there is an empty log, for which following waits.
///
/// # Errors
/// `unsupported` for a service that keeps no log files; `permission-denied`, `io`.
pub fn open(sources: Vec<Box<dyn Source>>, query: &LogQuery) -> Result<Box<dyn LogStream>> {
    Ok(Box::new(stream::Stream::open(sources, query)?))
}
