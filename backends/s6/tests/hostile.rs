//! Left-overs, rubbish, links, killed supervisors and an s6-svscan that does not answer, in each world.

mod common;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use anysvc_backend_api::{Backend, Batch, Deadline, ErrorKind, Goal, State, Target, Value};
use common::{APP, Kind, Single, World, batch, eventually, in_each_world, in_world, kind};
use std::time::Duration;

const FOREVER: &str = "exec sleep 1000";

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
fn a_process_that_escaped_and_holds_the_log_hinders_nobody() {
    in_each_world(|world| {
        let s6 = world.backend();
        let within = |seconds| Deadline::after(Duration::from_secs(seconds));
        for last_words in [":", "printf half-a-line"] {
            let script = format!("setsid sh -c '{last_words}; exec sleep 60' & exec sleep 1000");
            s6.register_one(world.logged("web", &script)).unwrap();
            let items = vec![Target::new("web")];
            s6.unregister(&Batch { items, deadline: within(20) }).remove(0).unwrap();
            assert_eq!(world.entries(), [""; 0]);
        }
    });
}

#[test]
fn a_left_over_whose_supervisor_stays_takes_nobodys_time() {
    in_each_world(|world| {
        let s6 = world.backend();
        let stays = world.script("stays", "exec sleep 60");
        s6.register_one(stays).unwrap();
        // Its supervisor can hear nobody; root's own, which others can't hold, waits for the time-out.
        fs::rename(world.slot("stays"), world.scandir.join(".anysvc-0123456789abcdef")).unwrap();
        for pid in world.supervisors() {
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::STOP);
        }
        let begun = std::time::Instant::now();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        for pid in world.supervisors() {
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
        }
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
fn a_service_without_a_supervisor_gets_one_when_it_is_started() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        s6.stop_one("web").unwrap();
        // As after a register that was killed between publishing and the rescan.
        assert!(world.s6("s6-svc", ["-x", world.slot("web").to_str().unwrap()]).status.success());
        let hidden = world.scandir.join(".hidden");
        fs::rename(world.slot("web"), &hidden).unwrap();
        world.prune();
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
        // Held, so that the next one does not come before its absence was seen.
        world.signal(rustix::process::Signal::STOP);
        signal(supervisor, rustix::process::Signal::KILL);
        eventually("its absence shows", || s6.state("web") == State::Unknown);
        let status = s6.status_one("web").unwrap();
        assert!(status.reason.unwrap().contains(&orphan.to_string()));
        world.signal(rustix::process::Signal::CONT);
        eventually("s6-svscan gives it another one, which starts it anew", || {
            let status = s6.status_one("web").unwrap();
            status.state == State::Running && status.pid != Some(orphan)
        });
        eventually("the first copy is ended", || {
            // A zombie nobody waits for has no arguments any more.
            fs::read(format!("/proc/{orphan}/cmdline")).map_or(true, |arguments| arguments.is_empty())
        });
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
            eventually("a scan has met the links", || world.stderr().contains("dangling"));
            for link in &links {
                fs::remove_file(link).unwrap();
            }
            assert!(registering.join().unwrap().iter().all(Result::is_ok));
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
fn where_no_more_can_be_watched_it_is_looked_now_and_then() {
    in_each_world(|world| {
        let s6 = world.backend();
        let flags = rustix::fs::inotify::CreateFlags::CLOEXEC;
        let all: Vec<_> = std::iter::from_fn(|| rustix::fs::inotify::init(flags).ok()).take(1000).collect();
        s6.register_one(world.logged("web", FOREVER)).unwrap();
        s6.restart_one("web").unwrap();
        s6.stop_one("web").unwrap();
        s6.unregister_one("web").unwrap();
        assert_eq!(world.entries(), [""; 0]);
        drop(all);
    });
}

#[test]
fn where_no_events_come_files_are_watched() {
    in_each_world(|world| {
        let s6 = world.backend();
        s6.register_one(world.script("web", FOREVER)).unwrap();
        let (event, elsewhere) = (world.slot("web").join("event"), world.scandir.join(".elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        let kinds: [&dyn Fn(); 3] = [
            &|| fs::write(&event, "").unwrap(),
            // The supervisor follows it, and sends events there.
            &|| symlink(&elsewhere, &event).unwrap(),
            // Others could change what is made in it.
            &|| {
                fs::create_dir(&event).unwrap();
                fs::set_permissions(&event, fs::Permissions::from_mode(0o777)).unwrap();
            },
        ];
        for (index, make) in kinds.iter().enumerate() {
            fs::rename(&event, world.scandir.join(format!(".event-{index}"))).unwrap();
            make();
            let (long_ago, place) = (std::time::SystemTime::UNIX_EPOCH, fs::File::open(&event).unwrap());
            place.set_modified(long_ago).unwrap();
            s6.stop_one("web").unwrap();
            assert_eq!(s6.state("web"), State::Stopped);
            s6.start_one("web").unwrap();
            assert_eq!(s6.state("web"), State::Running);
            assert_eq!(place.metadata().unwrap().modified().unwrap(), long_ago, "made in kind {index}");
        }
    });
}

#[test]
fn a_status_that_blocks_whoever_opens_it_holds_nobody_up() {
    in_each_world(|world| {
        let s6 = world.backend();
        let mut holders = Vec::new();
        for name in ["a", "b", "c"] {
            let supervise = world.slot(&format!(".{name}")).join("supervise");
            fs::create_dir_all(&supervise).unwrap();
            let (mode, fifo) = (rustix::fs::Mode::from_raw_mode(0o600), rustix::fs::FileType::Fifo);
            rustix::fs::mknodat(rustix::fs::CWD, supervise.join("status"), fifo, mode, 0).unwrap();
            // As a supervisor holds it; the s6 commands believe in one then.
            let mut holder = std::process::Command::new("s6-setlock");
            holder.arg(supervise.join("lock")).args(["sleep", "60"]);
            holders.push(holder.spawn().unwrap());
            let lock = supervise.join("lock");
            eventually("it is held", || {
                let held = std::process::Command::new("s6-setlock").arg("-n").arg(&lock).arg("true").output();
                lock.exists() && !held.unwrap().status.success()
            });
            fs::rename(world.slot(&format!(".{name}")), world.slot(name)).unwrap();
        }
        // The fastest of some: other tests keep the machine busy.
        let took = (0..3).map(|_| {
            let begun = std::time::Instant::now();
            assert_eq!(s6.names(true), ["a", "b", "c"]);
            begun.elapsed()
        });
        let took = took.min().unwrap();
        for mut holder in holders {
            holder.kill().unwrap();
            holder.wait().unwrap();
        }
        // As long as the s6 commands get.
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
}
