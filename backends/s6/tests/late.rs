//! Supervisors that have not listened yet to what they were told, that may not be told, or that are not there.

mod common;

use std::{fs, io::Write, os::unix::fs::PermissionsExt};

use anysvc_backend_api::State;
use common::{Kind, Single, World, eventually, in_world};
use rustix::process::{Pid, Signal, kill_process};

const FOREVER: &str = "exec sleep 1000";

/// Where the supervisors can be held: they are whoever's the test is.
fn in_its_own_world(test: impl Fn(&World) + Send + Sync) {
    let root = rustix::process::geteuid().is_root();
    let kinds: &[Kind] = if root { &[Kind::Root, Kind::Nested] } else { &[Kind::Nested] };
    for &kind in kinds {
        in_world(kind, &[], &test);
    }
}

#[test]
fn a_stop_that_was_cut_short_before_its_supervisor_listened_is_outdone_by_a_start() {
    in_its_own_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        let before = s6.status_one("web").unwrap().pid;
        let supervisor = Pid::from_raw(world.supervisors()[0].cast_signed()).unwrap();
        kill_process(supervisor, Signal::STOP).unwrap();
        eventually("it does not listen", || {
            let stat = fs::read_to_string(format!("/proc/{supervisor}/stat")).unwrap();
            stat.contains(") T ")
        });
        // What is left of a `stop` that was killed.
        fs::write(world.slot("web").join("down"), "").unwrap();
        let control = world.slot("web").join("supervise/control");
        let mut ear = fs::OpenOptions::new().write(true).open(control).unwrap();
        ear.write_all(b"d").unwrap();
        std::thread::scope(|scope| {
            let start = scope.spawn(|| s6.start_one("web"));
            let unread = || rustix::io::ioctl_fionread(&ear).unwrap();
            eventually("it is waited for", || start.is_finished() || unread() > 1);
            kill_process(supervisor, Signal::CONT).unwrap();
            assert_eq!(start.join().unwrap(), Ok(()));
        });
        let after = s6.status_one("web").unwrap();
        assert_eq!((after.state, after.rest), (State::Running, None), "{after:?}");
        assert_ne!(after.pid, before, "it was told to stop, and then to start");
    });
}

#[test]
fn what_runs_is_left_alone_also_by_who_may_not_tell_its_supervisor_things() {
    in_world(Kind::Nested, &[], |world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        let (before, down) = (s6.status_one("web").unwrap().pid, world.slot("web").join("down"));
        fs::write(&down, "").unwrap();
        let read_only = fs::Permissions::from_mode(0o400);
        fs::set_permissions(world.slot("web").join("supervise/control"), read_only).unwrap();
        assert_eq!(s6.start_one("web"), Ok(()));
        assert_eq!((s6.status_one("web").unwrap().pid, down.exists()), (before, false));
    });
}

#[test]
fn what_is_adopted_without_a_supervisor_is_not_started_for_that() {
    in_its_own_world(|world| {
        let s6 = world.backend();
        let (slot, ran) = (world.slot("web"), world.scandir.join("../log/ran"));
        fs::create_dir(&slot).unwrap();
        fs::write(slot.join("run"), format!("#!/bin/sh\necho >{}; {FOREVER}\n", ran.display())).unwrap();
        fs::set_permissions(slot.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut registration = world.script("web", FOREVER);
        registration.adopt = true;
        s6.register_one(registration).unwrap();
        assert_eq!((s6.state("web"), ran.exists()), (State::Running, false));
    });
}
