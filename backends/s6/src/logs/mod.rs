//! Reading what s6-log wrote. It knows folders of logs, not services, scandirs or the host's output.

use std::path::PathBuf;

use anysvc_backend_api::{Error, LogQuery, LogStream, Result};

/// The log of one service.
#[derive(Clone, Debug)]
pub struct Source {
    /// The service, as records name it.
    pub service: String,
    /// Its service directory (`SCANDIR/NAME`): where the folder is, is recorded there.
    pub service_directory: PathBuf,
}

/// Opens the logs of some services, merged by time. `lines`, `since` and `follow` of the query count, its
/// names do not.
///
/// # Errors
/// `unsupported` for a service that keeps no log files; `permission-denied`, `io`.
pub fn open(sources: Vec<Source>, query: &LogQuery) -> Result<Box<dyn LogStream>> {
    let _ = (sources, query);
    Err(Error::unsupported("to be written"))
}
