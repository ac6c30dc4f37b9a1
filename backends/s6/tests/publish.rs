//! What register and unregister refuse, leave behind, and clean up, in each world.

mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    time::Duration,
};

use anysvc_backend_api::{
    Backend, Batch, Condition, Context, Deadline, EnvVar, ErrorKind, Goal, State, Target, Value,
};
use anysvc_s6::S6;
use common::{APP, Kind, Single, World, batch, eventually, in_each_world, in_world, kind};

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
        assert_eq!(answers[0], Ok(()));
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
fn a_rescan_that_fails_leaves_nothing() {
    in_each_world(|world| {
        let s6 = world.backend();
        let control = world.scandir.join(".s6-svscan/control");
        let hidden = world.scandir.join("../log/control");
        if fs::rename(&control, &hidden).is_err() {
            // The folder is root's; a FIFO that can't be written to is as good.
            fs::set_permissions(&control, fs::Permissions::from_mode(0o000)).unwrap();
        }
        let error = s6.register_one(world.script("web", FOREVER)).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::ManagerUnavailable | ErrorKind::PermissionDenied),
            "{error:?}"
        );
        assert_eq!(world.entries(), [""; 0]);
        if hidden.exists() {
            fs::rename(&hidden, &control).unwrap();
        } else {
            fs::set_permissions(&control, fs::Permissions::from_mode(0o600)).unwrap();
        }
        s6.register_one(world.script("web", FOREVER)).unwrap();
    });
}

#[test]
fn left_overs_of_the_killed_are_swept_and_in_nobodys_way() {
    in_each_world(|world| {
        let s6 = world.backend();
        fs::create_dir_all(world.scandir.join(".anysvc-0123456789abcdef/env")).unwrap();
        fs::write(world.scandir.join(".anysvc-0123456789abcdef/env/A"), "a").unwrap();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        assert_eq!(world.entries(), ["web"]);

        // A removal that was killed after the service was hidden: the supervisor still lives there.
        s6.stop_one("web").unwrap();
        fs::rename(world.slot("web"), world.scandir.join(".anysvc-0000000000000000")).unwrap();
        assert!(world.supervised(".anysvc-0000000000000000"));
        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [""; 0]);
        eventually("no supervisor is left", || world.supervisors().is_empty());
    });
}

#[test]
fn roots_left_overs_hinder_no_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = |world: &World| {
        let s6 = world.backend();
        let roots = world.scandir.join(".anysvc-feedfeedfeedfeed");
        s6.register_one(world.script("web", FOREVER)).unwrap();
        assert!(roots.exists());
        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [".anysvc-feedfeedfeedfeed"]);
    };
    common::in_world_prepared(
        Kind::Shared,
        &[],
        |world| fs::create_dir_all(world.scandir.join(".anysvc-feedfeedfeedfeed/data")).unwrap(),
        world,
    );
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
        for below in
            ["", "run", "supervise", "supervise/control", "event", "log/supervise", "log/event", "env"]
        {
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
        let lock = fs::metadata(world.slot("web").join("supervise/lock")).unwrap();
        assert_eq!(lock.uid(), if world.kind == Kind::Nested { owner } else { 0 });
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
        assert_eq!(answers[..3], [Ok(()), Ok(()), Ok(())]);
        let error = answers[3].clone().unwrap_err();
        assert_eq!(error.kind, ErrorKind::CommandFailed);
        assert!(error.message.contains("takes 3 services"), "{}", error.message);
        assert!(error.hint.unwrap().contains("-c"));
        assert_eq!(world.entries(), ["a", "b", "c"]);
    });
}

#[test]
fn links_of_others_are_not_followed_and_roots_are() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    in_world(Kind::Root, &[], |world| {
        let s6 = world.backend();
        s6.register_one(world.script("victim", FOREVER)).unwrap();
        // Uid 10000 leads root's `stop` to root's service.
        let trap = world.slot("trap");
        fs::create_dir(&trap).unwrap();
        symlink(world.slot("victim").join("supervise"), trap.join("supervise")).unwrap();
        std::os::unix::fs::lchown(trap.join("supervise"), Some(APP), Some(APP)).unwrap();
        assert_eq!(kind(s6.stop_one("trap")), ErrorKind::PermissionDenied);
        assert_eq!(s6.state("victim"), State::Running);
        // s6-rc's slots are root's links.
        symlink(world.slot("victim"), world.slot("link")).unwrap();
        assert_eq!(s6.state("link"), State::Running);
        s6.stop_one("link").unwrap();
        assert_eq!(s6.status_one("victim").unwrap().pid, None);
        assert!(!s6.status_one("link").unwrap().ours, "a way to ours is not ours");
    });
}

#[test]
fn rubbish_in_a_service_directory_spoils_no_listing() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        for (name, mode) in
            [("fifo", rustix::fs::FileType::Fifo), ("folder", rustix::fs::FileType::Directory)]
        {
            let supervise = world.slot(&format!(".{name}")).join("supervise");
            fs::create_dir_all(&supervise).unwrap();
            for file in ["status", "lock", "control"] {
                match mode {
                    rustix::fs::FileType::Fifo => {
                        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                        let kind = rustix::fs::FileType::Fifo;
                        rustix::fs::mknodat(rustix::fs::CWD, supervise.join(file), kind, mode, 0).unwrap();
                    }
                    _ => fs::create_dir(supervise.join(file)).unwrap(),
                }
            }
            fs::rename(world.slot(&format!(".{name}")), world.slot(name)).unwrap();
        }
        fs::write(world.slot("file"), "").unwrap();
        symlink("loop", world.slot("loop")).unwrap();
        assert_eq!(s6.names(true), ["fifo", "folder", "web"]);
        assert_eq!(s6.state("web"), State::Running);
        for name in ["fifo", "folder"] {
            assert!(matches!(s6.state(name), State::Unknown | State::Stopped), "{name}");
        }
        for name in ["file", "loop"] {
            fs::remove_file(world.slot(name)).unwrap();
        }
    });
}

#[test]
fn the_lock_of_others_is_waited_for_until_the_deadline() {
    in_each_world(|world| {
        let s6 = world.backend();
        let held = fs::File::open(&world.scandir).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let items = vec![world.script("web", FOREVER)];
        let deadline = Deadline::after(Duration::from_millis(100));
        let error = s6.register(&Batch { items, deadline }).remove(0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
        assert!(error.message.contains("locked"), "{}", error.message);
        assert_eq!(world.entries(), [""; 0]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| s6.register_one(world.script("web", FOREVER)));
            std::thread::sleep(Duration::from_millis(20));
            drop(held);
            waiting.join().unwrap().unwrap();
        });
        assert_eq!(s6.state("web"), State::Running);
    });
}

#[test]
fn a_service_without_a_supervisor_gets_one_when_it_is_started() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        s6.stop_one("web").unwrap();
        // As after a register that was killed between publishing and the rescan.
        assert!(world.s6("s6-svc", ["-x", world.slot("web").to_str().unwrap()]).status.success());
        let hidden = world.scandir.join(".hidden");
        fs::rename(world.slot("web"), &hidden).unwrap();
        assert!(world.s6("s6-svscanctl", ["-an", world.scandir.to_str().unwrap()]).status.success());
        eventually("no supervisor is left", || world.supervisors().is_empty());
        fs::rename(&hidden, world.slot("web")).unwrap();
        let status = s6.status_one("web").unwrap();
        assert_eq!(status.state, State::Stopped);
        assert_eq!(status.native.get("supervised"), Some(&Value::Bool(false)));
        s6.start_one("web").unwrap();
        assert_eq!(s6.state("web"), State::Running);
    });
}

#[test]
fn a_supervisor_that_was_killed_reads_as_unknown_and_then_as_what_comes() {
    in_world(Kind::Nested, &[], |world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        let orphan = s6.status_one("web").unwrap().pid.unwrap();
        let supervisor = world.supervisors()[0];
        let signal = |pid: u32, signal| {
            rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), signal)
                .unwrap();
        };
        signal(supervisor, rustix::process::Signal::KILL);
        eventually("its absence shows", || s6.state("web") == State::Unknown);
        let status = s6.status_one("web").unwrap();
        assert!(status.reason.unwrap().contains(&orphan.to_string()));
        eventually("s6-svscan gives it another one, which starts a second copy", || {
            let status = s6.status_one("web").unwrap();
            status.state == State::Running && status.pid != Some(orphan)
        });
        signal(orphan, rustix::process::Signal::KILL);
    });
}

/// From 2.12 on s6-svscan gives up a whole scan over a link that leads nowhere; 2.11 minds only the link.
#[test]
fn a_link_that_leads_nowhere_is_named_where_it_hinders() {
    in_each_world(|world| {
        let s6 = world.backend();
        symlink("/nonexistent", world.slot("dangling")).unwrap();
        let items = vec![world.script("web", FOREVER)];
        let answer =
            s6.register(&Batch { items, deadline: Deadline::after(Duration::from_secs(3)) }).remove(0);
        if let Err(error) = answer {
            assert_eq!(error.kind, ErrorKind::TimedOut, "{error:?}");
            assert!(error.hint.unwrap().contains("dangling"));
            assert_eq!(world.entries(), ["dangling"], "nothing of it is left");
        }
        assert!(!s6.names(true).contains(&"dangling".to_owned()));
        fs::remove_file(world.slot("dangling")).unwrap();
        s6.unregister_one("web").unwrap();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        eventually("one supervisor", || world.supervisors().len() == 1);
    });
}

/// Services first seen in a scan that was given up are never started by s6-svscan 2.12 to 2.15.
#[test]
fn a_register_gets_out_of_limbo() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("before", FOREVER)).unwrap();
        // Links in front of and behind what is registered, in whatever order the folder is read.
        let links: Vec<_> = (0..16).map(|n| world.slot(&format!("dangling{n}"))).collect();
        for link in &links {
            symlink("/nonexistent", link).unwrap();
        }
        std::thread::scope(|scope| {
            let names = ["a", "b", "c", "d"].map(|name| world.logged(name, FOREVER));
            let registering = scope.spawn(|| s6.register(&batch(names.into())));
            eventually("they are published", || world.slot("d").exists());
            std::thread::sleep(Duration::from_millis(100));
            for link in &links {
                fs::remove_file(link).unwrap();
            }
            assert_eq!(registering.join().unwrap(), [Ok(()), Ok(()), Ok(()), Ok(())]);
        });
        assert_eq!(world.entries(), ["a", "b", "before", "c", "d"]);
        for name in world.entries() {
            assert_eq!(s6.wait_one(&name, Goal::Up).unwrap().state, State::Running, "{name}");
        }
        eventually("nothing is doubled", || world.supervisors().len() == 9);
    });
}

#[test]
fn a_status_in_an_unknown_layout_is_left_to_s6_svstat() {
    in_world(Kind::Nested, &[], |world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        let known = s6.status_one("web").unwrap();
        if known.native.get("pgid").is_some() {
            // The commands on this machine are of another version.
            return;
        }
        // What is appended stands for a future field; s6-svstat reads what it knows.
        let file = world.slot("web").join("supervise/status");
        let mut bytes = fs::read(&file).unwrap();
        bytes.extend([0; 16]);
        fs::write(&file, bytes).unwrap();
        assert_eq!(s6.status_one("web").unwrap(), known);
        s6.stop_one("web").unwrap();
        assert_eq!(s6.state("web"), State::Stopped);
    });
}

#[test]
fn a_batch_is_published_together_and_removed_together() {
    in_each_world(|world| {
        let s6 = world.backend();
        let names: Vec<String> = (0..40).map(|n| format!("s{n}")).collect();
        let items = names.iter().map(|name| world.logged(name, FOREVER)).collect();
        assert!(s6.register(&batch(items)).iter().all(Result::is_ok));
        let targets = || batch(names.iter().map(Target::new).collect());
        assert!(s6.status(&targets()).iter().all(|s| s.as_ref().unwrap().state == State::Running));
        assert!(s6.restart(&targets()).iter().all(Result::is_ok));
        assert!(s6.stop(&targets()).iter().all(Result::is_ok));
        assert!(s6.start(&targets()).iter().all(Result::is_ok));
        assert!(s6.unregister(&targets()).iter().all(Result::is_ok));
        assert_eq!(world.entries(), [""; 0]);
        eventually("no supervisor is left", || world.supervisors().is_empty());
    });
}

#[test]
fn registers_and_unregisters_at_once_agree() {
    in_each_world(|world| {
        let s6 = world.backend();
        std::thread::scope(|scope| {
            let same: Vec<_> =
                (0..12).map(|_| scope.spawn(|| s6.register_one(world.script("same", FOREVER)))).collect();
            let different: Vec<_> = (0..12)
                .map(|n| {
                    let s6 = &s6;
                    scope.spawn(move || s6.register_one(world.script(&format!("n{n}"), FOREVER)))
                })
                .collect();
            let won = same.into_iter().map(|t| t.join().unwrap()).filter(|answer| match answer {
                Ok(()) => true,
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::AlreadyRegistered, "{error:?}");
                    false
                }
            });
            assert_eq!(won.count(), 1);
            for thread in different {
                thread.join().unwrap().unwrap();
            }
        });
        assert_eq!(world.entries().len(), 13);
        assert_eq!(world.supervisors().len(), 13);
        std::thread::scope(|scope| {
            for round in 0..6 {
                let s6 = &s6;
                scope.spawn(move || s6.unregister_one("same").unwrap());
                scope.spawn(move || drop(s6.register_one(world.script("same", FOREVER))));
                scope.spawn(move || s6.unregister_one(&format!("n{round}")).unwrap());
            }
        });
        s6.unregister_one("same").unwrap();
        let left: Vec<String> = world.entries();
        assert_eq!(left.len(), 6, "{left:?}");
        eventually("no supervisor is doubled or left", || world.supervisors().len() == 6);
    });
}
