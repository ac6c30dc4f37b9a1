//! What is taken for an s6: process 1's name and the basedir together, and nothing less. Root and an
//! ordinary user are told the same, on real machines that lack one or the other.

use anysvc_tests::{APP, Facts, S6Lab};

/// What `detect` says to root and to an ordinary user. (Without /proc a program can't tell where it lies, and
/// so not what lies beside it: the folder is named.)
fn detected(lab: &S6Lab) -> [String; 2] {
    let command = ["detect", "--backend-path", "/opt/anysvc/lib/anysvc/backends"];
    [0, APP].map(|uid| lab.anysvc(command).uid(uid).run().success().stdout().trim().to_owned())
}

#[test]
fn a_real_s6_is_found_by_root_and_by_an_ordinary_user() {
    for lab in [S6Lab::new().start(), S6Lab::new().shared().start(), S6Lab::new().nested().start()] {
        assert_eq!(detected(&lab), ["s6", "s6"]);
    }
}

#[test]
fn half_of_the_facts_or_unreadable_ones_are_no_s6() {
    for facts in [Facts::NoBasedir, Facts::OtherPid1, Facts::NoProc, Facts::CommUnreadable] {
        let lab = S6Lab::new().facts(facts).start();
        assert_eq!(detected(&lab), ["local", "local"], "{facts:?}");
    }
}

#[test]
fn a_name_that_only_root_may_read_is_an_s6_to_root_alone() {
    // The one case in which the two differ: /proc mounted with hidepid.
    let lab = S6Lab::new().facts(Facts::HidePid).start();
    assert_eq!(detected(&lab), ["s6", "local"]);
}

#[test]
fn explaining_shows_each_fact_as_it_was_read() {
    let seen = |facts, fact: &str| {
        let lab = S6Lab::new().facts(facts).start();
        for uid in [0, APP] {
            lab.anysvc(["detect", "--explain"]).uid(uid).run().success().stdout_contains(fact);
        }
    };
    seen(Facts::NoBasedir, "name of process 1: `s6-svscan`");
    seen(Facts::NoBasedir, "directory /run/s6/basedir: no");
    seen(Facts::OtherPid1, "name of process 1: `sleep`");
    seen(Facts::CommUnreadable, "name of process 1: ");
}

#[test]
fn the_version_of_s6_is_named_though_no_command_of_its_own_tells() {
    let lab = S6Lab::new().start();
    for uid in [0, APP] {
        lab.anysvc(["detect", "--explain"]).uid(uid).run().success().stdout_contains("version 2.11\n");
        lab.anysvc(["backends", "info", "s6"]).uid(uid).run().success().stdout_contains("version 2.11\n");
    }
}

/// In a container, say: who asks for systemd is told why there is none.
#[test]
fn where_there_is_no_systemd_that_is_told_with_its_reason() {
    for (facts, process) in [(Facts::Whole, "s6-svscan"), (Facts::OtherPid1, "sleep")] {
        let lab = S6Lab::new().facts(facts).start();
        for uid in [0, APP] {
            let explained = lab.anysvc(["detect", "--explain"]).uid(uid).run().success();
            explained.stdout_contains("directory /run/systemd/system: no: not there");
            let asked = lab.anysvc(["status", "web", "--backend", "systemd"]).uid(uid).run().fails(8);
            asked
                .stderr_contains(&format!("process 1 is `{process}`, not systemd"))
                .stderr_contains("`--backend local` needs no service manager");
        }
    }
    let lab = S6Lab::new().facts(Facts::NoProc).start();
    let path = ["--backend-path", "/opt/anysvc/lib/anysvc/backends"];
    let asked = lab.anysvc(path).args(["status", "web", "--backend", "systemd"]).run().fails(8);
    asked.stderr_contains("not started by systemd: there is no /run/systemd/system");
}
