//! Crossing into a backend's library: loading one, and a log record that nobody wants. Measured inside one
//! process by `host/benches/boundary.rs`, which is built as a part of the host.

use super::bed::Bed;
use super::row::{Goal, Row};
use super::samples::Samples;
use crate::tool::{Done, cargo, output};
use serde_json::Value;
use std::path::PathBuf;

/// Where the measuring program and the library that logs are inside.
const PROGRAM: &str = "/opt/boundary";
const LOGGING: &str = "/opt/logging";
/// The library's manifest, under which it is found.
const MANIFEST: &str = "id = \"unruly\"\nsummary = \"logs\"\nlibrary = \"libunruly.so\"\napi = \"1.0\"\n\
    scopes = [\"system\"]\n[fits]\nos = \"linux\"\n";

pub fn measure() -> Done<Vec<Row>> {
    let told = output(cargo().args(["bench", "--package", "anysvc", "--bench", "boundary"]).args([
        "--no-run",
        "--message-format=json",
        "--quiet",
    ]))?;
    let built: Vec<Value> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let bed = Bed::of_s6()?;
    bed.install(PROGRAM, &artifact(&built, "boundary", "boundary-")?)?;
    bed.install(&format!("{LOGGING}/libunruly.so"), &artifact(&built, "anysvc_test_unruly", ".so")?)?;
    bed.write(&format!("{LOGGING}/unruly.toml"), MANIFEST);
    let said = bed.must(&[PROGRAM, "/opt/anysvc/lib/anysvc/backends", "s6", LOGGING])?;
    let said: Value = serde_json::from_str(&said).map_err(|error| format!("what was measured: {error}"))?;
    let samples = |key: &str| {
        Samples::new(said[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect())
    };
    let record = said["record"].as_f64().ok_or("no time of a record")?;
    Ok(vec![
        Row::times("plugin-load", &samples("ours"), &samples("plain"), Goal::Over(150.0))
            .note("from an id to functions (manifest, trust, look, dlopen, header), and a plain dlopen"),
        Row::budget("log-record", "ns", record, 5.0).note("in a plugin, where the host wants none"),
    ])
}

/// A file that cargo made of this target.
fn artifact(built: &[Value], target: &str, part: &str) -> Done<PathBuf> {
    let files = built.iter().filter(|told| told["target"]["name"] == target);
    let mut files = files.flat_map(|told| told["filenames"].as_array().into_iter().flatten());
    let file = files.find_map(|file| file.as_str().filter(|file| file.contains(part)));
    file.map(PathBuf::from).ok_or_else(|| format!("cargo built no {target}"))
}
