//! `./x bench [NAME...]`: our commands beside their peers: a table, and `target/bench.json`.

use crate::tool::Done;
use crate::{build, packages, spawn_times};
use anysvc_tests::{S6Lab, target_dir};
use serde_json::json;

/// One comparison.
pub struct Bench {
    /// As it is named on the command line and in the JSON.
    pub name: &'static str,
    /// For the help.
    pub what: &'static str,
    /// The ratio of ours to the peer's that must not be exceeded.
    goal: f64,
    /// Ours and the peer's, in microseconds.
    measure: fn() -> Done<(f64, f64)>,
}

/// All of them.
pub const BENCHES: [Bench; 1] = [Bench {
    name: "status",
    what: "`anysvc status NAME` and `s6-svstat DIR`, whole processes, in the s6 laboratory",
    // The budget counts the trust checks, which s6-svstat does not make.
    goal: 1.4,
    measure: status,
}];

/// Measures those named, or all. An error only where measuring fails: a goal that is missed is
/// in the table, as what machines measure varies.
pub fn run(names: &[String]) -> Done {
    if let Some(unknown) = names.iter().find(|name| BENCHES.iter().all(|bench| bench.name != *name)) {
        return Err(format!(
            "no benchmark `{unknown}`; there are: {}",
            BENCHES.map(|bench| bench.name).join(", ")
        ));
    }
    packages::for_s6_lab()?;
    build::run()?;
    let mut rows = Vec::new();
    println!("{:<16} {:>12} {:>12} {:>7} {:>7}  met", "name", "ours (us)", "peer (us)", "ratio", "goal");
    for bench in
        BENCHES.iter().filter(|bench| names.is_empty() || names.iter().any(|name| name == bench.name))
    {
        let (ours, peer) = (bench.measure)().map_err(|reason| format!("bench {}: {reason}", bench.name))?;
        let (ratio, goal) = (ours / peer, bench.goal);
        let met = ratio <= goal;
        let word = if met { "yes" } else { "no" };
        println!("{:<16} {ours:>12.1} {peer:>12.1} {ratio:>7.2} {goal:>7.2}  {word}", bench.name);
        rows.push(json!({
            "name": bench.name, "ours": ours, "peer": peer, "ratio": ratio, "goal": goal, "met": met,
        }));
    }
    let path = target_dir().join("bench.json");
    std::fs::write(&path, format!("{:#}\n", serde_json::Value::Array(rows)))
        .map_err(|error| format!("writing {}: {error}", path.display()))
}

fn status() -> Done<(f64, f64)> {
    let lab = S6Lab::new().svscan_args("-c 12000").try_start()?;
    let registered =
        lab.command("anysvc").args(["register", "bench", "--", "/usr/bin/sleep", "100000"]).output();
    let registered = registered.map_err(|error| error.to_string())?;
    if !registered.status.success() {
        return Err(format!("`anysvc register` failed: {}", String::from_utf8_lossy(&registered.stderr)));
    }
    let peer = ["/command/s6-svstat", "/run/service/bench"];
    spawn_times::inside(&lab, 0, 700, &["/opt/anysvc/bin/anysvc", "status", "bench"], &peer)
}
