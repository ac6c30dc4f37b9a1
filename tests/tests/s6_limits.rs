//! Where something is used up or closed: a full disk, no inodes, a read-only file system, few open files,
//! a FIFO that may not be written to, rubbish in the scandir. Each is told by kind, place and remedy, and
//! nothing is left behind: what was not registered is in neither the store nor the scandir.

use anysvc_tests::crash::World;
use anysvc_tests::{APP, Ended, S6Lab};
use serde_json::Value;

/// A laboratory with one service, and its store put on a file system of its own.
fn with_one(store: &str) -> World {
    let world = World::root();
    register(&world, "one", 0);
    logs(&world, "one");
    let mount = format!(
        "cp -a /var/lib/anysvc /tmp/store && mount -t tmpfs -o mode=700,{store} store /var/lib/anysvc && \
         cp -a /tmp/store/. /var/lib/anysvc/"
    );
    sh(&world.lab, &mount);
    world
}

fn sh(lab: &S6Lab, text: &str) {
    lab.command("sh").args(["-ec", text]).run().success();
}

/// Registers it and expects that code.
fn register<'w>(world: &'w World, name: &str, code: i32) -> Ended<'w> {
    let words = ["register", name, "--settle", "0", "--json", "--", "/usr/bin/sleep", "1000"];
    world.anysvc(words).run().fails(code)
}

/// Waits until its logger has opened what it writes to.
fn logs(world: &World, name: &str) {
    let log = world.state().join("logs").join(name).join("current");
    world.lab.wait_until("its logger has opened what it writes to", || world.lab.exists(&log));
}

/// A refused registration: of this kind, about this place, with this remedy, and without a trace.
fn refused(world: &World, name: &str, code: i32, kind: &str, place: &str, remedy: &str) {
    let json = register(world, name, code).json();
    let whole = &json["error"];
    let error = if whole.is_null() { &json["services"][0]["error"] } else { whole };
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("kind"), kind, "{json}");
    assert!(text("path").starts_with(place), "{json}");
    assert!(text("hint").contains(remedy), "{json}");
    clean(world, name);
}

/// Nothing of it is there, nor of anybody's work on it.
fn clean(world: &World, name: &str) {
    assert!(!world.stored(name), "{name} is in the store");
    let (services, hidden) = world.entries();
    assert!(!services.contains(&name.to_owned()) && hidden.is_empty(), "{services:?} {hidden:?}");
    let staging = std::fs::read_dir(world.lab.path(world.state().join("staging")));
    assert_eq!(staging.map_or(0, Iterator::count), 0, "something is left in staging");
}

/// Whether it runs, by its manager's own word.
fn runs(world: &World, name: &str) -> bool {
    let at = format!("{}/{name}", world.scandir);
    world.lab.s6("s6-svstat", ["-o", "up", &at]).run().any().stdout() == "true\n"
}

const ROOM: &str = "`df -i`";

#[test]
fn a_full_store_takes_nothing_and_gives_back_what_is_unregistered() {
    for (store, fill) in [
        ("size=64k", "dd if=/dev/zero of=/var/lib/anysvc/fill bs=4096 2>/dev/null || :"),
        ("nr_inodes=40", "n=0; while touch /var/lib/anysvc/f$n 2>/dev/null; do n=$((n+1)); done"),
    ] {
        let world = with_one(store);
        sh(&world.lab, fill);
        refused(&world, "two", 1, "io", "/var/lib/anysvc/", ROOM);
        // What is desired is written before the manager is asked: it runs on.
        world.anysvc(["stop", "one"]).run().fails(1).stderr_contains(ROOM);
        world.anysvc(["status", "one"]).run().success();
        assert!(runs(&world, "one"));
        world.anysvc(["unregister", "one"]).run().success();
        clean(&world, "one");
        sh(&world.lab, "rm /var/lib/anysvc/f*");
        register(&world, "two", 0);
    }
}

#[test]
fn a_full_scandir_takes_nothing_and_keeps_what_it_has() {
    for (shrink, grow) in [
        (
            // Again where more was written meanwhile.
            "until mount -o remount,size=$(df --output=used -B1 / | tail -n 1) /; do :; done",
            "mount -o remount,size=50% /",
        ),
        (
            "mount -o remount,nr_inodes=$(($(df --output=iused / | tail -n 1) + 9)) /",
            "mount -o remount,nr_inodes=0 /",
        ),
    ] {
        let world = with_one("size=1m");
        sh(&world.lab, shrink);
        refused(&world, "two", 1, "io", "/run/service", ROOM);
        // What is there is neither stopped nor forgotten for another that can't be made.
        let other = ["register", "one", "--replace", "--settle", "0", "--", "/usr/bin/sleep", "2000"];
        world.anysvc(other).run().fails(1).stderr_contains(ROOM);
        assert!(runs(&world, "one") && world.stored("one"));
        world.anysvc(["status", "one"]).run().success();
        sh(&world.lab, grow);
        world.anysvc(other).run().success();
        register(&world, "two", 0);
    }
}

/// Mounts a folder over itself, read-only, for those who come by its path.
fn freeze(world: &World, folder: &str) {
    sh(&world.lab, &format!("mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"));
}

/// Takes that away again; lazily, as a look from outside into the folder may not be over.
fn thaw(world: &World, folder: &str) {
    sh(&world.lab, &format!("umount --lazy {folder}"));
}

#[test]
fn a_read_only_store_is_told_from_a_read_only_scandir() {
    let world = World::root();
    register(&world, "one", 0);
    logs(&world, "one");
    freeze(&world, "/var/lib/anysvc");
    refused(&world, "two", 7, "permission-denied", "/var/lib/anysvc/lock", "read-only");
    world.anysvc(["stop", "one"]).run().fails(7).stderr_contains("read-only");
    assert!(runs(&world, "one"));
    world.anysvc(["status", "one"]).run().success();
    thaw(&world, "/var/lib/anysvc");

    freeze(&world, "/run/service");
    refused(&world, "two", 7, "permission-denied", "/run/service", "read-only");
    for verb in [&["stop", "one"][..], &["unregister", "one"]] {
        world.anysvc(verb).run().fails(7).stderr_contains("read-only");
    }
    assert!(runs(&world, "one") && world.stored("one"));
    world.anysvc(["status", "one"]).run().success();
    thaw(&world, "/run/service");
    world.anysvc(["unregister", "one"]).run().success();
    clean(&world, "one");
}

#[test]
fn a_fifo_that_may_not_be_written_to_is_named() {
    let world = World::nested();
    register(&world, "one", 0);
    let fifo = format!("{}/one/supervise/control", world.scandir);
    sh(&world.lab, &format!("chown root {fifo} && chmod 600 {fifo}"));
    for verb in ["stop", "restart", "unregister"] {
        let ended = world.anysvc([verb, "one", "--json"]).run().fails(7);
        let error = ended.json()["services"][0]["error"].clone();
        assert_eq!(error["kind"], "permission-denied", "{verb}: {error}");
        assert_eq!(error["path"], Value::from(fifo.as_str()), "{verb}: {error}");
        assert!(error["hint"].is_string(), "{verb}: {error}");
    }
    assert!(runs(&world, "one") && world.stored("one"));
    // Others are not in the way of it.
    register(&world, "two", 0);
    sh(&world.lab, &format!("chown app {fifo}"));
    world.anysvc(["unregister", "one", "two"]).run().success();
    clean(&world, "one");
}

#[test]
fn few_open_files_are_no_reason_for_wrong_words_or_left_overs() {
    let world = World::root();
    register(&world, "one", 0);
    let mut told = 0;
    for files in 4..40 {
        let text = format!("ulimit -n {files}; exec anysvc register two --settle 0 -- /usr/bin/sleep 1000");
        let ended = world.lab.command("sh").args(["-c", &text]).run().any();
        if ended.code() == Some(0) {
            assert!(files > 8 && told > 3, "{told} refusals up to {files}");
            assert!(runs(&world, "two"));
            return;
        }
        let (code, said) = (ended.code(), ended.stderr());
        // 127 is the dynamic loader's: too few for any program.
        assert!(code == Some(127) || said.contains("oo many open files"), "{files}: {code:?} {said}");
        assert!(!said.contains("no s6-svscan"), "{files}: {said}");
        told += u32::from(code != Some(127));
        clean(&world, "two");
        assert!(runs(&world, "one") && world.stored("one"));
    }
    panic!("no limit was enough");
}

#[test]
fn as_many_services_as_files_may_be_open_can_be_registered_at_once() {
    let world = World::root();
    let spec: String = (0..80)
        .map(|n| format!("[service.n{n}]\ncommand = [\"/usr/bin/sleep\", \"1000\"]\nlog.to = \"none\"\n"))
        .collect();
    world.lab.write("/srv/many.toml", 0, 0o644, spec);
    let text = "ulimit -n 64; exec anysvc register --file /srv/many.toml --settle 0";
    world.lab.command("sh").args(["-c", text]).run().success();
    assert_eq!(world.supervisors().len(), 80);
}

#[test]
fn the_one_too_many_is_refused_by_the_command_line_of_its_own_s6_svscan() {
    // Of the nested tree, whose s6-svscan is not process 1: three services, by its own `-c`.
    let world = World::nested();
    let run = "#!/command/execlineb -P\ns6-setuidgid app s6-svscan -d3 -c 3 -- /run/app/service\n";
    world.lab.write("/run/service/app-tree/run", 0, 0o755, run);
    world.lab.s6("s6-svc", ["-wR", "-r", "/run/service/app-tree"]).run().success();
    world.lab.wait_until("the new s6-svscan listens", || world.lab.listens(world.scandir));
    for name in ["one", "two", "three"] {
        register(&world, name, 0);
    }
    let json = register(&world, "four", 9).json();
    let error = &json["services"][0]["error"];
    assert!(error["message"].as_str().is_some_and(|said| said.contains("takes 3 services")), "{json}");
    assert!(error["hint"].as_str().is_some_and(|said| said.contains("-c")), "{json}");
    clean(&world, "four");
    // To replace one of them takes no room.
    let other = ["register", "one", "--replace", "--settle", "0", "--", "/usr/bin/sleep", "2000"];
    world.anysvc(other).run().success();
    assert_eq!(world.supervisors().len(), 6, "three services and their loggers");
}

#[test]
fn rubbish_in_the_scandir_is_in_nobodys_way() {
    for world in [World::root(), World::shared(), World::nested()] {
        let rubbish = "cd $0; ln -s /nowhere dangling; ln -s loop loop; echo x >file; mkfifo fifo; mkdir empty; \
            mkdir broken broken/supervise; echo junk >broken/supervise/status; mkdir -p 'a b' .hidden/run; \
            mkdir 'esc\u{1b}[31m'";
        world.lab.command("sh").args(["-ec", rubbish, world.scandir]).uid(APP.min(world.uid)).run().success();
        register(&world, "one", 0);
        let listed = world.anysvc(["list", "--foreign"]).run().success();
        listed
            .stdout_contains("one")
            .stdout_contains("broken")
            .stdout_lacks("dangling")
            .stdout_lacks("\u{1b}");
        let broken = world.anysvc(["status", "broken", "--json"]).run().any();
        assert!(matches!(broken.code(), Some(1 | 3)), "{}", broken.stdout());
        world.anysvc(["status", "dangling"]).run().fails(4);
        world.anysvc(["restart", "one"]).run().success();
        world.anysvc(["unregister", "one"]).run().success();
        clean_but_for(&world, ".hidden");
    }
}

fn clean_but_for(world: &World, hidden: &str) {
    let (services, found) = world.entries();
    assert!(!services.contains(&"one".to_owned()), "{services:?}");
    assert_eq!(found, [hidden]);
}
