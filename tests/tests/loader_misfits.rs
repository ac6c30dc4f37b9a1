//! What can be found out only after a library was loaded: it has no functions, or other ones. Each fault
//! has its own text, and the process lives on.

#[path = "../plugins/support.rs"]
mod support;

use anysvc_backend_api::ErrorKind;
use support::{Installed, library, mark, replaced};

#[track_caller]
fn refused(bytes: &[u8], text: &str) {
    let installed = Installed::new(bytes);
    let error = installed.refusal();
    let expected = format!("the backend `x` can't be used: {text}");
    assert!(error.message.starts_with(&expected), "expected {expected:?}, got {:?}", error.message);
    assert_eq!(error.kind, ErrorKind::Plugin);
    assert_eq!(error.path, Some(installed.library()));
    assert!(error.hint.is_some() && error.message.len() < 400, "{error:?}");
}

#[test]
fn no_root_module() {
    refused(&library("rootless"), "it has no root module");
}

#[test]
fn a_layout_that_does_not_fit() {
    refused(
        &library("misfit"),
        "its functions do not fit: it was built with API 1.0 (layout 00000000deadbeef), this anysvc with 1.",
    );
}

#[test]
fn a_panic_while_its_functions_are_made() {
    refused(&library("stillborn"), "it panicked when it was loaded");
}

#[test]
fn another_abi_stable() {
    let magic = b"abi stable library for Rust";
    let other = replaced(&library("unruly"), magic, b"ABI STABLE LIBRARY FOR RUST");
    refused(&other, "it was built with another abi_stable");
}

#[test]
fn a_library_that_it_needs_is_missing() {
    let file = replaced(&library("unruly"), b"\0libc.so.6\0", b"\0libq.so.6\0");
    let installed = Installed::new(&file);
    let error = installed.refusal();
    let path = installed.library();
    let expected = format!("the backend `x` can't be used: {} can't be loaded: libq.so.6", path.display());
    assert!(error.message.starts_with(&expected), "{error}");
    assert!(!error.message.contains("/proc/self"), "{error}");
}

#[test]
fn another_id_than_the_manifests() {
    let installed = Installed::new(&library("unruly"));
    let loaded = installed.load(anysvc::environment::Caller::plain(0, 0)).expect("it can be loaded");
    let error = loaded.describe().expect_err("another id");
    let path = installed.library();
    assert_eq!(
        error.message,
        format!("{} is the backend `unruly`, and its manifest says `x`", path.display())
    );
    assert_eq!(error.kind, ErrorKind::Plugin);
}

#[test]
fn loading_runs_constructors_which_is_why_everything_else_is_looked_at_first() {
    let installed = Installed::new(&library("unruly"));
    installed.load(anysvc::environment::Caller::plain(0, 0)).map(drop).expect("it can be loaded");
    assert!(mark().exists(), "the constructor leaves a mark");
    std::fs::remove_file(mark()).expect("a removal");
}
