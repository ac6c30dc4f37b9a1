//! Root works in a scandir that uid 10000 owns, while uid 10000 puts links in the place of whatever root
//! is about to look at: root never writes, chowns, removes, signals or runs anything elsewhere.
//!
//! s6 itself follows such links (the last tests show it), so that while a path is attacked on which s6
//! would act by itself, all of s6 is stopped: what happens then is anysvc's doing.

use anysvc_tests::canary::{CANARY, Canary, PRECIOUS, Prey, Swaps};
use anysvc_tests::crash::World;
use anysvc_tests::{APP, S6Lab, Signal};
use std::io::Write;
use std::path::Path;

/// Whatever a service directory has, as root would see it through a link.
fn canary(lab: &S6Lab) -> Canary<'_> {
    let folders =
        ["data", "env", "event", "supervise/event", "log/data", "log/event", "log/supervise", "svscan"];
    let files = [
        "data/anysvc",
        "data/delay",
        "data/gave-up",
        "data/condition",
        "data/again",
        "data/replaced",
        "env/A",
        "supervise/status",
        "supervise/lock",
        "supervise/death_tally",
        "log/supervise/status",
        "log/supervise/lock",
        "timeout-kill",
        "type",
        "secret",
    ];
    let fifos = ["supervise/control", "log/supervise/control", "svscan/control"];
    Canary::new(lab, &folders, &files, &["run", "finish", "log/run"], &fifos)
}

/// All that root can do to a service of uid 10000's.
const VERBS: [&[&str]; 14] = [
    &["status", "bait"],
    &["stop", "bait"],
    &["start", "bait"],
    &["restart", "bait"],
    &["signal", "HUP", "bait"],
    &["check", "bait"],
    &["list", "--all"],
    &["show", "bait"],
    &["logs", "bait", "-n", "3"],
    &["wait", "bait", "--for", "up"],
    &["reconcile"],
    &["reconcile", "--force"],
    &["register", "bait", "--replace", "--settle", "0", "--", "/usr/bin/sleep", "1000"],
    &["unregister", "bait"],
];

/// Where root remembers it.
const STORED: &str = "/var/lib/anysvc/services/bait.toml";
/// A time-out that leaves time for every step but that of waiting for an s6 that is stopped.
const SHORT: [&str; 2] = ["--timeout", "120ms"];

/// What uid 10000 has registered and root as well, so that root changes what uid 10000 owns.
struct Bait<'w> {
    world: &'w World,
    /// Root's word for it that it is root's.
    stored: String,
}

impl<'w> Bait<'w> {
    fn new(world: &'w World) -> Self {
        let words = ["register", "bait", "--user", "app", "--settle", "0", "--", "/usr/bin/sleep", "1000"];
        world.lab.anysvc(words).run().success();
        let stored = world.lab.read(STORED);
        world.lab.anysvc(["unregister", "bait"]).run().success();
        let bait = Self { world, stored };
        bait.lay();
        bait
    }

    /// Makes the service, as uid 10000, in the place of what root may have made in the attack before.
    fn lay(&self) {
        self.world.lab.write(STORED, 0, 0o600, &self.stored);
        self.world.lab.anysvc(["unregister", "bait"]).run().success();
        let words = ["register", "bait", "--replace", "--settle", "0", "--", "/usr/bin/sleep", "1000"];
        self.world.anysvc(words).run().success();
        // Until then its `run` is at work, which runs itself once more by its name, as the service's user.
        self.world.lab.wait_until("it is the program", || {
            let status = self.world.anysvc(["status", "bait", "--json"]).run().any().json();
            let pid = status["services"][0]["pid"].as_u64();
            let comm = pid.map(|pid| self.world.lab.path(format!("/proc/{pid}/comm")));
            comm.is_some_and(|comm| std::fs::read(comm).is_ok_and(|comm| comm == b"sleep\n"))
        });
    }

    /// Root does one thing, which he takes for his own affair, and shows nobody what is precious.
    fn bite(&self, swaps: &Swaps, verb: &[&str]) {
        self.world.lab.write(STORED, 0, 0o600, &self.stored);
        let ended = swaps.working(|| self.world.lab.anysvc(SHORT).args(verb).run().any());
        let shown = ended.stdout() + &ended.stderr();
        assert!(!shown.contains(PRECIOUS), "{verb:?} shows what is elsewhere: {shown}");
        assert!(!shown.contains("panicked"), "{verb:?}: {shown}");
    }
}

/// Stops all of s6, and lets it go on when dropped.
struct Stopped<'w>(&'w World, Vec<u32>);

impl<'w> Stopped<'w> {
    fn new(world: &'w World) -> Self {
        let supervisors = world.supervisors().iter().map(|supervisor| supervisor.pid).collect();
        let stopped = Self(world, supervisors);
        stopped.send(Signal::STOP);
        stopped
    }

    fn send(&self, signal: Signal) {
        for pid in self.1.iter().copied().chain([self.0.lab.pid1()]) {
            let pid = rustix::process::Pid::from_raw(pid as i32).expect("no process has the number 0");
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.send(Signal::CONT);
    }
}

/// Attacks one path of the service while root does everything to it, twice.
fn attack(bait: &Bait<'_>, canary: &mut Canary<'_>, path: &str) {
    let of_bait = Path::new("bait").join(path).to_string_lossy().trim_end_matches('/').to_owned();
    let prey = Prey::Path(of_bait.clone(), Path::new(CANARY).join(path));
    let hits = Swaps::during(&bait.world.lab, bait.world.scandir, &prey, |swaps| {
        rounds(swaps, 2, || VERBS.iter().for_each(|verb| bait.bite(swaps, verb)));
    });
    must_have_been_one(&of_bait, hits);
    assert_eq!(canary.harm(), [""; 0], "through {of_bait}");
}

/// Works so often at least, and up to five times as often on a machine that is too busy for the attacker.
fn rounds(swaps: &Swaps, least: usize, work: impl Fn()) {
    (0..5 * least).filter(|&round| round < least || swaps.hits() < ENOUGH).for_each(|_| work());
}

/// So many links while root works are an attack.
const ENOUGH: u32 = 50;

/// Without them a test says nothing.
fn must_have_been_one(what: &str, hits: u32) {
    // Not by the macros, whose output is shown for failures alone.
    let _ = std::io::stderr().write_all(format!("{what}: {hits} links while root worked\n").as_bytes());
    assert!(hits >= ENOUGH, "only {hits} links at {what}: no attack at all");
}

#[test]
fn what_root_does_to_a_service_stays_in_it() {
    // With s6 at work: on these paths it does nothing itself.
    let world = World::shared();
    let (bait, mut canary) = (Bait::new(&world), canary(&world.lab));
    for path in ["data", "env", "down", "data/again", "data/anysvc"] {
        bait.lay();
        attack(&bait, &mut canary, path);
    }
}

#[test]
fn what_root_does_through_the_files_of_s6_stays_in_the_service() {
    let paths = [
        "supervise",
        "supervise/control",
        "supervise/status",
        "supervise/lock",
        "supervise/death_tally",
        "event",
        "run",
        "finish",
        "timeout-kill",
        "log",
        "log/supervise",
        "log/supervise/control",
        "",
    ];
    for path in paths {
        // A laboratory for each: root may find that the service is not supervised any more, and remove it.
        let world = World::shared();
        let (bait, mut canary) = (Bait::new(&world), canary(&world.lab));
        let _stopped = Stopped::new(&world);
        attack(&bait, &mut canary, path);
    }
}

/// What uid 10000 put in its place, with so much in it that removing it takes a while.
fn fake(lab: &S6Lab) {
    let text = "set -e; cd /run/service; mkdir -p .fake/data .fake/env .fake/log/data .fake/supervise/event; \
        echo anysvc >.fake/data/anysvc; cd .fake/data; seq 500 | xargs touch; cd ../env; seq 500 | xargs touch; \
        cd ../..; if [ -e bait ]; then mv bait .old-$$; fi; mv .fake bait";
    lab.command("sh").args(["-c", text]).uid(APP).run().success();
}

#[test]
fn what_root_builds_and_removes_stays_in_the_scandir() {
    let world = World::shared();
    let lab = &world.lab;
    let (bait, mut canary) = (Bait::new(&world), canary(lab));
    let _stopped = Stopped::new(&world);
    let inside = &["", "data", "env", "log", "log/data", "supervise", "supervise/event"];
    let prey = Prey::Beginning(".anysvc-", inside, CANARY.into());
    let hits = Swaps::during(lab, world.scandir, &prey, |swaps| {
        rounds(swaps, 12, || {
            fake(lab);
            bait.bite(swaps, &["unregister", "bait"]);
            bait.bite(
                swaps,
                &["register", "bait", "--user", "app", "--env", "A=b", "--", "/usr/bin/sleep", "9"],
            );
            fake(lab);
            bait.bite(
                swaps,
                &["register", "bait", "--replace", "--user", "app", "--", "/usr/bin/sleep", "9"],
            );
        });
    });
    must_have_been_one("what begins with .anysvc-", hits);
    assert_eq!(canary.harm(), [""; 0]);
}

#[test]
fn the_folder_of_s6_svscan_leads_nowhere_else() {
    let world = World::shared();
    let (bait, mut canary) = (Bait::new(&world), canary(&world.lab));
    let prey = Prey::Path(".s6-svscan".into(), Path::new(CANARY).join("svscan"));
    let hits = Swaps::during(&world.lab, world.scandir, &prey, |swaps| {
        rounds(swaps, 1, || VERBS.iter().for_each(|verb| bait.bite(swaps, verb)));
    });
    must_have_been_one(".s6-svscan", hits);
    assert_eq!(canary.harm(), [""; 0]);
}

#[test]
fn logs_that_root_reads_are_those_of_the_service() {
    let world = World::shared();
    let (_bait, mut canary) = (Bait::new(&world), canary(&world.lab));
    let folder = world.state().join("logs/bait");
    world.lab.wait_until("its logger writes", || world.lab.exists(folder.join("current")));
    let logs = |swaps: &Swaps| {
        rounds(swaps, 40, || {
            let shown = swaps.working(|| world.lab.anysvc(["logs", "bait"]).run().any());
            assert!(!shown.stdout().contains(PRECIOUS), "{}", shown.stdout());
        });
    };
    let prey = Prey::Path("current".into(), Path::new(CANARY).join("secret"));
    must_have_been_one("current", Swaps::during(&world.lab, &folder.to_string_lossy(), &prey, logs));
    assert_eq!(canary.harm(), [""; 0]);
}

#[test]
fn who_follows_links_is_caught_by_this_attack() {
    let world = World::shared();
    let (_bait, mut canary) = (Bait::new(&world), canary(&world.lab));
    let prey = Prey::Path("bait/data".into(), Path::new(CANARY).join("data"));
    let careless = "for n in $(seq 500); do echo x >/run/service/bait/data/delay; done";
    Swaps::during(&world.lab, world.scandir, &prey, |swaps| {
        // On a busy machine all of it may be done before the attacker has his turn.
        world.lab.wait_until("root followed a link, and somebody saw it", || {
            swaps.working(|| world.lab.command("sh").args(["-c", careless]).run().any());
            canary.harm().iter().any(|harm| harm.contains("data/delay"))
        });
    });
}

#[test]
fn s6_itself_follows_links_in_a_shared_scandir() {
    // The hole of this mode, whoever made the service directory: where it is closed, say so in the README
    // and in `detect --explain`.
    // One is written and renamed, the other is emptied when the supervisor starts.
    for (file, emptied) in [("status.new", false), ("death_tally", true)] {
        let lab = S6Lab::new().shared().start();
        let mut canary = canary(&lab);
        let text = format!(
            "mkdir -p /run/service/.hole/supervise && cd /run/service/.hole && \
             printf '#!/bin/sh\nexec sleep 1000' >run && chmod +x run && \
             ln -s {CANARY}/secret supervise/{file} && mv ../.hole ../hole"
        );
        lab.command("sh").args(["-c", &text]).uid(APP).run().success();
        lab.s6("s6-svscanctl", ["-a", "/run/service"]).uid(APP).run().success();
        // It is emptied before it is written, and both can be seen.
        lab.wait_until(&format!("root's s6-supervise overwrote what {file} leads to"), || {
            canary.harm().iter().any(|harm| harm.starts_with("is  secret"))
                && lab.read(Path::new(CANARY).join("secret")).is_empty() == emptied
        });
    }
}

#[test]
fn explaining_warns_of_it_where_it_is_so() {
    let warning = "root's s6-supervise follows links in what uid 10000 owns there";
    let shared = S6Lab::new().shared().start();
    for uid in [0, APP] {
        shared.anysvc(["detect", "--explain"]).uid(uid).run().success().stdout_contains(warning);
    }
    for lab in [S6Lab::new().start(), S6Lab::new().nested().start(), S6Lab::new().user().start()] {
        for uid in [0, APP] {
            let ended = lab.anysvc(["detect", "--explain"]).uid(uid).run().success();
            ended.stdout_contains("mode: ").stdout_lacks("follows links");
        }
    }
}
