//! From an open library to its functions: the root module's header, the version, and the layout, checked
//! in both directions where the fingerprints differ.

use std::fmt;

use abi_stable::{
    StableAbi,
    abi_stability::abi_checking::check_layout_compatibility,
    library::{
        AbiHeaderRef, LibHeader, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL, RootModule, RootModuleError,
    },
    type_layout::TypeLayout,
};
use anysvc_backend_api::{
    Error, ErrorKind, Result,
    abi::{API_MAJOR, API_MINOR, BackendModuleRef, FINGERPRINT, NoteFacts},
};

use super::open::Open;

/// The functions of a library.
pub(super) fn root_module(library: &Open, note: NoteFacts) -> Result<BackendModuleRef> {
    let header = header(library)?;
    if note.fingerprint != FINGERPRINT {
        check_layout(header, note)?;
    }
    // SAFETY: the layout is known to fit: either the fingerprints are equal, which cover all that decides
    // it, or it was checked.
    let module = unsafe { header.init_root_module_with_unchecked_layout::<BackendModuleRef>() };
    module.map_err(|error| refuse(what(error)))
}

fn header(library: &Open) -> Result<&'static LibHeader> {
    // SAFETY: under this name abi_stable exports a static of the type that `AbiHeaderRef` refers to; that
    // it is one is checked by `upgrade`, and the library is never unloaded.
    let found = unsafe { library.symbol::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) };
    let header = found.ok_or_else(|| {
        refuse("it has no root module").with_hint("the library has to call `export_backend!`")
    })?;
    header.upgrade().map_err(|error| refuse(what(error)))
}

/// Fits when either side may be the older one: abi_stable allows what was added in the library only, and
/// with its arguments swapped what was added in the host only. What an older library lacks reads as absent.
fn check_layout(header: &LibHeader, note: NoteFacts) -> Result<()> {
    let ours = <BackendModuleRef as StableAbi>::LAYOUT;
    // A library may leave its layout out; then nothing says that it fits.
    let Some(theirs) = header.layout() else { return Err(refuse(misfit(note))) };
    if fits(ours, theirs) { Ok(()) } else { Err(refuse(misfit(note))) }
}

fn fits(ours: &'static TypeLayout, theirs: &'static TypeLayout) -> bool {
    check_layout_compatibility(ours, theirs).is_ok() || check_layout_compatibility(theirs, ours).is_ok()
}

fn misfit(note: NoteFacts) -> impl fmt::Display {
    let NoteFacts { major, minor, fingerprint } = note;
    format!(
        "its functions do not fit: it was built with API {major}.{minor} (layout {fingerprint:016x}), this \
         anysvc with {API_MAJOR}.{API_MINOR} (layout {FINGERPRINT:016x})"
    )
}

/// What abi_stable complains of, in a line: its own texts are pages long.
fn what(error: LibraryError) -> String {
    let version = || <BackendModuleRef as RootModule>::VERSION_STRINGS;
    match error {
        LibraryError::IncompatibleVersionNumber { expected_version, actual_version, .. } => {
            format!(
                "it was built with anysvc-backend-api {actual_version}, this anysvc with {expected_version}"
            )
        }
        LibraryError::InvalidAbiHeader(header) => format!(
            "it was built with another abi_stable, {}.{}, or its root module is none",
            header.abi_major, header.abi_minor
        ),
        LibraryError::RootModule { err: RootModuleError::Unwound, .. } => {
            "it panicked when it was loaded".to_owned()
        }
        LibraryError::RootModule { .. } => "it refused to be loaded".to_owned(),
        LibraryError::InvalidCAbi { .. } => "its compiler passes values in another way".to_owned(),
        _ => format!("it does not fit anysvc-backend-api {}", version().version),
    }
}

fn refuse(what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Plugin, what.to_string()).with_hint("rebuild or update the backend")
}

#[cfg(test)]
#[path = "module_tests.rs"]
mod tests;
