//! Killed at each of its changes to the file system, no command leaves anything that the next
//! one can't mend.
//!
//! Each sweep kills one command at its first change, at its second, and so on until it runs to
//! its end, and after each kill looks at what is there before it mends it. Whether s6-svscan
//! looks in between is up to others, so that registering is swept both ways.

use anysvc_tests::crash::{Traced, World, sweep};
use serde_json::Value;

const PROGRAM: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];

/// A command that is to be killed.
struct Sweep<'w> {
    what: &'static str,
    world: &'w World,
    /// Who runs it.
    uid: u32,
    args: Vec<&'static str>,
    /// Makes things as the command is to find them, whatever the last run left.
    prepare: &'w dyn Fn(),
    /// Looks at what the killed one left, and mends it.
    mend: &'w dyn Fn(),
}

impl Sweep<'_> {
    fn run(self) {
        let what = format!("{}, uid {} in {}", self.what, self.uid, self.world.scandir);
        let look = || {
            let half_built = self.world.half_built();
            assert!(half_built.is_empty(), "half-built: {half_built:?}");
            says_how_it_is(self.world);
            (self.mend)();
        };
        sweep(&what, |n| self.one(n), look);
        let complaints = self.world.complaints();
        assert!(complaints.is_empty(), "{what}: s6 complains: {complaints:?}");
    }

    fn one(&self, n: usize) -> Traced {
        (self.prepare)();
        self.world.lab.anysvc(&self.args).uid(self.uid).killed_at(n)
    }
}

/// Store and scandir say the same, or `status` says how they differ.
fn says_how_it_is(world: &World) {
    let (stored, published) = (world.stored("web"), world.published("web"));
    let ended = world.anysvc(["status", "web", "--json"]).run().any();
    let json = ended.json();
    let service = &json["services"][0];
    let error = if json["error"].is_null() { &service["error"] } else { &json["error"] };
    let told =
        format!("stored {stored}, published {published}; `status` ended with {:?}: {json}", ended.code());
    match (stored, published) {
        (true, true) => {
            assert!(error.is_null() && matches!(ended.code(), Some(0 | 3)), "{told}");
            assert!(matches!(service["desired"].as_str(), Some("up" | "down")), "{told}");
        }
        (false, false) => assert_eq!(ended.code(), Some(4), "{told}"),
        (false, true) if service["ours"] == false => assert!(service["desired"].is_null(), "{told}"),
        _ => {
            let words = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            assert!(words(&service["reason"]) || words(&error["hint"]), "{told}");
            assert_ne!(service["state"], "running", "{told}");
        }
    }
}

/// As it is when all is well, soon: what a rescan found is maybe just being started.
fn is(world: &World, state: &str, desired: &str) {
    world.settles("mended");
    let (mut service, mut code) = (Value::Null, None);
    world.lab.wait_until("its start is over", || {
        let ended = world.anysvc(["status", "web", "--json"]).run().any();
        (service, code) = (ended.json()["services"][0].take(), ended.code());
        service["state"] != "starting"
    });
    assert_eq!((&service["state"], &service["desired"]), (&state.into(), &desired.into()), "{service}");
    assert_eq!(code, Some(if state == "running" { 0 } else { 3 }));
}

fn is_gone(world: &World) {
    world.settles("gone");
    assert!(!world.published("web") && !world.stored("web"), "it is still there");
    assert_eq!(world.entries(), (vec![], vec![]), "something is left over");
    world.anysvc(["status", "web"]).run().fails(4);
}

fn register(down: bool) -> Vec<&'static str> {
    let mut args = vec!["register", "web", "--settle", "0", "--stop-timeout", "1s"];
    args.extend(down.then_some("--down"));
    args.extend(PROGRAM);
    args
}

fn do_it(world: &World, args: &[&str]) {
    world.anysvc(args).run().success();
}

/// Registers once more: completes what was begun, or hears that it is done.
fn again(world: &World, args: &[&str]) {
    let again = world.anysvc(args).run().any();
    assert!(matches!(again.code(), Some(0 | 5)), "registering again: {}", again.stderr());
}

fn sweep_register(world: &World, rescan: bool) {
    let mend = || {
        if rescan {
            world.lab.s6("s6-svscanctl", ["-a", world.scandir]).run().success();
            world.lab.wait_until("what is in sight is supervised", || {
                let supervised = world.supervisors();
                let mut services = world.entries().0.into_iter();
                services.all(|name| supervised.iter().any(|supervisor| supervisor.folder == name))
            });
            let strays = world.supervisors().into_iter().filter(|one| one.folder.starts_with('.'));
            assert_eq!(strays.collect::<Vec<_>>(), [], "what is not published is supervised");
        }
        again(world, &register(false));
        is(world, "running", "up");
        do_it(world, &["unregister", "web"]);
        is_gone(world);
    };
    let what = if rescan { "register, then a rescan" } else { "the first register" };
    let prepare = || {
        do_it(world, &["unregister", "web"]);
        if !rescan {
            // The store's folders are to be made too.
            world.forget();
        }
    };
    Sweep { what, world, uid: world.uid, args: register(false), prepare: &prepare, mend: &mend }.run();
}

/// `--replace` with another program, of a service that runs.
fn sweep_replace(world: &World) {
    let replace = || {
        let mut args = register(false);
        args.insert(2, "--replace");
        args.push("1");
        args
    };
    let prepare = || {
        do_it(world, &["unregister", "web"]);
        do_it(world, &register(false));
    };
    let mend = || {
        do_it(world, &replace());
        is(world, "running", "up");
    };
    Sweep {
        what: "register --replace",
        world,
        uid: world.uid,
        args: replace(),
        prepare: &prepare,
        mend: &mend,
    }
    .run();
}

fn sweep_unregister(world: &World) {
    let prepare = || {
        if !world.published("web") {
            do_it(world, &register(false));
        }
    };
    let mend = || {
        do_it(world, &["unregister", "web"]);
        is_gone(world);
    };
    Sweep {
        what: "unregister",
        world,
        uid: world.uid,
        args: vec!["unregister", "web"],
        prepare: &prepare,
        mend: &mend,
    }
    .run();
}

/// Two at once from a file.
fn sweep_batch(world: &World) {
    const NAMES: [&str; 2] = ["web", "db"];
    let command = "command = [\"/usr/bin/sleep\", \"1000\"]\n";
    let text: String = NAMES.iter().map(|name| format!("[service.{name}]\n{command}")).collect();
    world.lab.write("/srv/two.toml", world.uid, 0o600, text);
    let args = vec!["register", "--file", "/srv/two.toml", "--settle", "0"];
    let unregister = [&["unregister"], &NAMES[..]].concat();
    let prepare = || do_it(world, &unregister);
    let mend = || {
        do_it(world, &[&args[..], &["--replace"]].concat());
        world.settles("registered");
        for name in NAMES {
            world.anysvc(["status", name]).run().success();
        }
        do_it(world, &unregister);
        is_gone(world);
    };
    let what = "register --file";
    Sweep { what, world, uid: world.uid, args: args.clone(), prepare: &prepare, mend: &mend }.run();
}

/// What somebody else made in the scandir is taken over.
fn sweep_adopt(world: &World) {
    let make = format!(
        "cd {0} && mkdir .theirs && printf '#!/bin/sh\\nexec sleep 1000\\n' > .theirs/run && \
         chmod 755 .theirs/run && mv .theirs web && /command/s6-svscanctl -a {0}",
        world.scandir
    );
    let prepare = || {
        do_it(world, &["unregister", "web"]);
        world.lab.command("sh").args(["-c", &make]).uid(world.uid).run().success();
        world.lab.wait_until("it runs", || world.anysvc(["status", "web"]).run().any().code() == Some(0));
    };
    let mut args = register(false);
    args.insert(2, "--adopt");
    let mend = || {
        again(world, &args);
        is(world, "running", "up");
        do_it(world, &["unregister", "web"]);
        is_gone(world);
    };
    let what = "register --adopt";
    Sweep { what, world, uid: world.uid, args: args.clone(), prepare: &prepare, mend: &mend }.run();
}

/// start, stop and restart, of one service that stays registered.
fn sweep_control(world: &World) {
    do_it(world, &["unregister", "web"]);
    do_it(world, &register(true));
    let (start, stop) = (["start", "web", "--settle", "0"], ["stop", "web"]);
    let restart = ["restart", "web", "--settle", "0"];
    let begin = || do_it(world, &start);
    let end = || do_it(world, &stop);
    let mended_by = |args: &[&str], state: &str, desired: &str| {
        do_it(world, args);
        is(world, state, desired);
        // What the killed one listened by goes when its supervisor has something to tell, or the next
        // command something to wait for.
        world.lab.wait_until("nobody is left in event/", || {
            do_it(world, &restart);
            world.listeners("web").is_empty()
        });
    };
    let started = || mended_by(&start, "running", "up");
    let stopped = || mended_by(&stop, "stopped", "down");
    let restarted = || mended_by(&restart, "running", "up");
    Sweep { what: "start", world, uid: world.uid, args: start.into(), prepare: &end, mend: &started }.run();
    Sweep { what: "stop", world, uid: world.uid, args: stop.into(), prepare: &begin, mend: &stopped }.run();
    Sweep { what: "restart", world, uid: world.uid, args: restart.into(), prepare: &begin, mend: &restarted }
        .run();
    do_it(world, &["unregister", "web"]);
    is_gone(world);
}

/// What root leaves half-done in the scandir that was handed to app is not in app's way.
fn sweep_root_s_register(world: &World) {
    let root = |args: &[&str]| world.lab.anysvc(args).run().any();
    let args = || {
        let mut args = register(false);
        args[1] = "rooted";
        args
    };
    let prepare = || assert_eq!(root(&["unregister", "rooted"]).code(), Some(0));
    let mend = || {
        do_it(world, &register(false));
        world.anysvc(["status", "web"]).run().success();
        do_it(world, &["unregister", "web"]);
        assert!(matches!(root(&args()).code(), Some(0 | 5)), "root registers again");
        assert_eq!(root(&["start", "rooted", "--settle", "0"]).code(), Some(0));
        prepare();
        is_gone(world);
    };
    Sweep { what: "root's register", world, uid: 0, args: args(), prepare: &prepare, mend: &mend }.run();
}

fn sweep_all(world: &World) {
    sweep_register(world, false);
    sweep_register(world, true);
    sweep_control(world);
    sweep_replace(world);
    sweep_unregister(world);
}

#[test]
fn root_can_mend_what_was_killed() {
    sweep_all(&World::root());
}

#[test]
fn app_can_mend_what_was_killed_in_the_shared_scandir() {
    sweep_all(&World::shared());
}

#[test]
fn app_is_not_held_up_by_what_root_left() {
    sweep_root_s_register(&World::shared());
}

#[test]
fn app_can_mend_what_was_killed_in_a_tree_of_its_own() {
    sweep_all(&World::nested());
}

#[test]
fn a_register_that_was_killed_before_s6_was_told_is_completed_by_the_same_again() {
    let world = World::root();
    let if_absent = [&register(false)[..2], &["--if-absent"], &register(false)[2..]].concat();
    for the_same in [register(false), if_absent] {
        do_it(&world, &["unregister", "web"]);
        let all = world.anysvc(register(false)).traced().calls.len();
        // Whoever was killed first with it in its place had told nobody.
        let published = (1..=all).any(|n| {
            do_it(&world, &["unregister", "web"]);
            let _ = world.anysvc(register(false)).killed_at(n);
            world.published("web")
        });
        assert!(published, "at no point it was published and s6-svscan was not told");
        assert_eq!(world.supervisors(), []);
        let another = [&register(false)[..], &["1"]].concat();
        world.anysvc(another).run().fails(5);
        let told = world.anysvc(the_same).run().success();
        assert!(told.stdout().starts_with("put back web"), "{}", told.stdout());
        is(&world, "running", "up");
    }
}

// In the shared scandir nobody but root can adopt what root's supervisor made its folder for.
#[test]
fn an_adoption_that_was_killed_is_completed_by_the_next() {
    sweep_adopt(&World::nested());
}

#[test]
fn a_batch_that_was_killed_is_completed_by_the_next() {
    sweep_batch(&World::shared());
}
