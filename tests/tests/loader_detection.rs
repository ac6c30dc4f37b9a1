//! When the manifests of this repository fit, on machines that are made up.

use std::path::Path;

use anysvc::{
    environment::{Answer, FactSource, Question},
    manifest::{Manifest, Truth},
};
use anysvc_tests::repository;

/// A machine; a setting is there or not.
#[derive(Clone)]
struct Machine {
    os: &'static str,
    comm: Answer,
    basedir: Answer,
    scandir: bool,
}

impl FactSource for Machine {
    fn ask(&self, question: &Question) -> Answer {
        match question {
            Question::Os => Answer::Text(self.os.into()),
            Question::Pid1Comm => self.comm.clone(),
            Question::Directory(path) if path == Path::new("/run/s6/basedir") => self.basedir.clone(),
            Question::Setting(key) if key == "scandir" && self.scandir => Answer::Yes(None),
            _ => Answer::No("not there".into()),
        }
    }
}

fn s6(machine: &Machine) -> Truth {
    let path = repository().join("backends/s6/s6.toml");
    let text = std::fs::read_to_string(&path).expect("the manifest");
    Manifest::parse(&path, &text).expect("a manifest").fits.evaluate(machine)
}

fn comm(name: &str) -> Answer {
    Answer::Text(name.into())
}

fn unreadable() -> Answer {
    Answer::Unreadable("Permission denied (os error 13)".into())
}

fn no() -> Answer {
    Answer::No("not there".into())
}

fn container() -> Machine {
    Machine { os: "linux", comm: comm("s6-svscan"), basedir: Answer::Yes(None), scandir: false }
}

#[test]
fn s6_needs_both_the_name_of_process_1_and_the_basedir() {
    assert_eq!(s6(&container()), Truth::True);
    let machine = |comm, basedir| Machine { comm, basedir, ..container() };
    for (what, machine) in [
        ("the name alone", machine(comm("s6-svscan"), no())),
        ("the basedir alone", machine(comm("systemd"), Answer::Yes(None))),
        ("a longer name", machine(comm("s6-svscanboot"), Answer::Yes(None))),
        ("an unreadable name", machine(unreadable(), Answer::Yes(None))),
        ("an unreadable basedir", machine(comm("s6-svscan"), unreadable())),
        ("no procfs", machine(Answer::Unreadable("No such file or directory (os error 2)".into()), no())),
        ("another system", Machine { os: "freebsd", ..container() }),
    ] {
        assert_ne!(s6(&machine), Truth::True, "{what}");
    }
}

#[test]
fn with_a_scandir_of_ones_own_s6_asks_nothing_of_process_1() {
    let own = Machine { comm: unreadable(), basedir: no(), scandir: true, ..container() };
    assert_eq!(s6(&own), Truth::True);
    assert_eq!(s6(&Machine { os: "macos", ..own }), Truth::False);
}
