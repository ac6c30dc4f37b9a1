//! The field matrix, walked: what `backends --matrix` says of each field of a spec is held against what a
//! service with that field really does. Native and carried ones behave, refused ones are refused by name
//! with nothing changed. Nothing here may know a service manager.
//!
//! ```text
//! #[test]
//! fn as_root() {
//!     anysvc_tests::matrix::walk(|| Somebody { lab: S6Lab::new().start(), uid: 0, backend: "s6" });
//! }
//! ```

mod life;
mod logs;
mod process;
mod ready;
mod service;

use service::stays;
pub use service::{refuses_a_limit_above, unchanged_by};

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::scenario::Stage;

/// How a field is tested.
struct Row {
    /// As the matrix has it.
    field: &'static str,
    /// What a service with it says below `[service.x]`, for where it is refused.
    sample: &'static str,
    /// What has to be true where it is not.
    behaves: fn(&dyn Stage),
}

const fn row(field: &'static str, sample: &'static str, behaves: fn(&dyn Stage)) -> Row {
    Row { field, sample, behaves }
}

/// Every field there is.
const ROWS: [Row; 33] = [
    row("description", "description = 'A web'", process::description),
    row("env", "env = { A = '1' }", process::env),
    row("env-file", "env-file = '/srv/env'", process::env_file),
    row("directory", "directory = '/usr'", process::directory),
    row("user", "user = 'app'", process::user),
    row("group", "group = 'app'", process::group),
    row("umask", "umask = '0027'", process::umask),
    row("limits", "limits = { nofile = 321 }", process::limits),
    row("after", "after = ['db']", life::after),
    row("requires", "requires = ['db']", life::requires),
    row("boot", "boot = 'down'", life::boot),
    row("transient", "transient = true", life::transient),
    row("restart.policy", "restart.policy = 'never'", life::policy),
    row("restart.delay", "restart.delay = '2s'", life::delay),
    row("restart.give-up", "restart.give-up = { after = 2, within = '60s' }", life::give_up),
    row("restart.never-on", "restart.never-on = [9]", life::never_on),
    row("restart.always-on", "restart.always-on = [3]", life::always_on),
    row("stop.signal", "stop.signal = 'USR1'", life::stop_signal),
    row("stop.timeout", "stop.timeout = '1s'", life::stop_timeout),
    row("ready.notify-fd", "ready.notify-fd = 4", ready::notify_fd),
    row("ready.sd-notify", "ready.sd-notify = true", ready::sd_notify),
    row("ready.check", "ready.check = ['true']", ready::check),
    row("ready.port", "ready.port = 8000", ready::port),
    row("ready.http", "ready.http = 'http://127.0.0.1:8000/'", ready::http),
    row("log.to=manager", "log.to = 'manager'", logs::to_manager),
    row("log.to=files", "log.to = 'files'", logs::to_files),
    row("log.to=none", "log.to = 'none'", logs::to_none),
    row("log.directory", "log.directory = '/srv/log'", logs::directory),
    row("log.size", "log.size = 8192", logs::size_and_keep),
    row("log.keep", "log.keep = 2", logs::size_and_keep),
    row("log.console", "log.console = true", logs::console),
    row("when.env", "when.env = 'FLAG'", life::when),
    row("${VAR}", "directory = '${PLACE}'", process::expansion),
];

/// Stages that play at once.
const AT_ONCE: usize = 4;

/// Tries every field of the matrix on a stage of its own. Panics with all that is not as it says, and where
/// there is a field that nobody tries.
pub fn walk<S: Stage>(stage: impl Fn() -> S + Sync) {
    let matrix = matrix(&stage());
    for Row { field, .. } in &ROWS {
        assert!(matrix.iter().any(|(known, _)| known == field), "the matrix has no field {field}");
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((field, support)) = matrix.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tried = catch_unwind(AssertUnwindSafe(|| try_field(&stage(), field, support)));
            if let Err(panic) = tried {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let text = text.unwrap_or_default();
                wrong.lock().expect("nobody panics with it").push(format!("== {field}, {support}: {text}"));
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().expect("nobody panics with it");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each field, and what is said of it.
fn matrix(stage: &dyn Stage) -> Vec<(String, String)> {
    let document = stage.anysvc(&["backends", "--matrix", "--json"]).ends(0).json();
    let backends = document["backends"].as_array().cloned().unwrap_or_default();
    let ours = backends.iter().find(|backend| backend["id"] == stage.backend()).expect("it is installed");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let fields = ours["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|field| (text(&field["field"]), text(&field["support"]))).collect()
}

/// Whether a field does what it says on this stage.
fn supports(stage: &dyn Stage, field: &str) -> bool {
    matrix(stage).iter().any(|(known, support)| known == field && support != "refused")
}

fn try_field(stage: &dyn Stage, field: &str, support: &str) {
    let row = ROWS.iter().find(|row| row.field == field);
    let row = row.unwrap_or_else(|| panic!("no test tries it: add it to ROWS in tests/src/matrix/mod.rs"));
    match support {
        "native" | "carried" => (row.behaves)(stage),
        "refused" => {
            let name = field.split('=').next().unwrap_or(field);
            unchanged_by(stage, &stays(row.sample), 6, name);
        }
        other => panic!("what is `{other}`?"),
    }
}
