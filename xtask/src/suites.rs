//! The suites of `./x test`: what is in each, and what it needs first.
//!
//! The files of `tests/tests/` are dealt out by the beginning of their names, so that a new file
//! is in a suite without being listed: `local_*.rs`, `s6_*.rs`, `systemd_*.rs`, `examples_*.rs`,
//! `docs_*.rs`, and all others in `unit`.

use crate::tool::{Done, cargo};
use crate::{build, packages};
use anysvc_tests::repository;
use std::process::Command;

/// A suite: cargo commands whose `test result:` lines are summed.
pub struct Suite {
    /// As it is named on the command line.
    pub name: &'static str,
    /// For the help.
    pub what: &'static str,
    /// What must be there before.
    pub prepare: fn() -> Done,
    /// What to run.
    pub commands: fn() -> Done<Vec<Command>>,
}

/// All of them, in the order they are run in: the quickest to fail first.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "unit",
        what: "every crate's own tests, the examples in their docs, and tidiness",
        prepare: || Ok(()),
        commands: unit,
    },
    Suite {
        name: "fuzz",
        what: "spoilt documents, some seconds for everything that reads what others wrote",
        prepare: || Ok(()),
        commands: || Ok(vec![fuzz()]),
    },
    Suite {
        name: "local",
        what: "the built program and its embedded default, where there is no service manager",
        prepare: || packages::for_python_in_the_lab().and_then(|()| build::run()),
        commands: || Ok(vec![files(&of("local_")?)]),
    },
    Suite {
        name: "s6",
        what: "the built program against a real s6, in the laboratory",
        prepare: || packages::for_s6_lab().and_then(|()| build::run()),
        commands: || Ok(vec![files(&of("s6_")?)]),
    },
    Suite {
        name: "systemd",
        what: "the built program against a real systemd, in its laboratory",
        prepare: || packages::for_systemd_lab().and_then(|()| build::run()),
        commands: || Ok(vec![files(&of("systemd_")?)]),
    },
    Suite {
        name: "examples",
        what: "what is in examples/: its stories and tests, on s6 and on the embedded default",
        prepare: || packages::for_examples().and_then(|()| build::run()),
        commands: || Ok(vec![files(&of("examples_")?)]),
    },
    Suite {
        name: "docs",
        what: "rustdoc without a warning; every link in the Markdown leads somewhere",
        prepare: || Ok(()),
        commands: docs,
    },
];

fn unit() -> Done<Vec<Command>> {
    let mut crates = cargo_test();
    crates.args(["--workspace", "--exclude", "anysvc-tests", "--", "--skip", FUZZ_TARGETS]);
    let mut ours = files(&others()?);
    ours.arg("--lib");
    let mut doc = cargo_test();
    doc.args(["--package", "anysvc-tests", "--doc"]);
    Ok(vec![crates, ours, doc])
}

/// Where the targets are: modules of this name, in any crate.
const FUZZ_TARGETS: &str = "fuzz::";
/// For each target; together some half a minute on two cores.
const FUZZ_MILLISECONDS: &str = "4000";

fn fuzz() -> Command {
    let mut targets = cargo_test();
    targets.args(["--workspace", "--exclude", "anysvc-tests", "--lib", "--", FUZZ_TARGETS]);
    if std::env::var_os("ARBTEST_BUDGET_MS").is_none() {
        targets.env("ARBTEST_BUDGET_MS", FUZZ_MILLISECONDS);
    }
    targets
}

fn docs() -> Done<Vec<Command>> {
    let mut rustdoc = cargo();
    rustdoc
        .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");
    Ok(vec![rustdoc, files(&of("docs_")?)])
}

fn cargo_test() -> Command {
    let mut command = cargo();
    command.args(["test", "--no-fail-fast"]);
    command
}

fn files(names: &[String]) -> Command {
    let mut command = cargo_test();
    command.args(["--package", "anysvc-tests"]);
    command.args(names.iter().flat_map(|name| ["--test", name]));
    command
}

fn of(prefix: &str) -> Done<Vec<String>> {
    Ok(test_files()?.into_iter().filter(|name| name.starts_with(prefix)).collect())
}

fn others() -> Done<Vec<String>> {
    Ok(test_files()?
        .into_iter()
        .filter(|name| {
            !["local_", "s6_", "systemd_", "docs_", "examples_"].iter().any(|prefix| name.starts_with(prefix))
        })
        .collect())
}

fn test_files() -> Done<Vec<String>> {
    let folder = repository().join("tests/tests");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("listing {}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}
