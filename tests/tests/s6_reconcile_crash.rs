//! Whatever command is killed, at whichever of its changes: reconcile leads from what is left to the state
//! that was there before or to the one that was asked for, never to a third.

use anysvc_tests::crash::{Call, World, sweep};

const PROGRAM: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];

fn args(words: &[&'static str], program: bool) -> Vec<&'static str> {
    [words, if program { &PROGRAM[..] } else { &[] }].concat()
}

fn register(name: &'static str, options: &[&'static str]) -> Vec<&'static str> {
    let base = ["register", name, "--settle", "0", "--stop-timeout", "1s"];
    args(&[&base[..], options].concat(), true)
}

fn must(world: &World, args: &[&str]) {
    world.anysvc(args).run().success();
}

/// The state and what is wanted; `gone` where neither store nor manager has it.
fn is(world: &World, name: &str) -> String {
    if !world.stored(name) && !world.published(name) {
        return "gone".to_owned();
    }
    let json = world.anysvc(["status", name, "--json"]).run().any().json();
    let service = &json["services"][0];
    format!("{} {}", service["state"].as_str().unwrap_or("?"), service["desired"].as_str().unwrap_or("?"))
}

/// The same, once it is there: what was told to stop or to start, and is about to, needs nothing of a reconcile.
fn comes_to_rest(world: &World, name: &str) -> String {
    let mut end = String::new();
    world.lab.wait_until("it has come to rest", || {
        end = is(world, name);
        !end.starts_with("stopping") && !end.starts_with("starting")
    });
    end
}

/// Kills one command over `web` at each of its changes; reconcile then leads to one of these.
fn over_web(world: &World, what: &'static str, args: Vec<&'static str>, prepare: &dyn Fn(), ends: [&str; 2]) {
    let mend = || {
        world.reconcile();
        let end = comes_to_rest(world, "web");
        assert!(ends.contains(&end.as_str()), "{what} was killed, and reconcile led to {end:?}");
    };
    kill_each(world, what, &args, prepare, &mend);
}

/// Kills a command at each of its changes. What one left is never half-built.
fn kill_each(world: &World, what: &str, args: &[&str], prepare: &dyn Fn(), mend: &dyn Fn()) {
    let one = |n: usize| {
        prepare();
        world.anysvc(args).killed_at(n)
    };
    let look = || {
        let half_built = world.half_built();
        assert!(half_built.is_empty(), "half-built: {half_built:?}");
        mend();
    };
    sweep(&format!("{what}, uid {} in {}", world.uid, world.scandir), one, look);
    let complaints = world.complaints();
    assert!(complaints.is_empty(), "{what}: s6 complains: {complaints:?}");
}

fn sweep_all(world: &World) {
    let absent = || must(world, &["unregister", "web"]);
    over_web(world, "register, then reconcile", register("web", &[]), &absent, ["gone", "running up"]);
    let down = register("web", &["--down"]);
    over_web(world, "register --down, then reconcile", down, &absent, ["gone", "stopped down"]);
    let stopped = || {
        absent();
        must(world, &register("web", &["--down"]));
    };
    let start = vec!["start", "web", "--settle", "0"];
    over_web(world, "start, then reconcile", start, &stopped, ["stopped down", "running up"]);
    let running = || {
        absent();
        must(world, &register("web", &[]));
    };
    over_web(world, "stop, then reconcile", vec!["stop", "web"], &running, ["running up", "stopped down"]);
    let mut replace = register("web", &["--replace"]);
    replace.push("1");
    over_web(world, "register --replace, then reconcile", replace, &running, ["running up"; 2]);
    over_web(
        world,
        "unregister, then reconcile",
        vec!["unregister", "web"],
        &running,
        ["running up", "gone"],
    );
    absent();
}

/// Three services as a boot finds them: nothing is there but the store.
fn sweep_reconcile(world: &World) {
    for (name, options) in [
        ("ran", &["--boot", "restore"][..]),
        ("after", &["--after", "ran"]),
        ("always", &["--boot", "up", "--down"]),
    ] {
        must(world, &register(name, options));
    }
    let state =
        world.lab.path(if world.uid == 0 { "/var/lib/anysvc" } else { "/home/app/.local/state/anysvc" });
    let kept = world.lab.path("/var/tmp/kept");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let done = std::process::Command::new("/bin/cp").arg("-aT").args([from, to]).status();
        assert!(done.is_ok_and(|status| status.success()), "copying the store");
    };
    copy(&state, &kept);
    let boot = || {
        must(world, &["unregister", "--all"]);
        world.forget();
        copy(&kept, &state);
        // What was noted is the start of another s6-svscan.
        std::fs::write(state.join("boots"), "s6 user another\ns6 system another\n").expect("a note");
    };
    let mend = || {
        world.reconcile();
        for (name, end) in [("ran", "running up"), ("after", "running up"), ("always", "running up")] {
            assert_eq!(comes_to_rest(world, name), end, "{name} after a reconcile that was killed");
        }
    };
    let what = "reconcile at boot, then reconcile";
    kill_each(world, what, &["reconcile"], &boot, &mend);
    must(world, &["unregister", "--all"]);
}

#[test]
fn root_s_reconcile_never_leads_to_a_third_state() {
    sweep_all(&World::root());
}

#[test]
fn app_s_reconcile_never_leads_to_a_third_state_in_the_shared_scandir() {
    sweep_all(&World::shared());
}

#[test]
fn app_s_reconcile_never_leads_to_a_third_state_in_a_tree_of_its_own() {
    sweep_all(&World::nested());
}

#[test]
fn a_reconcile_that_is_killed_is_completed_by_the_next() {
    sweep_reconcile(&World::nested());
}

#[test]
fn a_replacement_is_noted_on_disk_before_the_store_has_it() {
    let world = World::nested();
    must(&world, &register("web", &[]));
    let mut replace = register("web", &["--replace"]);
    replace.push("1");
    let traced = world.anysvc(&replace).traced();
    assert!(traced.status.success(), "{}", traced.stderr);
    let at = |what: &str, name: &str, file: &str, from: usize| {
        let is_such = |call: &Call| call.name.starts_with(name) && call.subject.ends_with(file);
        let found = traced.calls[from..].iter().position(is_such);
        found.map_or_else(|| panic!("{what}: not after call {from} of\n{traced}"), |found| from + found)
    };
    let noted = at("the note gets its name", "rename", "replacing", 0);
    let flushed = traced.calls[..noted].last().map(|call| call.name);
    assert_eq!(flushed, Some("fdatasync"), "its text is flushed before:\n{traced}");
    let named = at("its name is flushed", "fsync", "anysvc", noted);
    let stored = at("the store has the new spec", "rename", "web.toml", noted);
    assert!(named < stored, "the store comes after the note:\n{traced}");
}
