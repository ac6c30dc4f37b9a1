//! Every field of a spec on the embedded default, as the matrix has it: as root, and as an unprivileged user.

use anysvc_tests::{APP, Facts, S6Lab, matrix, scenario::Somebody};

fn somebody(uid: u32) -> Somebody {
    Somebody { lab: S6Lab::new().facts(Facts::NoBasedir).start(), uid, backend: "local" }
}

#[test]
fn as_root() {
    matrix::walk(|| somebody(0));
}

#[test]
fn as_app() {
    matrix::walk(|| somebody(APP));
}

/// It would be started again and again, and never run.
#[test]
fn a_limit_above_what_can_be_set_is_refused_by_name() {
    let lab = S6Lab::new().facts(Facts::NoBasedir).start();
    for uid in [0, APP] {
        let anysvc = |args: &[&str]| lab.anysvc([&["--backend", "local"], args].concat()).uid(uid).run();
        let refused =
            anysvc(&["register", "web", "--limit", "nofile=999999999999", "--", "sleep", "1000"]).fails(6);
        refused.stderr_contains("limits.nofile: 999999999999 is more than ").stderr_contains("hint: name ");
        anysvc(&["status", "web"]).fails(4);
    }
}

#[test]
fn nothing_is_passed_through() {
    for uid in [0, APP] {
        let spec = "command = ['sleep', '1000']\nnative.local.nice = 3\n";
        matrix::unchanged_by(&somebody(uid), spec, 2, "native.local");
    }
}

#[test]
fn it_is_named_as_the_embedded_one() {
    let lab = S6Lab::new().facts(Facts::NoBasedir).start();
    lab.anysvc(["backends"]).uid(APP).run().success().stdout_contains("embedded");
}
