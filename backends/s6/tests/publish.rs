//! Many services at once, and many callers at once, in each world.

mod common;

use std::fs;

use anysvc_backend_api::{Backend, Batch, Deadline, ErrorKind, State, Target};
use common::{Single, batch, eventually, in_each_world};
use std::time::Duration;

const FOREVER: &str = "exec sleep 1000";

#[test]
fn the_lock_of_others_is_waited_for_until_the_deadline() {
    in_each_world(|world| {
        let s6 = world.backend();
        let held = world.lock();
        let items = vec![world.script("web", FOREVER)];
        let deadline = Deadline::after(Duration::from_secs(1));
        let error = s6.register(&Batch { items, deadline }).remove(0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
        assert!(error.message.contains("locked"), "{}", error.message);
        assert_eq!(world.entries(), [""; 0]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| s6.register_one(world.script("web", FOREVER)));
            drop(held);
            waiting.join().unwrap().unwrap();
        });
        assert_eq!(s6.state("web"), State::Running);
    });
}

#[test]
fn a_lock_of_who_may_only_read_the_scandir_holds_up_nobody() {
    in_each_world(|world| {
        let held = fs::File::open(&world.scandir).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [""; 0]);
    });
}

/// Each status here is also taken as a table of many has it, and compared.
#[test]
fn the_note_in_a_lock_says_which_parts_there_are_and_is_not_needed() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.logged("web", FOREVER)).unwrap();
        let lock = world.slot("web").join("supervise/lock");
        let note = fs::read_to_string(&lock).unwrap();
        assert_eq!(note, "anysvc 1\nname web\nparts log\n");
        assert!(s6.status_one("web").unwrap().ours);
        for other in ["", "anysvc 1\nname web\n", "anysvc 1\nname web\nparts lo", "\u{fffd}\n"] {
            fs::write(&lock, other).unwrap();
            assert!(s6.status_one("web").unwrap().ours, "{other:?}");
        }
        // It is a mark like the other one.
        fs::write(&lock, &note).unwrap();
        let (mark, away) = (world.slot("web").join("data/anysvc"), world.slot("web").join("data/away"));
        fs::rename(&mark, &away).unwrap();
        assert!(s6.status_one("web").unwrap().ours);
        fs::write(&lock, note.replace("web", "other")).unwrap();
        assert!(!s6.status_one("web").unwrap().ours, "what a note says of another service is nothing");
        fs::write(&lock, &note).unwrap();
        // Through a link neither of them counts.
        fs::rename(&away, &mark).unwrap();
        let elsewhere = world.scandir.join(".elsewhere");
        fs::rename(world.slot("web"), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, world.slot("web")).unwrap();
        assert!(!s6.status_one("web").unwrap().ours);
        fs::remove_file(world.slot("web")).unwrap();
        fs::rename(&elsewhere, world.slot("web")).unwrap();
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
                scope.spawn(move || {
                    for _ in 0..8 {
                        s6.unregister_one("same").unwrap();
                    }
                });
                scope.spawn(move || {
                    for _ in 0..8 {
                        // Also in the moment between a supervisor's start and that of its service.
                        if let Err(error) = s6.stop_one("same") {
                            assert_eq!(error.kind, ErrorKind::NotRegistered, "{error:?}");
                        }
                    }
                });
                scope.spawn(move || {
                    for _ in 0..8 {
                        if let Err(error) = s6.register_one(world.script("same", FOREVER)) {
                            // It was there already, or unregistered before it was seen up.
                            let fine = [ErrorKind::AlreadyRegistered, ErrorKind::NotRegistered];
                            assert!(fine.contains(&error.kind), "{error:?}");
                        }
                    }
                });
                scope.spawn(move || s6.unregister_one(&format!("n{round}")).unwrap());
            }
        });
        s6.unregister_one("same").unwrap();
        let left: Vec<String> = world.entries();
        assert_eq!(left.len(), 6, "{left:?}");
        eventually("no supervisor is doubled or left", || world.supervisors().len() == 6);
    });
}
