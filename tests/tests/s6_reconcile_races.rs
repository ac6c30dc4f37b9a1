//! Several commands at once: a reconcile beside another, and beside what registers, starts and stops. One
//! comes before the other, and nothing is lost.

use anysvc_tests::crash::World;
use std::sync::Barrier;

const PROGRAM: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];
const SERVICES: usize = 6;

fn name(at: usize) -> String {
    format!("s{at}")
}

/// Forgets what the s6-svscan has, as a boot does.
fn lose(world: &World) {
    for at in 0..SERVICES {
        let folder = format!("{}/{}", world.scandir, name(at));
        // Again where its supervisor or its `run` made another file meanwhile.
        world.lab.command("sh").args(["-c", "until rm -rf \"$0\"; do :; done", &folder]).run().success();
    }
    world.lab.s6("s6-svscanctl", ["-an", world.scandir]).run().success();
    world.lab.wait_until("nobody is supervised", || world.supervisors().is_empty());
}

fn runs_once(world: &World, at: usize) {
    let json = world.anysvc(["status", &name(at), "--json"]).run().success().json();
    assert_eq!(json["services"][0]["desired"], "up", "{json}");
}

#[test]
fn two_reconciles_at_once_register_each_once() {
    let world = World::nested();
    for at in 0..SERVICES {
        world.anysvc(["register", &name(at), "--settle", "0"]).args(PROGRAM).run().success();
    }
    for _ in 0..3 {
        lose(&world);
        let ready = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    ready.wait();
                    world.anysvc(["reconcile"]).run().success();
                });
            }
        });
        world.settles("after three reconciles");
        (0..SERVICES).for_each(|at| runs_once(&world, at));
    }
}

#[test]
fn reconcile_against_register_start_and_stop_loses_nothing() {
    let world = World::nested();
    let half = SERVICES / 2;
    for at in 0..half {
        world.anysvc(["register", &name(at), "--settle", "0"]).args(PROGRAM).run().success();
    }
    for round in 0..8 {
        lose(&world);
        world.anysvc(["reconcile"]).run().success();
        let ready = Barrier::new(SERVICES + 1);
        std::thread::scope(|scope| {
            for at in 0..SERVICES {
                let (world, ready) = (&world, &ready);
                scope.spawn(move || {
                    ready.wait();
                    let name = name(at);
                    if at < half {
                        world.anysvc(["stop", &name]).run().success();
                        world.anysvc(["start", &name, "--settle", "0"]).run().success();
                    } else {
                        let register = world.anysvc(["register", &name, "--settle", "0", "--if-absent"]);
                        register.args(PROGRAM).run().success();
                    }
                });
            }
            scope.spawn(|| {
                ready.wait();
                for _ in 0..4 {
                    world.anysvc(["reconcile"]).run().success();
                }
            });
        });
        world.settles(&format!("after round {round}"));
        (0..SERVICES).for_each(|at| runs_once(&world, at));
        world.anysvc(["reconcile"]).run().success();
        world.settles(&format!("reconciled after round {round}"));
        let last = world.anysvc(["reconcile", "--json"]).run().success().json();
        let services = last["services"].as_array().cloned().unwrap_or_default();
        assert!(services.iter().all(|service| service["action"] == "none"), "{last}");
        assert!(services.iter().all(|service| service["state"] == "running"), "{last}");
        for at in half..SERVICES {
            world.anysvc(["unregister", &name(at)]).run().success();
        }
    }
}
