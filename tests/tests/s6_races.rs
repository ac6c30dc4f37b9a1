//! Many at once, while s6-svscan is told to look again and again: each service is there once or
//! not at all, whole, and with one supervisor.

use anysvc_tests::crash::World;
use serde_json::Value;
use std::io::Write;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// What each program runs: nothing that could end by itself.
const PROGRAM: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];
/// In these tests hundreds wait for their turn on whatever processors there are.
const TIMEOUT: [&str; 2] = ["--timeout", "50s"];

/// How often one tries who did not get a turn in time.
const TRIES: usize = 5;

/// How often s6-svscan is told to look.
#[derive(Clone, Copy, PartialEq)]
enum Storm {
    /// All the time.
    Endless,
    /// Some hundred times a second: where there are hundreds of services, one look at them takes time.
    Gusts,
}

/// Does `act` under a storm of rescans, with somebody who looks for half-built services all the
/// time; then everything has to be as it should be at rest.
fn storm(world: &World, what: &str, storm: Storm, act: impl FnOnce()) {
    let rescan = format!("while :; do /command/s6-svscanctl -a {}; done", world.scandir);
    let endless = (storm == Storm::Endless)
        .then(|| world.lab.command("sh").args(["-c", &rescan]).uid(world.uid).spawn());
    let begun = Instant::now();
    let (found, looks) = std::thread::scope(|scope| {
        let (running, over) = mpsc::channel::<()>();
        let watch = scope.spawn(move || watch(world, &over));
        act();
        drop(running);
        watch.join().expect("the watch only looks")
    });
    drop(endless);
    assert!(found.is_empty(), "{what}: half-built, and seen: {found:?}");
    world.settles(what);
    let complaints = world.complaints();
    assert!(complaints.is_empty(), "{what}: s6 complains: {complaints:?}");
    let (uid, scandir, time) = (world.uid, world.scandir, begun.elapsed().as_secs_f64());
    // Not by the macros, whose output is shown for failures alone.
    let line = format!("{what}, uid {uid} in {scandir}: {time:.1} s, looked at {looks} times\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Looks, and has s6-svscan look, until the other end is gone, or there is something half-built. With a
/// breath in between: the processors are for those who are watched.
fn watch(world: &World, over: &mpsc::Receiver<()>) -> (Vec<String>, u32) {
    let mut looks = 0;
    let control = world.lab.path(world.scandir).join(".s6-svscan/control");
    let mut control = std::fs::OpenOptions::new().write(true).open(control).expect("s6-svscan listens");
    loop {
        control.write_all(b"a").expect("s6-svscan listens");
        let found = world.half_built();
        looks += 1;
        let goes_on = over.recv_timeout(Duration::from_millis(5)) == Err(mpsc::RecvTimeoutError::Timeout);
        if !found.is_empty() || !goes_on {
            return (found, looks);
        }
    }
}

/// How a command ended.
#[derive(Debug)]
struct End {
    verb: String,
    code: Option<i32>,
    json: Value,
}

impl End {
    fn error(&self) -> &Value {
        let whole = &self.json["error"];
        if whole.is_null() { &self.json["services"][0]["error"] } else { whole }
    }
}

/// Runs all of these commands at once.
fn at_once(world: &World, commands: impl Iterator<Item = Vec<String>>) -> Vec<End> {
    std::thread::scope(|scope| {
        let run = |args: Vec<String>| {
            let ended = world.anysvc(["--json"]).args(&args).run().any();
            End { verb: args[0].clone(), code: ended.code(), json: ended.json() }
        };
        let all: Vec<_> = commands.map(|args| scope.spawn(move || run(args))).collect();
        all.into_iter().map(|one| one.join().expect("a command that could be run")).collect()
    })
}

fn register(name: &str) -> Vec<String> {
    let words = ["register", name, "--settle", "0", "--stop-timeout", "1s"];
    words.into_iter().chain(TIMEOUT).chain(PROGRAM).map(str::to_owned).collect()
}

fn unregister(name: &str) -> Vec<String> {
    ["unregister", name].into_iter().chain(TIMEOUT).map(str::to_owned).collect()
}

/// As many names.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("web-{n}")).collect()
}

/// All of this verb ended with one of these codes.
fn all_ended(ends: &[End], verb: &str, codes: &[i32]) {
    let wrong: Vec<_> = ends
        .iter()
        .filter(|end| end.verb == verb && !end.code.is_some_and(|code| codes.contains(&code)))
        .map(|end| (end.code, end.error()))
        .collect();
    assert!(wrong.is_empty(), "{} times {verb} did not end with {codes:?}: {:?}", wrong.len(), wrong);
}

/// Does something to all of these names at once. On a busy machine not all of hundreds get their
/// turn in time: they are told so, and try again.
fn to_all(world: &World, names: &[String], command: fn(&str) -> Vec<String>) {
    let mut left: Vec<&String> = names.iter().collect();
    for _ in 0..TRIES {
        let ends = at_once(world, left.iter().map(|name| command(name)));
        all_ended(&ends, &command("")[0], &[0, 10]);
        left = left
            .into_iter()
            .zip(ends)
            .filter(|(_, end)| end.code == Some(10))
            .map(|(name, _)| name)
            .collect();
        if left.is_empty() {
            return;
        }
    }
    panic!("{} of {} never got their turn", left.len(), names.len());
}

/// Registers so many at once, and then removes them at once.
fn different_names(world: &World, count: usize, how: Storm) {
    let names = names(count);
    storm(world, &format!("{count} registered at once"), how, || to_all(world, &names, register));
    let (services, _) = world.entries();
    assert_eq!(services.len(), count, "services in the scandir");
    // Each with its logger.
    assert_eq!(world.supervisors().len(), 2 * count, "supervisors");
    assert!(names.iter().all(|name| world.stored(name) && world.published(name)));
    let up = world.anysvc(["status", "--json"]).run().success().json();
    let running = up["services"].as_array().into_iter().flatten().filter(|one| one["state"] == "running");
    assert_eq!(running.count(), count, "services that run");
    storm(world, &format!("{count} unregistered at once"), how, || to_all(world, &names, unregister));
    nothing_is_left(world, &names);
}

fn nothing_is_left(world: &World, names: &[String]) {
    assert_eq!(world.entries().0, Vec::<String>::new(), "left in the scandir");
    assert_eq!(world.supervisors(), [], "supervisors that are left");
    assert!(!names.iter().any(|name| world.stored(name)), "left in the store");
}

/// Of many who register one name, one does, and the others hear so.
fn one_name(world: &World) {
    storm(world, "50 times one name", Storm::Endless, || {
        let ends = at_once(world, (0..50).map(|_| register("web")));
        all_ended(&ends, "register", &[0, 5]);
        let (won, lost): (Vec<_>, Vec<_>) = ends.iter().partition(|end| end.code == Some(0));
        assert_eq!(won.len(), 1, "who registered it");
        assert!(lost.iter().all(|end| end.error()["kind"] == "already-registered"), "{lost:?}");
    });
    assert_eq!(world.supervisors().len(), 2, "supervisors");
    world.anysvc(["status", "web"]).run().success();
    world.anysvc(unregister("web")).run().success();
    nothing_is_left(world, &["web".to_owned()]);
}

/// Some register what others unregister. Whoever comes last wins; nobody finds a ruin.
fn against_each_other(world: &World) {
    let names = names(8);
    storm(world, "registers against unregisters", Storm::Endless, || {
        for _ in 0..5 {
            let commands = names.iter().flat_map(|name| [register(name), unregister(name)]);
            let ends = at_once(world, commands.clone().chain(commands));
            all_ended(&ends, "unregister", &[0]);
            // Besides 5: it was stopped (11) or gone (4) before the one who registered it saw it run.
            all_ended(&ends, "register", &[0, 4, 5, 11]);
        }
    });
    for name in &names {
        assert_eq!(world.stored(name), world.published(name), "store and scandir differ on {name}");
        let code = if world.stored(name) { 0 } else { 4 };
        world.anysvc(["status", name]).run().fails(code);
    }
    all_ended(&at_once(world, names.iter().map(|name| unregister(name))), "unregister", &[0]);
    world.settles("all unregistered");
    nothing_is_left(world, &names);
}

/// One after the other in one laboratory: each ends with nothing left.
fn races(world: impl FnOnce() -> World) {
    // Three times hundreds of processes at once would show how busy a machine can be, and no more.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let world = &world();
    one_name(world);
    different_names(world, 50, Storm::Endless);
    against_each_other(world);
    different_names(world, 500, Storm::Gusts);
}

#[test]
fn root_s_commands_do_not_get_into_each_other_s_way() {
    races(World::root);
}

#[test]
fn app_s_commands_do_not_get_into_each_other_s_way_in_the_shared_scandir() {
    races(World::shared);
}

#[test]
fn app_s_commands_do_not_get_into_each_other_s_way_in_a_tree_of_its_own() {
    races(World::nested);
}
