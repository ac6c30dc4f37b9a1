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
    // A status from the records has those of the supervisor that kept it.
    facts.retain(|(key, _)| ![RECORD, SUPERVISOR, LOG_FOLDER].contains(&key.as_str()));
    facts.push((RECORD.to_owned(), text(&folder.join("services").join(&status.name))));
    facts.push((SUPERVISOR.to_owned(), Value::Int(std::process::id().into())));
    if let Some(log_folder) = log_folder {
        facts.push((LOG_FOLDER.to_owned(), text(log_folder)));
    }
    status.native = Value::Map(facts);
    status.made_by_us()
}

const RECORD: &str = "record";
const SUPERVISOR: &str = "supervisor";
/// Where the log files are, in what is native of a status.
pub const LOG_FOLDER: &str = "log-folder";

fn text(path: &Path) -> Value {
    Value::Text(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use anysvc_backend_api::State;

    use super::*;

    #[test]
    fn what_an_earlier_supervisor_said_is_replaced_and_the_rest_stays() {
        let pairs = [("says", text(Path::new("busy"))), (RECORD, Value::Null), (SUPERVISOR, Value::Int(1))];
        let mut old = Status::new("a", State::Stopped);
        old.native = Value::Map(pairs.map(|(key, value)| (key.to_owned(), value)).into());
        let once = present(old, Path::new("/s"), Some(Path::new("/l")));
        let twice = present(once.clone(), Path::new("/s"), Some(Path::new("/l")));
        assert_eq!(twice, once);
        let Value::Map(pairs) = once.native else { panic!("{once:?}") };
        let keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["says", RECORD, SUPERVISOR, LOG_FOLDER]);
        assert_eq!(pairs[2].1, Value::Int(std::process::id().into()));
    }
}
