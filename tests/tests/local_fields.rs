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

#[test]
fn a_limit_above_what_can_be_set_is_refused_by_name() {
    [0, APP].into_iter().for_each(|uid| matrix::refuses_a_limit_above(&somebody(uid)));
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

#[test]
fn several_that_never_become_ready_take_the_time_of_one() {
    let lab = S6Lab::new().facts(Facts::NoBasedir).start();
    // Of one that says nothing a word is waited for, one after the other.
    let spec = "command = ['sh', '-c', 'echo not yet; exec sleep 1000']\n\
                ready = { check = ['false'], timeout = '3s' }\n";
    let specs: String = (0..9).map(|at| format!("[service.web{at}]\n{spec}")).collect();
    lab.write("/srv/many.toml", APP, 0o644, specs);
    let begun = std::time::Instant::now();
    let mut failed = lab.anysvc(["register", "--file", "/srv/many.toml"]).uid(APP).run().fails(11);
    // One after the other it would be twenty-seven seconds.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    for at in 0..9 {
        let named = format!("`web{at}` did not become ready within 3 s");
        failed = failed.stderr_contains(&named);
    }
    assert!(!failed.stderr().contains("no time left"), "each is tried: {}", failed.stderr());
}
