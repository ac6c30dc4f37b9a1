//! What others do to a service in the middle of things, and what those leave who are killed there.

mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use anysvc_backend_api::{EnvVar, Goal, Registration, State};
use common::{Kind, Single, World, eventually, in_each_world, in_world};
use rustix::process::Signal;

const FOREVER: &str = "exec sleep 1000";

/// Takes the supervisor from a service, as if s6-svscan had not looked since it was published.
fn leave_alone(world: &World, name: &str) {
    let path = world.slot(name);
    assert!(world.s6("s6-svc", ["-xd", path.to_str().unwrap()]).status.success());
    let hidden = world.scandir.join(".hidden");
    fs::rename(&path, &hidden).unwrap();
    world.prune();
    fs::rename(hidden, path).unwrap();
}

/// The registration that changes nothing, or all: what is stopped stays so.
fn replacement(world: &World, word: &str) -> Registration {
    let mut registration = world.script("web", FOREVER);
    registration.spec.env = vec![EnvVar { name: "WORD".into(), value: word.into() }];
    (registration.replace, registration.start) = (true, false);
    registration
}

#[test]
fn an_svscan_that_is_only_slow_is_not_taken_for_limbo() {
    for kind in [Kind::Root, Kind::Nested] {
        if kind == Kind::Root && !rustix::process::geteuid().is_root() {
            continue;
        }
        in_world(kind, &[], |world| {
            let s6 = world.backend();
            s6.register_one(world.script("before", FOREVER)).unwrap();
            world.signal(Signal::STOP);
            std::thread::scope(|scope| {
                let registering = scope.spawn(|| s6.register_one(world.script("web", FOREVER)));
                eventually("it is published", || world.slot("web").exists());
                let inode = || fs::metadata(world.slot("web")).map(|stat| stat.ino()).ok();
                let published = inode();
                let control = fs::File::open(world.control()).unwrap();
                eventually("s6-svscan was asked four times", || {
                    rustix::io::ioctl_fionread(&control).unwrap() >= 4 || inode() != published
                });
                assert_eq!(inode(), published, "it was published again");
                world.signal(Signal::CONT);
                registering.join().unwrap().unwrap();
                assert_eq!(inode(), published);
            });
            assert_eq!(s6.state("web"), State::Running);
            assert_eq!(world.entries(), ["before", "web"]);
            eventually("nothing is doubled", || world.supervisors().len() == 2);
        });
    }
}

#[test]
fn a_stop_is_about_the_service_that_was_there() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut stubborn = world.script("web", "trap '' TERM; while :; do sleep 0.1; done");
        stubborn.spec.stop.timeout = Some(std::time::Duration::from_secs(600));
        s6.register_one(stubborn).unwrap();
        let pid = s6.status_one("web").unwrap().pid.unwrap();
        eventually("it ignores the signal", || common::ignores_term(pid));
        s6.register_one(world.script("other", FOREVER)).unwrap();
        std::thread::scope(|scope| {
            let stopping = scope.spawn(|| s6.stop_one("web"));
            eventually("it is told to stop", || s6.state("web") == State::Stopping);
            // As if somebody unregistered it, and registered another one of that name, all at once.
            let exchange = rustix::fs::RenameFlags::EXCHANGE;
            let (web, other) = (world.slot("web"), world.slot("other"));
            rustix::fs::renameat_with(rustix::fs::CWD, &web, rustix::fs::CWD, &other, exchange).unwrap();
            assert_eq!(stopping.join().unwrap(), Ok(()));
            assert_eq!(s6.state("web"), State::Running, "the new one was not meant");
            assert!(world.s6("s6-svc", ["-kx", other.to_str().unwrap()]).status.success());
        });
    });
}

#[test]
fn what_was_stopped_for_a_replacement_that_never_came_runs_after_the_next() {
    for word in ["one", "two"] {
        in_each_world(|world| {
            let s6 = world.backend();
            s6.register_one(Registration { start: true, ..replacement(world, "one") }).unwrap();
            // As `register --replace` leaves it that is killed while it waits for the end of the old one.
            fs::write(world.slot("web").join("data/replaced"), "").unwrap();
            fs::write(world.slot("web").join("down"), "").unwrap();
            assert!(world.s6("s6-svc", ["-d", world.slot("web").to_str().unwrap()]).status.success());
            let status = s6.wait_one("web", Goal::Down).unwrap();
            assert!(status.reason.as_deref().unwrap_or_default().contains("cut short"), "{status:?}");

            s6.register_one(replacement(world, word)).unwrap();
            assert_eq!(s6.wait_one("web", Goal::Up).unwrap().state, State::Running);
            // And it does not stick: what is stopped after that stays stopped.
            s6.stop_one("web").unwrap();
            s6.register_one(replacement(world, "three")).unwrap();
            assert_eq!(s6.status_one("web").unwrap().reason.as_deref(), None);
            assert_eq!(s6.state("web"), State::Stopped);
        });
    }
}

#[test]
fn a_stop_after_a_replacement_that_was_cut_short_is_what_counts() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(Registration { start: true, ..replacement(world, "one") }).unwrap();
        fs::write(world.slot("web").join("data/replaced"), "").unwrap();
        s6.stop_one("web").unwrap();
        assert_eq!(s6.status_one("web").unwrap().reason.as_deref(), Some("stopped"));
        s6.register_one(replacement(world, "two")).unwrap();
        assert_eq!(s6.state("web"), State::Stopped);
    });
}

#[test]
fn a_service_without_a_supervisor_is_completed_by_the_next_registration() {
    for down in [false, true] {
        in_each_world(|world| {
            let s6 = world.backend();
            s6.register_one(Registration { start: true, ..replacement(world, "one") }).unwrap();
            leave_alone(world, "web");
            if down {
                fs::write(world.slot("web").join("down"), "").unwrap();
            }
            assert_eq!(s6.state("web"), State::Stopped);
            s6.register_one(replacement(world, "one")).unwrap();
            assert!(world.supervised("web"));
            let expected = if down { State::Stopped } else { State::Running };
            assert_eq!(s6.state("web"), expected);
            assert_eq!(world.entries(), ["web"]);
            eventually("one supervisor", || world.supervisors().len() == 1);
        });
    }
}

#[test]
fn without_an_svscan_a_registration_changes_nothing_and_a_removal_succeeds() {
    in_world(Kind::Nested, &[], |world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        s6.stop_one("web").unwrap();
        // It leaves without waiting; what it supervised lives on.
        assert!(world.s6("s6-svscanctl", ["-b", world.scandir.to_str().unwrap()]).status.success());
        let listens = || world.s6("s6-svscanctl", ["-z", world.scandir.to_str().unwrap()]).status.success();
        eventually("nobody listens", || !listens());
        let error = s6.register_one(world.script("other", FOREVER)).unwrap_err();
        assert_eq!(error.kind, anysvc_backend_api::ErrorKind::ManagerUnavailable, "{error:?}");
        assert_eq!(world.entries(), ["web"]);
        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [""; 0]);
    });
}

#[test]
fn a_logger_that_can_not_start_shows_in_the_status_of_its_service() {
    in_each_world(|world| {
        let s6 = world.backend();
        let registration = world.logged("web", FOREVER);
        let above = registration.log_directory.parent().unwrap().to_owned();
        fs::set_permissions(&above, fs::Permissions::from_mode(0o555)).unwrap();
        // Permissions do not keep root out; a file in the folder's place does.
        fs::write(&registration.log_directory, "").ok();
        s6.register_one(registration).unwrap();
        eventually("its state says so", || {
            let status = s6.status_one("web").unwrap();
            status.reason.as_deref().is_some_and(|reason| reason.contains("its logger does not run"))
        });
        assert_eq!(s6.state("web"), State::Running);
        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [""; 0]);
        eventually("no supervisor is left", || world.supervisors().is_empty());
        fs::set_permissions(&above, fs::Permissions::from_mode(0o755)).unwrap();
    });
}

#[test]
fn several_starts_at_once_are_one() {
    in_each_world(|world| {
        let s6 = world.backend();
        let runs = world.scandir.join(".runs");
        let script = format!("echo run >>{}; {FOREVER}", runs.display());
        let mut registration = world.script("web", &script);
        registration.start = false;
        s6.register_one(registration).unwrap();
        for round in 1..=10 {
            let ready = std::sync::Barrier::new(6);
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        ready.wait();
                        s6.start_one("web").unwrap();
                        assert_eq!(s6.state("web"), State::Running);
                    });
                }
            });
            eventually("its program says that it runs", || {
                fs::read_to_string(&runs).is_ok_and(|runs| runs.lines().count() >= round)
            });
            assert_eq!(fs::read_to_string(&runs).unwrap().lines().count(), round, "one took it down again");
            s6.stop_one("web").unwrap();
        }
    });
}
