//! What spec files and options give, and the exact text of everything they refuse.

mod errors;
mod options;
mod reading;
mod reference;
mod round_trip;
mod templates;

use std::path::Path;

use anysvc_backend_api::{Error, Result};

use super::{Spec, SpecFile, parse};

fn file(text: &str) -> Result<SpecFile> {
    parse(text, Path::new("web.toml"))
}

/// The one service of a text.
#[track_caller]
fn service(text: &str) -> Spec {
    file(text).unwrap_or_else(|e| panic!("{}", e.message)).services.remove(0)
}

/// A service with a command, and more lines.
fn web(lines: &str) -> String {
    format!("[service.web]\ncommand = [\"/bin/web\"]\n{lines}\n")
}

/// The message and hint of what a text is refused with.
#[track_caller]
fn refusal(text: &str) -> Error {
    file(text).expect_err("it is taken")
}
