//! What registering refuses, replaces and makes, and what unregistering leaves alone, in each world.

mod common;

use std::{fs, os::unix::fs::MetadataExt};

use anysvc_backend_api::{Backend, Condition, Context, Deadline, EnvVar, ErrorKind, Goal, State, Value};
use anysvc_s6::S6;
use common::{APP, Kind, Single, batch, eventually, in_each_world, in_world, kind};

const FOREVER: &str = "exec sleep 1000";

#[test]
fn registering_twice_leaves_the_first_untouched() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        let first = s6.status_one("web").unwrap();
        assert_eq!(kind(s6.register_one(world.script("web", "exit 1"))), ErrorKind::AlreadyRegistered);
        assert_eq!(s6.status_one("web").unwrap(), first);
        let twice = vec![world.script("twin", FOREVER), world.script("twin", FOREVER)];
        let answers = s6.register(&batch(twice));
        assert!(answers[0].is_ok(), "{answers:?}");
        assert_eq!(answers[1].as_ref().unwrap_err().kind, ErrorKind::AlreadyRegistered);
        assert_eq!(world.entries(), ["twin", "web"]);
    });
}

#[test]
fn foreign_services_are_shown_and_driven_but_neither_replaced_nor_removed() {
    in_each_world(|world| {
        let s6 = world.backend();
        world.foreign("theirs", FOREVER);
        assert_eq!(s6.names(false), [""; 0]);
        assert_eq!(s6.names(true), ["theirs"]);
        let mut registration = world.script("theirs", FOREVER);
        registration.replace = true;
        assert_eq!(kind(s6.register_one(registration)), ErrorKind::NotOurs);
        assert_eq!(kind(s6.unregister_one("theirs")), ErrorKind::NotOurs);
        if world.kind == Kind::Shared {
            // Root's supervisor made its folder, and lets nobody else in.
            assert_eq!(s6.state("theirs"), State::Unknown);
            let error = s6.stop_one("theirs").unwrap_err();
            assert_eq!(error.kind, ErrorKind::PermissionDenied);
            assert!(error.hint.is_some());
            assert_eq!(kind(s6.wait_one("theirs", Goal::Up)), ErrorKind::PermissionDenied);
            assert_eq!(kind(s6.signal_one("theirs", "TERM")), ErrorKind::PermissionDenied);
            assert_eq!(kind(s6.start_one("theirs")), ErrorKind::PermissionDenied);
            return;
        }
        assert_eq!(s6.wait_one("theirs", Goal::Up).unwrap().state, State::Running);
        s6.stop_one("theirs").unwrap();
        assert_eq!(s6.state("theirs"), State::Stopped);
        assert!(!world.slot("theirs").join("down").exists(), "their `down` file is theirs");
        s6.restart_one("theirs").unwrap();
        assert_eq!(s6.state("theirs"), State::Running);
        let mut registration = world.script("theirs", FOREVER);
        registration.adopt = true;
        s6.register_one(registration).unwrap();
        assert_eq!(s6.names(false), ["theirs"]);
        assert_eq!(s6.state("theirs"), State::Running);
        assert_eq!(world.entries(), ["theirs"]);
    });
}

#[test]
fn names_that_are_none_are_not_registered_and_not_looked_for_elsewhere() {
    in_each_world(|world| {
        let s6 = world.backend();
        let long = "x".repeat(300);
        for name in ["nothing", "", ".", "..", "../service", ".s6-svscan", "a/b", "a\0b", &long] {
            assert_eq!(kind(s6.status_one(name)), ErrorKind::NotRegistered, "{name:?}");
            assert_eq!(kind(s6.start_one(name)), ErrorKind::NotRegistered, "{name:?}");
            assert_eq!(kind(s6.stop_one(name)), ErrorKind::NotRegistered, "{name:?}");
            assert_eq!(kind(s6.signal_one(name, "TERM")), ErrorKind::NotRegistered, "{name:?}");
            assert_eq!(kind(s6.wait_one(name, Goal::Up)), ErrorKind::NotRegistered, "{name:?}");
            s6.wait_one(name, Goal::Gone).unwrap();
            s6.unregister_one(name).unwrap();
        }
        assert_eq!(kind(s6.register_one(world.script("../web", FOREVER))), ErrorKind::InvalidName);
    });
}

#[test]
fn an_absent_scandir_is_an_empty_list() {
    let mut context = Context::for_tests();
    context.settings = Value::Map(vec![("scandir".into(), "/nonexistent/service".into())]);
    let s6 = S6::open(context).unwrap();
    assert_eq!(s6.names(true), [""; 0]);
    assert_eq!(kind(s6.status_one("web")), ErrorKind::NotRegistered);
    s6.unregister_one("web").unwrap();
    s6.wait_one("web", Goal::Gone).unwrap();
    assert_eq!(kind(s6.probe(Deadline::NONE)), ErrorKind::ManagerUnavailable);
}

#[test]
fn a_service_directory_belongs_to_its_owner_alone_and_s6_calls_its_modes_right() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut registration = world.logged("web", FOREVER);
        registration.spec.env = vec![EnvVar { name: "SECRET".into(), value: "s3".into() }];
        s6.register_one(registration).unwrap();
        let owner = rustix::process::geteuid().as_raw();
        assert_eq!(owner, if world.kind == Kind::Root { 0 } else { APP });
        let (own, logger) =
            (["supervise", "supervise/control", "supervise/lock", "event"], ["log/supervise", "log/event"]);
        for below in ["", "run", "env"].iter().chain(&own).chain(&logger) {
            let stat = fs::symlink_metadata(world.slot("web").join(below)).unwrap();
            assert_eq!(stat.uid(), owner, "{below}");
        }
        let secret = fs::metadata(world.slot("web").join("env/SECRET")).unwrap();
        assert_eq!(secret.mode() & 0o777, 0o600);
        for service in ["web", "web/log"] {
            let output = world.s6("s6-svperms", ["-v", world.slot(service).to_str().unwrap()]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{service}: {said}");
        }
        // What s6-supervise makes is its own, whoever's it is.
        let status = fs::metadata(world.slot("web").join("supervise/status")).unwrap();
        assert_eq!(status.uid(), if world.kind == Kind::Nested { owner } else { 0 });
    });
}

#[test]
fn replacing_with_the_same_does_nothing_and_with_another_restarts_what_runs() {
    in_each_world(|world| {
        let s6 = world.backend();
        let with = |word: &str, start: bool| {
            let mut registration = world.logged("web", FOREVER);
            registration.spec.env = vec![EnvVar { name: "WORD".into(), value: word.into() }];
            registration.replace = true;
            registration.start = start;
            registration
        };
        s6.register_one(with("one", true)).unwrap();
        let first = s6.status_one("web").unwrap();
        s6.register_one(with("one", true)).unwrap();
        assert_eq!(s6.status_one("web").unwrap().pid, first.pid);
        s6.register_one(with("two", true)).unwrap();
        let second = s6.status_one("web").unwrap();
        assert_eq!(second.state, State::Running);
        assert_ne!(second.pid, first.pid);
        assert_eq!(fs::read(world.slot("web").join("env/WORD")).unwrap(), b"two\n");
        s6.stop_one("web").unwrap();
        s6.register_one(with("three", false)).unwrap();
        assert_eq!(s6.state("web"), State::Stopped);
        s6.register_one(with("three", true)).unwrap();
        assert_eq!(s6.state("web"), State::Running);
        assert_eq!(world.entries(), ["web"]);
        eventually("one supervisor, one logger", || world.supervisors().len() == 2);
    });
}

#[test]
fn a_false_condition_holds_back_and_is_no_failure() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut registration = world.script("web", FOREVER);
        registration.spec.when = Some(Condition { env: "NOBODY_SETS_THIS".into(), truthy: None });
        s6.register_one(registration).unwrap();
        // s6 says up while `run` looks at the condition.
        eventually("`run` has looked", || s6.status_one("web").unwrap().held_back);
        let status = s6.wait_one("web", Goal::Up).unwrap();
        assert_eq!((status.state, status.held_back), (State::Stopped, true));
        assert_eq!(status.reason.as_deref(), Some("condition not met"));
        s6.start_one("web").unwrap();
    });
}

#[test]
fn the_one_service_too_many_is_refused_before_anything_is_published() {
    if std::env::var_os("S6_BIN").is_some() {
        // The option counts other things, or is gone, in other versions.
        return;
    }
    in_world(Kind::Nested, &["-c", "3"], |world| {
        let s6 = world.backend();
        let names = ["a", "b", "c", "d"];
        let answers = s6.register(&batch(names.map(|name| world.logged(name, FOREVER)).into()));
        assert!(answers[..3].iter().all(Result::is_ok), "{answers:?}");
        let error = answers[3].clone().unwrap_err();
        assert_eq!(error.kind, ErrorKind::CommandFailed);
        assert!(error.message.contains("takes 3 services"), "{}", error.message);
        assert!(error.hint.unwrap().contains("-c"));
        assert_eq!(world.entries(), ["a", "b", "c"]);
    });
}
