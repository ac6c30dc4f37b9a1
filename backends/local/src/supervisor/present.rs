//! A service's status as clients see it: what the engine says, with our mark and where its files are. It
//! must not know requests.

use std::path::Path;

use anysvc_backend_api::{Status, Value};

/// Adds what the engine does not know.
pub fn present(mut status: Status, folder: &Path, log_folder: Option<&Path>) -> Status {
    let mut facts = match std::mem::take(&mut status.native) {
        Value::Map(pairs) => pairs,
        _ => Vec::new(),
    };
    facts.push(("record".to_owned(), text(&folder.join("services").join(&status.name))));
    facts.push(("supervisor".to_owned(), Value::Int(std::process::id().into())));
    if let Some(log_folder) = log_folder {
        facts.push((LOG_FOLDER.to_owned(), text(log_folder)));
    }
    status.native = Value::Map(facts);
    status.made_by_us()
}

/// Where the log files are, in what is native of a status.
pub const LOG_FOLDER: &str = "log-folder";

fn text(path: &Path) -> Value {
    Value::Text(path.to_string_lossy().into_owned())
}
