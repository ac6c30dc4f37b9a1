//! `./x bench [NAME...]`: our commands beside their peers: a table, and `target/bench.json`.
//!
//! # How to add a bench
//! A file here with a `measure` that returns [`Row`]s, and a line in [`BENCHES`]. A row holds what was
//! measured, ours and the peer's, and the goal. Both are measured in one run and in turn ([`bed`] does it,
//! in a laboratory), so that both see the same machine; what counts is the ratio. The peer is what one
//! would use without us, at its best.

pub mod bare;
mod bed;
mod boundary;
mod control;
pub mod inside;
mod many;
mod profile;
mod register;
mod row;
mod samples;
mod size;
mod status;
mod supervisord;
mod systemd;

use crate::tool::Done;
use crate::{build, packages};
use anysvc_tests::target_dir;
use row::Row;

/// Comparisons that are measured together.
pub struct Bench {
    /// As it is named on the command line.
    pub name: &'static str,
    /// For the help.
    pub what: &'static str,
    measure: fn() -> Done<Vec<Row>>,
}

/// All of them.
pub const BENCHES: [Bench; 8] = [
    Bench {
        name: "status",
        what: "`anysvc status NAME` and `s6-svstat DIR`, whole processes",
        measure: status::measure,
    },
    Bench {
        name: "control",
        what: "`anysvc start`, `stop` and s6-svc; `unregister` after the service's end",
        measure: control::measure,
    },
    Bench {
        name: "many",
        what: "status, list and memory with 1,000 and 10,000 services",
        measure: many::measure,
    },
    Bench {
        name: "register",
        what: "1,000 services by one `register --file` or `reconcile`, and the bare file operations",
        measure: register::measure,
    },
    Bench {
        name: "boundary",
        what: "loading a plugin, and plain dlopen; a log record that nobody wants",
        measure: boundary::measure,
    },
    Bench {
        name: "supervisord",
        what: "1,000 services under the embedded default, and under supervisord from PyPI",
        measure: supervisord::measure,
    },
    Bench {
        name: "systemd",
        what: "status, registering and starting on a real systemd, and systemctl",
        measure: systemd::measure,
    },
    Bench { name: "size", what: "the program and the s6 plugin, in MiB", measure: size::measure },
];

/// Whether this is a verb of what runs in the laboratories, whose arguments are commands.
pub fn is_inner(verb: &str) -> bool {
    [inside::VERB, bare::VERB].contains(&verb)
}

/// Measures those named, or all. An error only where measuring fails: a goal that is missed is
/// in the table, as what machines measure varies.
pub fn run(names: &[String]) -> Done {
    if let Some(unknown) = names.iter().find(|name| BENCHES.iter().all(|bench| bench.name != *name)) {
        return Err(format!(
            "no benchmark `{unknown}`; there are: {}",
            BENCHES.map(|bench| bench.name).join(", ")
        ));
    }
    packages::for_bench()?;
    build::run()?;
    let mut rows = Vec::new();
    println!("{}", row::HEADING);
    for bench in
        BENCHES.iter().filter(|bench| names.is_empty() || names.iter().any(|name| name == bench.name))
    {
        for row in (bench.measure)().map_err(|reason| format!("bench {}: {reason}", bench.name))? {
            println!("{row}");
            rows.push(row.json());
        }
    }
    let path = target_dir().join("bench.json");
    std::fs::write(&path, format!("{:#}\n", serde_json::Value::Array(rows)))
        .map_err(|error| format!("writing {}: {error}", path.display()))
}
