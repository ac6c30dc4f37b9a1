//! From a backend's file to its functions, in an order that runs none of its code before everything that
//! can be known without running it is known: trust, look, dlopen, header, layout. This module must not
//! know which backend it loads, nor why.

mod log_forward;
mod module;
mod open;
mod verify;

use std::path::PathBuf;

use anysvc_backend_api::{
    Description, Error, ErrorKind, Result,
    abi::{BackendModuleRef, NoteFacts},
    remote,
};

use crate::{discovery::Found, environment::Environment, look, trust::Trusted};
pub use log_forward::host_fns;
pub use verify::{Stage, Verification, verify};

/// A library that is trusted and looks like a backend; none of its code has run.
#[derive(Debug)]
pub struct Examined {
    /// The id of the backend, by its manifest.
    pub id: String,
    /// What its note says.
    pub note: NoteFacts,
    file: Trusted,
}

/// A loaded backend.
pub struct Loaded {
    /// Its id.
    pub id: String,
    /// Its library, as resolved.
    pub path: PathBuf,
    /// What its note says.
    pub note: NoteFacts,
    /// Its functions, for [`remote::Remote::open`].
    pub module: BackendModuleRef,
}

/// Looks at a backend's library without running any of its code: who owns it, and what it is.
///
/// # Errors
/// `plugin`, each fault with its own text.
pub fn examine(found: &Found, env: &Environment) -> Result<Examined> {
    if let Err(error) = &found.manifest {
        return Err(error.clone());
    }
    let file = found.open_library(env.owners()).map_err(|error| for_backend(error, &found.id))?;
    let note = look::look(&file.file, &file.path).map_err(|error| for_backend(error, &found.id))?;
    Ok(Examined { id: found.id.clone(), note, file })
}

/// Loads a library that was looked at, for good: it is never unloaded.
///
/// # Errors
/// `plugin`: it can't be loaded, has no root module, or one whose layout does not fit.
pub fn load(library: Examined) -> Result<Loaded> {
    let Examined { id, note, file } = library;
    let path = file.path.clone();
    let attempt = || module::root_module(&open::open(file)?, note);
    let module = attempt().map_err(|error| for_backend(error.with_path(&path), &id))?;
    Ok(Loaded { id, path, note, module })
}

impl Loaded {
    /// What the backend is and can do. Its id has to be the manifest's.
    ///
    /// # Errors
    /// `plugin` for another id; `panicked`.
    pub fn describe(&self) -> Result<Description> {
        let description = remote::describe(self.module, host_fns())?;
        if description.id == self.id {
            return Ok(description);
        }
        let (said, path) = (description.id.escape_debug(), self.path.display());
        let message = format!("{path} is the backend `{said}`, and its manifest says `{}`", self.id);
        let hint = "the manifest's `library` names the wrong file";
        Err(Error::new(ErrorKind::Plugin, message).with_hint(hint).with_path(&self.path))
    }
}

/// Whatever is wrong with a library, it is the backend that can't be used; and which one is said.
fn for_backend(mut error: Error, id: &str) -> Error {
    error.kind = ErrorKind::Plugin;
    error.message = format!("the backend `{id}` can't be used: {}", error.message);
    error.hint.get_or_insert_with(|| "install the backend again".to_owned());
    error
}
