//! Names of attributes that live for ever, which is what the API's bags want: those of this version are
//! part of the program, others are kept, once each. There is a limit to those, because what comes in
//! from outside must not fill the memory; this version's names are never affected by it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use super::MAX_KEY;

/// Room for the names of newer versions.
const MOST: usize = 1024;

/// All names of this version, sorted.
const OURS: [&str; 116] = [
    "adopt",
    "advice",
    "after",
    "always_on",
    "answers",
    "ask",
    "at",
    "boot",
    "calls",
    "capabilities",
    "check",
    "code",
    "command",
    "console",
    "content",
    "delay",
    "description",
    "directory",
    "end",
    "env",
    "env_file",
    "environment",
    "error",
    "facts",
    "field",
    "fields",
    "files",
    "follow",
    "foreign",
    "form",
    "gid",
    "give_up",
    "goal",
    "group",
    "groups",
    "held_back",
    "hint",
    "home",
    "http",
    "id",
    "items",
    "keep",
    "kind",
    "last_exit",
    "left",
    "limits",
    "line",
    "lines",
    "log",
    "log_directory",
    "look_only",
    "message",
    "mode",
    "name",
    "names",
    "native",
    "native_code",
    "never_on",
    "note",
    "notify_fd",
    "offline",
    "ok",
    "ours",
    "outdated",
    "parts",
    "path",
    "pid",
    "pid1_args",
    "pid1_comm",
    "policy",
    "port",
    "program",
    "ready",
    "reason",
    "records",
    "replace",
    "requires",
    "rest",
    "restart",
    "restarts",
    "root",
    "runtime_dir",
    "scope",
    "sd_notify",
    "secret",
    "service",
    "settings",
    "signal",
    "since",
    "size",
    "spec",
    "start",
    "state",
    "state_dir",
    "status",
    "stderr",
    "stop",
    "summary",
    "support",
    "time",
    "timeout",
    "to",
    "told_up",
    "transient",
    "truthy",
    "uid",
    "umask",
    "up",
    "user",
    "users",
    "value",
    "version",
    "wanted_up",
    "warnings",
    "when",
    "within",
];

static OTHERS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

/// The same name, living for ever; `None` for one that is too long or one too many.
pub fn known(name: &str) -> Option<&'static str> {
    if let Ok(at) = OURS.binary_search(&name) {
        return Some(OURS[at]);
    }
    let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    let others = others.get_or_insert_default();
    if let Some(found) = others.get(name) {
        return Some(found);
    }
    if name.len() > MAX_KEY || others.len() >= MOST {
        return None;
    }
    let kept: &'static str = Box::leak(name.into());
    others.insert(kept);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::OURS;
    use std::{fs, path::Path};

    /// The fields in the declarations of structures that cross, as far as a reader of lines finds them.
    fn declared(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                declared(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for declaration in text.split("\nwire_struct! {").skip(1) {
                let fields = declaration.split("\n}\n").next().unwrap().lines();
                let names = fields.filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "));
                found.extend(names.map(|(name, _)| name.to_owned()));
            }
        }
    }

    #[test]
    fn every_name_of_the_api_is_among_ours() {
        let mut found = Vec::new();
        declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../backend-api/src"), &mut found);
        assert!(found.len() > 80, "only {} fields found: this test reads them wrongly", found.len());
        let missing: Vec<_> = found.iter().filter(|name| !OURS.contains(&name.as_str())).collect();
        assert!(missing.is_empty(), "add these to OURS in {}: {missing:?}", file!());
    }

    #[test]
    fn ours_are_sorted() {
        assert!(OURS.is_sorted());
    }
}
