//! Every field of a spec on s6, as the matrix has it: as root, and as an unprivileged user in a tree of his
//! own.

use anysvc_tests::{APP, S6Lab, matrix, scenario::Somebody};

#[test]
fn as_root() {
    matrix::walk(|| Somebody { lab: S6Lab::new().start(), uid: 0, backend: "s6" });
}

#[test]
fn as_app_in_a_tree_of_its_own() {
    matrix::walk(|| Somebody { lab: S6Lab::new().nested().start(), uid: APP, backend: "s6" });
}

#[test]
fn a_limit_above_what_can_be_set_is_refused_by_name() {
    for uid in [0, APP] {
        matrix::refuses_a_limit_above(&Somebody { lab: S6Lab::new().nested().start(), uid, backend: "s6" });
    }
}

#[test]
fn nothing_is_passed_through() {
    for uid in [0, APP] {
        let stage = Somebody { lab: S6Lab::new().nested().start(), uid, backend: "s6" };
        matrix::unchanged_by(&stage, "command = ['sleep', '1000']\nnative.s6.nice = 3\n", 6, "native.s6");
    }
}
