//! `log/run` in a real s6: whose the files are, where, and how that is told to readers.

mod scripts_common;

use std::{os::unix::fs::MetadataExt, path::PathBuf};

use anysvc_backend_api::{EnvVar, LogSpec, LogTo, ServiceSpec};
use anysvc_tests::APP;
use scripts_common::{Service, WORLDS, World, shell};

fn speaking() -> ServiceSpec {
    shell("echo out; echo err >&2; exec sleep 1000")
}

/// The folder of the log, as the marker tells it, seen from out here.
fn folder(service: &Service<'_>) -> Option<PathBuf> {
    let marker = std::fs::read_to_string(service.lab.path(format!("{}/log/data/folder", service.directory)));
    Some(service.lab.path(marker.ok()?.strip_suffix('\n')?))
}

fn current(service: &Service<'_>) -> String {
    folder(service)
        .and_then(|folder| std::fs::read_to_string(folder.join("current")).ok())
        .unwrap_or_default()
}

#[test]
fn output_and_errors_are_kept_in_utc_by_the_services_account() {
    for world in WORLDS {
        let lab = world.lab();
        lab.write("/run/s6/container_environment/TZ", 0, 0o644, "Asia/Tokyo");
        let service = Service::start(&lab, world, speaking());
        lab.wait_until("both lines are there", || current(&service).lines().count() == 2);
        let log = current(&service);
        assert!(log.contains("  out\n") && log.contains("  err\n"), "{world:?}: {log}");
        let now = lab.command("date").args(["-u", "+%Y-%m-%d %H:"]).run().success().stdout();
        assert!(log.starts_with(now.trim()), "{world:?}: {log} is not UTC, where it is {now}");
        let data = folder(&service).unwrap().join("current").metadata().unwrap();
        assert_eq!((data.uid(), data.mode() & 0o777), (world.runs_as(), 0o640), "{world:?}");
        assert_eq!(lab.console(), "", "{world:?}: nothing goes to the container's output");
        if world == World::RootForApp {
            assert_eq!(lab.read(format!("{}/log/data/uid", service.directory)), "10000\n");
        }
    }
}

#[test]
fn the_containers_environment_moves_the_log() {
    for world in WORLDS {
        for given in [false, true] {
            let lab = world.lab();
            lab.write("/srv/moved/x", APP, 0o644, "");
            std::os::unix::fs::chown(lab.path("/srv/moved"), Some(APP), None).unwrap();
            lab.write("/srv/default/x", APP, 0o644, "");
            std::os::unix::fs::chown(lab.path("/srv/default"), Some(APP), None).unwrap();
            if given {
                lab.write("/run/s6/container_environment/DATA", 0, 0o644, "/srv/moved");
            }
            let mut spec = speaking();
            spec.env = vec![EnvVar { name: "SUB".into(), value: "a b".into() }];
            spec.log.directory = Some("${DATA:-/srv/default}/${SUB}/log".into());
            let service = Service::start(&lab, world, spec);
            let expected = if given { "/srv/moved/a b/log" } else { "/srv/default/a b/log" };
            lab.wait_until("it is told where", || folder(&service) == Some(lab.path(expected)));
            lab.wait_until("both lines are there", || current(&service).lines().count() == 2);
            let data = lab.path(expected).join("current").metadata().unwrap();
            assert_eq!(data.uid(), world.runs_as(), "{world:?}");
        }
    }
}

#[test]
fn the_home_in_a_log_folder_is_the_one_that_the_program_has() {
    for (world, home) in [
        (World::Root, "/root"),
        (World::RootForApp, "/home/app"),
        (World::Shared, "/home/app"),
        (World::Nested, "/home/app"),
    ] {
        let lab = world.lab();
        // The container's own.
        lab.write("/run/s6/container_environment/HOME", 0, 0o644, "/elsewhere");
        let mut spec = speaking();
        spec.env = vec![EnvVar { name: "PATH".into(), value: "/nowhere".into() }];
        spec.command =
            scripts_common::command(["/bin/sh", "-c", "echo out; echo err; exec /usr/bin/sleep 1000"]);
        spec.log.directory = Some("${HOME}/a/log".into());
        let service = Service::start(&lab, world, spec);
        lab.wait_until("it is told where", || folder(&service) == Some(lab.path(format!("{home}/a/log"))));
        lab.wait_until("both lines are there", || current(&service).lines().count() == 2);
    }
}

#[test]
fn a_lock_that_another_account_left_is_in_nobodys_way() {
    for world in [World::RootForApp, World::Shared, World::Nested] {
        for given in [false, true] {
            let lab = world.lab();
            let path = if given { "/srv/log".to_owned() } else { world.log_directory("web") };
            lab.write(format!("{path}/old"), APP, 0o600, "");
            std::os::unix::fs::chown(lab.path(&path), Some(APP), Some(APP)).unwrap();
            let mut spec = speaking();
            spec.log.directory = given.then(|| path.clone().into());
            if !given && world == World::RootForApp {
                // The harness hands over what is there before; this one comes from root afterwards.
                spec.restart.delay = None;
            }
            lab.write(format!("{path}/lock"), 0, 0o600, "");
            let service = Service::start(&lab, world, spec);
            if !given && world == World::RootForApp {
                lab.write(format!("{path}/lock"), 0, 0o600, "");
                let log = format!("{}/log", service.directory);
                lab.s6("s6-svc", ["-r", &log]).run().success();
            }
            lab.wait_until("both lines are there", || current(&service).lines().count() == 2);
        }
    }
}

#[test]
fn the_console_gets_lines_as_well_and_other_ways_keep_no_files() {
    for world in WORLDS {
        let lab = world.lab();
        let mut spec = speaking();
        spec.log.console = Some(true);
        let service = Service::start(&lab, world, spec);
        lab.wait_until("both lines are there", || current(&service).lines().count() == 2);
        lab.wait_until("so they are outside", || {
            lab.console().contains("out\n") && lab.console().contains("err\n")
        });
        for (to, name) in [(LogTo::Manager, "manager"), (LogTo::None, "none")] {
            let lab = world.lab();
            let mut spec =
                shell(&format!("echo out-{name}; echo err-{name} >&2; echo >/srv/said; exec sleep 1000"));
            lab.write("/srv/said", APP, 0o666, "");
            spec.name = name.into();
            spec.log = LogSpec { to: Some(to), ..LogSpec::default() };
            let service = Service::start(&lab, world, spec);
            lab.wait_until("it spoke", || lab.read("/srv/said") == "\n");
            assert!(!service.has("log"));
            let both = lab.console().contains(&format!("out-{name}\n"))
                && lab.console().contains(&format!("err-{name}\n"));
            assert_eq!(both, to == LogTo::Manager, "{world:?}: {}", lab.console());
        }
    }
}
