//! A supervisor that s6-svscan has begun and that is not in its folder yet, as on a busy machine: it goes there
//! by name, and must not find what took the place.

use anysvc_tests::crash::World;
use rustix::process::Signal;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// In the place of s6-supervise: waits while there is a gate.
const HELD_UP: &str = "#!/bin/sh
[ -e /srv/gate ] && echo >/tmp/late.$$
while [ -e /srv/gate ]; do sleep 0.01; done
exec /srv/s6-supervise \"$@\"
";

fn is_not_met(world: &World) {
    world.lab.command("mv").args(["/command/s6-supervise", "/srv/s6-supervise"]).run().success();
    world.lab.write("/command/s6-supervise", 0, 0o755, HELD_UP);
    let register = ["register", "web", "--settle", "0", "--replace", "--", "/usr/bin/sleep"];
    world.anysvc([&register[..], &["1000"]].concat()).run().success();

    let slot = format!("{}/web", world.scandir);
    let inode = || std::fs::metadata(world.lab.path(&slot)).map(|found| found.ino()).ok();
    let before = inode();
    let is_another = || inode().is_some() && inode() != before;
    world.lab.write("/srv/gate", 0, 0o644, "");
    world.lab.s6("s6-svc", ["-xd", &slot]).run().success();
    let is_late = || {
        let found = std::fs::read_dir(world.lab.path("/tmp")).into_iter().flatten().flatten();
        found.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("late."))
    };
    world.lab.wait_until("s6-svscan has begun the next one", is_late);

    // As busy as the rest: it does not hear at once what it is told.
    let svscan = svscan(world);
    world.lab.kill(svscan, Signal::STOP);
    let replace = world.anysvc([&register[..], &["2000"]].concat()).spawn();
    let (begun, long) = (Instant::now(), Duration::from_millis(300));
    world.lab.wait_until("there was time enough to do it wrongly", || is_another() || begun.elapsed() > long);
    world.lab.command("rm").args(["/srv/gate"]).run().success();
    let arrived = || world.lab.exists(format!("{slot}/supervise/status"));
    world.lab.wait_until("it has arrived, or has nowhere to go", || arrived() || !world.lab.exists(&slot));
    world.lab.kill(svscan, Signal::CONT);

    replace.wait().success();
    assert!(is_another(), "it was not replaced");
    world.settles("replaced");
    world.anysvc(["status", "web"]).run().success().stdout_contains("web: running");
    let console = world.lab.console();
    assert!(!console.contains("another instance"), "one was in another's place: {console}");
}

/// The s6-svscan of the user's scandir, by its number in there.
fn svscan(world: &World) -> u32 {
    let of = |name: &str| {
        let found = world.lab.command("pgrep").args(["-u", name, "-x", "s6-svscan"]).run().any().stdout();
        found.trim().parse().ok()
    };
    of("app").or_else(|| of("root")).expect("an s6-svscan")
}

#[test]
fn roots_does_not_meet_what_replaced_its_folder() {
    is_not_met(&World::root());
}

#[test]
fn an_ordinary_users_does_not_meet_what_replaced_its_folder() {
    is_not_met(&World::shared());
    is_not_met(&World::nested());
}
