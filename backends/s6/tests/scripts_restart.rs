//! Restarts, delays, giving up, stops and conditions of services in a real s6.

mod scripts_common;

use std::time::{Duration, Instant};

use anysvc_backend_api::{Condition, EnvVar, GiveUp, ReadySpec, RestartPolicy, ServiceSpec};
use anysvc_s6::scripts::forget_failures;
use anysvc_tests::{APP, S6Lab};
use scripts_common::{Service, WORLDS, World, shell};

/// A program that notes when it starts and when it ends: uptime in seconds.
fn noting(rest: &str) -> ServiceSpec {
    shell(&format!("cut -d' ' -f1 /proc/uptime >>/srv/notes; {rest}"))
}

fn notes(lab: &S6Lab) -> Vec<f64> {
    lab.read("/srv/notes").lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn lab_with_notes(world: World) -> S6Lab {
    let lab = world.lab();
    lab.write("/srv/notes", APP, 0o666, "");
    lab
}

/// Down and not wanted up, and `finish` is done: then the second stamp is the later one.
fn is_down(service: &Service<'_>) -> bool {
    let told = service.stat("up,wantedup,updownsince,readysince");
    let words: Vec<&str> = told.split_whitespace().collect();
    matches!(words[..], ["false", "false", ended, finished] if finished >= ended)
}

#[test]
fn the_delay_counts_from_the_end_of_the_process() {
    std::thread::scope(|scope| {
        for world in WORLDS {
            scope.spawn(move || {
                for (delay, notify) in [(1000, false), (1700, false), (1000, true), (1300, true)] {
                    delays(world, delay, notify);
                }
            });
        }
    });
}

fn delays(world: World, delay: u64, notify: bool) {
    let lab = lab_with_notes(world);
    let ready = if notify { "echo >&5; " } else { "" };
    let mut spec = noting(&format!("{ready}sleep 0.3; cut -d' ' -f1 /proc/uptime >>/srv/notes; exit 3"));
    spec.restart.delay = Some(Duration::from_millis(delay));
    spec.ready = notify.then(|| ReadySpec { notify_fd: Some(5), ..ReadySpec::default() });
    let _service = Service::start(&lab, world, spec);
    let waits = || -> Vec<f64> {
        let notes = notes(&lab);
        let pairs = notes.get(1..).unwrap_or_default().chunks_exact(2);
        pairs.map(|pair| pair[1] - pair[0]).collect()
    };
    let delay = delay as f64 / 1000.0;
    // The quickest of some: a busy machine makes more of the start of some shells.
    lab.wait_until(&format!("{world:?} waits for {delay} and no longer"), || {
        waits().len() >= 2 && waits().iter().any(|waited| *waited < delay + 0.8)
    });
    assert!(waits().iter().all(|waited| *waited >= delay - 0.03), "{world:?}: {:?}, not {delay}", waits());
}

#[test]
fn a_stop_during_the_delay_returns_at_once_for_any_signal() {
    for world in WORLDS {
        // 28 is WINCH, which nobody dies of.
        for signal in [15, 10, 28, 2] {
            let lab = lab_with_notes(world);
            let mut spec = noting("exit 3");
            spec.restart.delay = Some(Duration::from_secs(60));
            spec.stop.signal = anysvc_backend_api::Signal::from_number(signal);
            let service = Service::start(&lab, world, spec);
            lab.wait_until("it waits", || service.has("data/delay") && service.stat("up") == "true");
            // That it has got as far as waiting shows in its child.
            lab.wait_until("it sleeps", || {
                let pid = service.pid().unwrap_or_default();
                // Who is there may be gone when it is looked at.
                let read = |file: String| std::fs::read_to_string(lab.path(file)).unwrap_or_default();
                let children = read(format!("/proc/{pid}/task/{pid}/children"));
                children.split_whitespace().any(|pid| read(format!("/proc/{pid}/comm")) == "sleep\n")
            });
            let begun = Instant::now();
            // The state itself is watched, not what s6-svc's own wait (`-wD`) makes of the events.
            service.svc(&["-d"]);
            lab.wait_until("it is down", || is_down(&service));
            let took = begun.elapsed();
            // Other tests run beside this one; alone it takes 10 to 20 ms, most of it s6-svc's start.
            assert!(took < Duration::from_secs(30), "{world:?}: {took:?}");
            assert_eq!(notes(&lab).len(), 1);
            // A start that a person asks for does not wait.
            forget_failures(&lab.path(&service.directory)).unwrap();
            service.svc(&["-u"]);
            lab.wait_until("it was started", || notes(&lab).len() == 2);
        }
    }
}

#[test]
fn the_waiting_can_be_told_from_running_and_is_taken_up_again() {
    let lab = lab_with_notes(World::Shared);
    let mut spec = noting("if [ -e /srv/again ]; then exec sleep 1000; fi; exit 3");
    spec.restart.delay = Some(Duration::from_secs(10));
    let service = Service::start(&lab, World::Shared, spec);
    lab.wait_until("it waits", || service.has("data/delay") && service.stat("up") == "true");
    lab.write("/srv/again", APP, 0o644, "");
    let uptime = || lab.read("/proc/uptime").split(' ').next().and_then(|now| now.parse::<f64>().ok());
    let half = notes(&lab)[0] + 5.0;
    lab.wait_until("half of it is over", || uptime().is_some_and(|now| now > half));
    // Killed while it waits, it waits for the rest: the policy, and the delay, have been decided.
    service.svc(&["-k"]);
    service.program("sleep");
    assert!(!service.has("data/delay"));
    let all = notes(&lab);
    assert_eq!(all.len(), 2);
    // All of it once more would be fifteen seconds.
    assert!((9.9..14.5).contains(&(all[1] - all[0])), "{all:?}");
    assert_eq!(service.stat("wantedup"), "true");
}

#[test]
fn a_path_that_leads_nowhere_changes_neither_delay_nor_markers() {
    for world in WORLDS {
        let lab = lab_with_notes(world);
        let mut spec = shell(
            "read -r now rest </proc/uptime; echo \"$now\" >>/srv/notes; \
             if [ -e /srv/again ]; then exec /usr/bin/sleep 1000; fi; : >/srv/again; exit 3",
        );
        lab.command("chmod").args(["777", "/srv"]).run().success();
        spec.env = vec![EnvVar { name: "PATH".into(), value: "/nowhere".into() }];
        spec.restart.delay = Some(Duration::from_millis(1500));
        let service = Service::start(&lab, world, spec);
        service.program("/usr/bin/sleep");
        let all = notes(&lab);
        assert!(all[1] - all[0] >= 1.4, "{world:?}: {all:?}");
        assert!(!service.has("data/delay"), "{world:?}");
    }
}

#[test]
fn a_delay_that_an_earlier_boot_left_is_over() {
    // The third is of a machine that had just booted: 08 is no octal number.
    for left in ["999999999.00\n", "\n", "0.08\n"] {
        let lab = lab_with_notes(World::Nested);
        let mut spec = noting("exec sleep 1000");
        spec.restart.delay = Some(Duration::from_secs(300));
        let service = Service::start(&lab, World::Nested, spec);
        service.program("sleep");
        service.svc(&["-wD", "-T", "60000", "-d"]);
        lab.write(format!("{}/data/delay", service.directory), APP, 0o644, left);
        service.svc(&["-u"]);
        service.program("sleep");
        assert!(!service.has("data/delay"), "{left:?}");
    }
}

#[test]
fn it_gives_up_after_so_many_failures_and_a_manual_start_forgets_them() {
    for world in WORLDS {
        let lab = lab_with_notes(world);
        let mut spec = noting("if [ -s /srv/code ]; then exit \"$(cat /srv/code)\"; fi; kill -s KILL $$");
        spec.restart.give_up = Some(GiveUp { after: 2, within: Duration::from_secs(600) });
        let service = Service::start(&lab, world, spec);
        lab.wait_until("it gave up", || is_down(&service));
        assert_eq!(notes(&lab).len(), 2, "{world:?}");
        assert!(service.has("data/gave-up"));
        // Planned restarts do not count.
        lab.write("/srv/code", APP, 0o644, "75");
        forget_failures(&lab.path(&service.directory)).unwrap();
        service.svc(&["-u"]);
        lab.wait_until("it was started thrice", || notes(&lab).len() >= 5);
        lab.write("/srv/code", APP, 0o644, "1");
        let before = notes(&lab).len();
        lab.wait_until("it gave up again", || is_down(&service) && service.has("data/gave-up"));
        let more = notes(&lab).len() - before;
        assert!(more <= 3, "{world:?}: started {more} times more");
    }
}

#[test]
fn a_stop_by_signal_leaves_no_failure_behind() {
    let lab = lab_with_notes(World::Nested);
    let mut spec = noting("exec sleep 1000");
    spec.restart.give_up = Some(GiveUp { after: 1, within: Duration::from_secs(60) });
    let service = Service::start(&lab, World::Nested, spec);
    for _ in 0..3 {
        service.program("sleep");
        service.svc(&["-wD", "-T", "60000", "-d"]);
        assert!(!service.has("data/gave-up"));
        forget_failures(&lab.path(&service.directory)).unwrap();
        service.svc(&["-u"]);
    }
    service.program("sleep");
    assert_eq!(notes(&lab).len(), 4);
}

#[test]
fn a_false_condition_holds_it_back_under_every_policy() {
    for world in WORLDS {
        for policy in [RestartPolicy::Never, RestartPolicy::OnFailure, RestartPolicy::Always] {
            for (value, truthy, holds) in [
                (Some("yEs"), Some(true), true),
                (Some("1"), Some(true), true),
                (Some("2"), Some(true), false),
                (None, Some(true), false),
                (None, Some(false), true),
                (Some("ON"), Some(false), false),
                (Some("0"), Some(false), true),
                (Some("0"), None, true),
                (Some(""), None, false),
                (None, None, false),
            ] {
                // A laboratory for each would take too long: one case in five in each world.
                let case = (world as usize + policy as usize + value.map_or(3, str::len)) % 5;
                if case != 0 {
                    continue;
                }
                let lab = lab_with_notes(world);
                let mut spec = noting("exec sleep 1000");
                spec.restart.policy = Some(policy);
                spec.when = Some(Condition { env: "FLAG".into(), truthy });
                let flag = value.map(|value| EnvVar { name: "FLAG".into(), value: value.into() });
                spec.env = flag.into_iter().collect();
                let service = Service::start(&lab, world, spec);
                let what = format!("{world:?} {policy:?} {value:?} {truthy:?}");
                if holds {
                    service.program("sleep");
                    assert_eq!(notes(&lab).len(), 1, "{what}");
                } else {
                    lab.wait_until("it is down", || is_down(&service));
                    assert!(service.has("data/condition") && notes(&lab).is_empty(), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_condition_that_has_come_true_leaves_no_marker() {
    for world in WORLDS {
        let lab = lab_with_notes(world);
        let mut spec = noting("exit 0");
        spec.when = Some(Condition { env: "FROM_CONTAINER".into(), truthy: Some(true) });
        let service = Service::start(&lab, world, spec);
        lab.wait_until("it is held back", || is_down(&service) && service.has("data/condition"));
        lab.write("/run/s6/container_environment/FROM_CONTAINER", 0, 0o644, "true\n");
        service.svc(&["-u"]);
        lab.wait_until("it ran", || notes(&lab).len() == 1);
        lab.wait_until("it is down", || is_down(&service));
        assert!(!service.has("data/condition"), "{world:?}");
    }
}

#[test]
fn the_group_goes_with_the_main_process_and_nothing_else_does() {
    for world in WORLDS {
        let lab = lab_with_notes(world);
        let stray = "trap '' TERM HUP; sleep 1111";
        let spec = shell(&format!(
            "sh -c \"{stray}\" & setsid sleep 2222 & trap 'exit 0' TERM; while :; do sleep 0.05; done"
        ));
        let service = Service::start(&lab, world, spec);
        let runs = |what: &str| lab.command("pgrep").args(["-xf", what]).run().any().code() == Some(0);
        lab.wait_until("all run", || runs("sleep 1111") && runs("sleep 2222"));
        service.svc(&["-wD", "-T", "60000", "-d"]);
        lab.wait_until("the group is gone", || !runs("sleep 1111"));
        assert!(runs("sleep 2222"), "{world:?}: what left the group was killed");
    }
}

#[test]
fn a_program_that_ignores_the_stop_signal_is_killed_after_the_timeout() {
    let lab = lab_with_notes(World::RootForApp);
    let stubborn = || shell("trap '' TERM; echo 1 >>/srv/notes; while :; do sleep 0.05; done");
    let mut spec = stubborn();
    spec.stop.timeout = Some(Duration::from_millis(300));
    let service = Service::start(&lab, World::RootForApp, spec);
    lab.wait_until("it ignores the signal", || notes(&lab).len() == 1);
    let begun = Instant::now();
    service.svc(&["-wD", "-T", "60000", "-d"]);
    let took = begun.elapsed();
    assert!((300..50_000).contains(&took.as_millis()), "{took:?}");
    // 0 is at once, not never.
    let mut spec = stubborn();
    spec.name = "at-once".into();
    spec.stop.timeout = Some(Duration::ZERO);
    let service = Service::start(&lab, World::RootForApp, spec);
    lab.wait_until("it ignores the signal", || notes(&lab).len() == 2);
    service.svc(&["-wD", "-T", "60000", "-d"]);
}

#[test]
fn notification_reaches_s6_through_all_stages() {
    for world in WORLDS {
        for fd in [3, 4, 9] {
            let lab = lab_with_notes(world);
            let mut spec = shell(&format!("sleep 0.2; echo >&{fd}; exec sleep 1000"));
            spec.ready = Some(ReadySpec { notify_fd: Some(fd), ..ReadySpec::default() });
            spec.when = Some(Condition { env: "PATH".into(), truthy: None });
            let service = Service::start(&lab, world, spec);
            lab.wait_until("it is ready", || service.stat("up,ready") == "true true");
        }
    }
}

#[test]
fn what_a_killed_supervisor_left_is_ended_and_nobody_else() {
    for world in WORLDS {
        let lab = &world.lab();
        let service = Service::start(lab, world, shell("exec sleep 1000"));
        let lives = |pid: u32| {
            let arguments = std::fs::read(lab.path(format!("/proc/{pid}/cmdline")));
            arguments.is_ok_and(|arguments| !arguments.is_empty())
        };
        let anew = |pid: u32| {
            let stat = lab.read(format!("/proc/{pid}/stat"));
            let parent = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap();
            lab.kill(parent.parse().unwrap(), anysvc_tests::Signal::KILL);
            lab.wait_until("another one took over", || {
                service.is_supervised() && service.pid().is_some_and(|new| new != pid)
            });
            service.program("sleep")
        };
        let first = service.program("sleep");
        let second = anew(first);
        lab.wait_until("the first is ended", || !lives(first));
        // One that has the number of what was noted and is another one.
        let note = format!("{}/data/pid", service.directory);
        assert!(lab.read(&note).starts_with(&format!("{second} ")));
        std::fs::write(lab.path(note), format!("{second} 1\n")).unwrap();
        let third = anew(second);
        assert!(lives(second) && lives(third), "{world:?}");
    }
}
