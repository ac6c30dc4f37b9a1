//! Every file of the s6 service directory of one service, made from its spec: pure rendering. It reads
//! nothing, writes nothing, and does not know scandirs, supervise/ or `down`.

use std::path::PathBuf;

use anysvc_backend_api::{Description, Error, Registration, Result, ServiceSpec};

/// The account that registers; the service directory is its own.
pub use anysvc_backend_api::User as Owner;

/// Where the s6 commands are. Scripts name them by absolute path: under s6-overlay they are not on PATH.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The folder that holds `s6-log`, `s6-envdir` and the others: `/command`, `/usr/bin`.
    pub dir: PathBuf,
    /// The version of s6, where known: scripts use nothing that is newer.
    pub version: Option<(u32, u32)>,
}

/// One file of a service directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where, relative to the service directory.
    pub path: PathBuf,
    /// Its mode.
    pub mode: u32,
    /// What it holds.
    pub content: Vec<u8>,
    /// Whether it holds values that are not for everybody's eyes.
    pub secret: bool,
}

/// A service directory, to be published by somebody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceDirectory {
    /// Its files; folders are those that the paths name.
    pub files: Vec<File>,
}

/// Renders the service directory of a service.
///
/// # Errors
/// What [`check`] refuses; and `permission-denied` when another than root names another user.
pub fn service_directory(registration: &Registration, owner: &Owner, tools: &Tools) -> Result<ServiceDirectory> {
    let _ = (owner, tools);
    check(&registration.spec)?;
    Err(Error::unsupported("to be written"))
}

/// Refuses, by the name of the field, what s6 can't do.
///
/// # Errors
/// `unsupported` or `invalid-spec`.
pub fn check(spec: &ServiceSpec) -> Result<()> {
    let _ = spec;
    Ok(())
}

/// Adds the answer for each field of a spec.
pub fn fields(description: Description) -> Description {
    description
}
