//! Every file of the s6 service directory of one service, made from its spec: pure rendering, but for
//! [`forget_failures`]. It does not know scandirs, who publishes, or `down`.
//!
//! # Whose steps are whose
//! The service directory belongs to the account that registers, its *owner*.
//! - Another than root owns it: root's s6-supervise may run the scripts (in a shared scandir) or the
//!   owner's own (in a nested tree). Where it is root's, a script first becomes its owner for good.
//! - Root owns it: `run` and `finish` do what touches the service directory as root. Whatever is reached
//!   by a path of the service (environment file, directory, log folder, program) comes after the drop to
//!   the service's user.
//!
//! What the shell runs itself is found by `command -p`: the PATH that the service is given may lead anywhere.
//!
//! # What is found in data/
//! [`marker`] lists the files that the scripts, the publisher and the reader of states share.

mod account;
mod check;
mod environment;
mod finish;
mod forget;
mod log;
pub mod marker;
mod parts;
mod run;
mod support;

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Registration, Result};

pub use check::check;
pub use forget::forget_failures;
pub use parts::Parts;
pub use support::fields;

/// The account that registers; the service directory is its own.
pub use anysvc_backend_api::User as Owner;

/// Where the s6 commands are. Scripts name them by absolute path: under s6-overlay they are not on PATH.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The folder that holds `s6-log`, `s6-envdir` and the others: `/command`, `/usr/bin`.
    pub dir: PathBuf,
    /// The version of s6, where known. Nothing depends on it yet: the scripts find out at run time.
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

/// A service directory, to be published by somebody else. Folders are those that the paths name: 0755
/// each, which `env` needs no less (its files are 0600).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceDirectory {
    /// Its files.
    pub files: Vec<File>,
    /// What its lock says of it.
    pub note: String,
}

impl ServiceDirectory {
    /// The content of a file.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        self.files.iter().find(|f| f.path == path.as_ref()).map(|f| &*f.content)
    }

    fn add(&mut self, path: impl Into<PathBuf>, mode: u32, content: impl Into<Vec<u8>>) {
        self.files.push(File { path: path.into(), mode, content: content.into(), secret: false });
    }
}

/// All that a script is made from.
struct Plan<'a> {
    registration: &'a Registration,
    spec: &'a anysvc_backend_api::ServiceSpec,
    owner: &'a Owner,
    tools: &'a Tools,
    account: account::Account<'a>,
}

/// Renders the service directory of a service.
///
/// # Errors
/// What [`check()`] refuses; `permission-denied` when another than root names another user or group.
pub fn service_directory(
    registration: &Registration,
    owner: &Owner,
    tools: &Tools,
) -> Result<ServiceDirectory> {
    let spec = &registration.spec;
    check(spec)?;
    let account = account::Account::of(spec, owner)?;
    let plan = Plan { registration, spec, owner, tools, account };
    let mut made = ServiceDirectory::default();
    made.add("type", 0o644, "longrun\n");
    made.add("run", 0o755, run::render(&plan));
    made.add("finish", 0o755, finish::render(&plan));
    made.files.extend(finish::parameters(spec));
    made.files.extend(log::files(&plan));
    made.files.extend(environment::files(spec));
    marker::add(&mut made, spec);
    Ok(made)
}
