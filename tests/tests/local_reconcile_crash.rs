//! The embedded default, whatever command is killed, at whichever of its changes: reconcile leads from what
//! is left to the state that was there before or to the one that was asked for, never to a third. The
//! supervisor is another process, which lives on here (`local_reconcile` and the engine's tests end it).

use anysvc_tests::{APP, Container, Facts, S6Lab, crash::sweep, words};
use std::sync::Barrier;

/// A user whose supervisor runs all the time, for a service that nobody touches.
fn container() -> Container {
    let container = Container::start(S6Lab::new().facts(Facts::NoBasedir), APP);
    container.sleeper("keeper", &[]);
    container
}

fn register(options: &[&'static str]) -> Vec<&'static str> {
    let base = ["register", "web", "--settle", "0", "--stop-timeout", "1s"];
    [&base[..], options, &["--", "sleep", "1000"]].concat()
}

/// How many programs of services run.
fn running(container: &Container) -> usize {
    let processes = container.lab.command("/bin/ps").args(["-o", "args", "-u", "10000"]).run().success();
    processes.stdout().lines().filter(|line| line.starts_with("sleep 1000")).count()
}

/// Reconciles; the next one has nothing to do.
fn reconcile(container: &Container) {
    container.must(&["reconcile"]);
    let next = container.reconciled(&[]);
    assert!(next.is_idle(), "the next one has to do something: {next:?}");
}

/// Kills one command over `web` at each of its changes; reconcile then leads to one of these.
fn over_web(
    container: &Container,
    what: &str,
    args: Vec<&'static str>,
    prepare: &dyn Fn(),
    ends: [(&str, &str); 2],
) {
    let one = |n: usize| {
        prepare();
        container.anysvc(&args).killed_at(n)
    };
    let look = || {
        reconcile(container);
        let mut end = container.is("web");
        // What was told to stop and is about to needs nothing of a reconcile.
        container.lab.wait_until("it is as it stays", || {
            end = container.is("web");
            !["starting", "stopping"].contains(&&*end.0)
        });
        let fine = ends.iter().any(|(state, desired)| words(state, desired) == end);
        assert!(fine, "{what} was killed, and reconcile led to {end:?}");
        assert_eq!(running(container), 1 + usize::from(end.0 == "running"), "beside {end:?}");
    };
    let points = sweep(&format!("{what} on local, then reconcile"), one, look);
    assert!(points > 0, "{what} changes nothing");
}

const GONE: (&str, &str) = ("none", "none");
const RUNS: (&str, &str) = ("running", "up");
const RESTS: (&str, &str) = ("stopped", "down");

#[test]
fn reconcile_never_leads_to_a_third_state() {
    let container = container();
    let absent = || drop(container.must(&["unregister", "web"]));
    let stopped = || {
        absent();
        container.must(&register(&["--down"]));
    };
    let started = || {
        absent();
        container.must(&register(&[]));
    };
    over_web(&container, "register", register(&[]), &absent, [GONE, RUNS]);
    over_web(&container, "register --down", register(&["--down"]), &absent, [GONE, RESTS]);
    over_web(&container, "start", vec!["start", "web", "--settle", "0"], &stopped, [RESTS, RUNS]);
    over_web(&container, "stop", vec!["stop", "web"], &started, [RUNS, RESTS]);
    let replace = register(&["--replace", "--env", "WORD=other"]);
    over_web(&container, "register --replace", replace, &started, [RUNS; 2]);
    over_web(&container, "unregister", vec!["unregister", "web"], &started, [RUNS, GONE]);
}

/// As a boot finds them: nothing is there but the store.
#[test]
fn a_reconcile_that_is_killed_is_completed_by_the_next() {
    let container = container();
    container.sleeper("after", &["--after", "keeper"]);
    container.sleeper("always", &["--boot", "up", "--down"]);
    let state = container.lab.path(container.state());
    let services = ["after", "always"].map(|name| format!("services/{name}.toml"));
    let kept = services.clone().map(|file| std::fs::read(state.join(file)).expect("it is stored"));
    let boot = || {
        container.must(&["unregister", "after", "always"]);
        for (file, kept) in services.iter().zip(&kept) {
            let path = state.join(file);
            std::fs::write(&path, kept).expect("it is stored again");
            std::os::unix::fs::chown(&path, Some(APP), Some(APP)).expect("it is the user's");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&path, mode).expect("and only his");
        }
        // What was noted is another start.
        std::fs::write(state.join("boots"), "local user another\n").expect("a note");
    };
    let one = |n: usize| {
        boot();
        container.anysvc(["reconcile"]).killed_at(n)
    };
    let look = || {
        reconcile(&container);
        for name in ["keeper", "after", "always"] {
            assert_eq!(
                container.is(name),
                words("running", "up"),
                "{name} after a reconcile that was killed"
            );
        }
        assert_eq!(running(&container), 3);
    };
    let points = sweep("reconcile at boot on local, then reconcile", one, look);
    assert!(points > 0, "it changes nothing");
}

#[test]
fn several_reconciles_at_once_bring_each_back_once() {
    const SERVICES: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];
    let container = container();
    SERVICES.iter().for_each(|name| container.sleeper(name, &[]));
    for _ in 0..3 {
        let supervisor = container.status("keeper")["native"]["supervisor"].as_u64().expect("it runs");
        container.lab.kill_and_wait(supervisor.try_into().expect("a pid"));
        let ready = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    ready.wait();
                    container.must(&["reconcile"]);
                });
            }
        });
        SERVICES.iter().for_each(|name| assert_eq!(container.is(name), words("running", "up"), "{name}"));
        assert_eq!(running(&container), SERVICES.len() + 1);
        assert!(container.reconciled(&[]).is_idle());
    }
}
