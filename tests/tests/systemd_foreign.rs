//! Units that anysvc did not make, on a real systemd: seen on demand, and acted on by their native names.

use anysvc_tests::{APP, Enter, SystemdLab};
use serde_json::Value;

const SCOPES: [(u32, &str); 2] = [(0, "/etc/systemd/system"), (APP, "/home/app/.config/systemd/user")];

/// Says so at its start and at USR1.
const THEIRS: &str = "[Service]\nType=exec\n\
    ExecStart=/bin/sh -c \"trap 'echo signalled' USR1; echo begun; while :; do sleep 1000 & wait $!; done\"\n";

struct Scope<'lab> {
    lab: &'lab SystemdLab,
    uid: u32,
}

impl<'lab> Scope<'lab> {
    fn anysvc(&self, args: &[&str]) -> Enter<'lab> {
        self.lab.anysvc(args).uid(self.uid)
    }

    fn systemctl(&self, args: &[&str]) -> Enter<'lab> {
        let scope = if self.uid == 0 { "--system" } else { "--user" };
        self.lab.systemctl([&[scope], args].concat()).uid(self.uid)
    }

    fn show(&self, unit: &str, property: &str) -> String {
        let shown = self.systemctl(&["show", "--value", "-p", property, unit]).run().success();
        shown.stdout().trim().to_owned()
    }
}

fn in_both(test: impl Fn(&Scope<'_>)) {
    for (uid, units) in SCOPES {
        let lab = SystemdLab::start();
        let owner = format!("{uid}:{uid}");
        lab.command("mkdir").args(["-p", units]).uid(uid).run().success();
        for unit in ["theirs.service", "of@.service"] {
            lab.write(format!("{units}/{unit}"), uid, 0o644, THEIRS);
            lab.command("chown").args([&owner, &format!("{units}/{unit}")]).run().success();
        }
        let scope = Scope { lab: &lab, uid };
        scope.systemctl(&["daemon-reload"]).run().success();
        test(&scope);
    }
}

#[test]
fn they_are_started_stopped_and_read_by_name_and_stay_as_they_are() {
    in_both(|scope| {
        let lab = scope.lab;
        for unit in ["theirs.service", "theirs", "of@one.service"] {
            let times = |line: &str| {
                let document = scope.anysvc(&["logs", unit, "--json"]).run().any().json();
                let records = document["records"].as_array().cloned().unwrap_or_default();
                records.iter().filter(|r| r["line"] == line && r["service"] == unit).count()
            };
            // By the last one, which may be the same by another name.
            let (begun, signalled) = (times("begun"), times("signalled"));
            scope.anysvc(&["start", unit]).run().success().stdout_contains("running");
            assert_eq!(scope.show(unit, "ActiveState"), "active");
            let status = scope.anysvc(&["status", unit, "--json"]).run().success().json();
            let service = &status["services"][0];
            let pid = scope.show(unit, "MainPID");
            assert_eq!(
                (&service["ours"], service["pid"].to_string()),
                (&false.into(), pid.clone()),
                "{service}"
            );
            assert_eq!(service["desired"], Value::Null, "{service}");
            scope.anysvc(&["status", unit]).run().success().stdout_contains("not made by anysvc");

            lab.wait_until(&format!("{unit} says that it has begun"), || times("begun") > begun);
            scope.anysvc(&["signal", "USR1", unit]).run().success();
            lab.wait_until(&format!("{unit} says that it was told"), || times("signalled") > signalled);
            scope.anysvc(&["restart", unit]).run().success();
            assert_ne!(scope.show(unit, "MainPID"), pid);
            scope.anysvc(&["wait", unit, "--for", "up"]).run().success();
            scope.anysvc(&["stop", unit]).run().success();
            assert_eq!(scope.show(unit, "ActiveState"), "inactive");
            scope.anysvc(&["status", unit]).run().fails(3);
        }
        // Not one of these made it a service of ours, or had it start at boot.
        scope.anysvc(&["list"]).run().success().stdout_is("");
        assert_eq!(scope.show("theirs", "UnitFileState"), "static");
        let unit =
            SCOPES.iter().find(|(uid, _)| *uid == scope.uid).map(|(_, units)| units).expect("it is one");
        assert_eq!(lab.read(format!("{unit}/theirs.service")), THEIRS);
        scope.anysvc(&["unregister", "theirs"]).run().fails(5).stderr_contains("did not make");
        scope.anysvc(&["start", "nobody.service"]).run().fails(4).stderr_contains("nobody.service");
    });
}

/// The services that systemd has loaded, by the names that we have for them.
fn loaded(scope: &Scope<'_>) -> Vec<String> {
    let all = ["list-units", "--all", "--type=service", "--plain", "--no-legend"];
    let units = scope.systemctl(&all).run().success().stdout();
    let there = |line: &&str| !line.split_whitespace().any(|word| word == "not-found");
    let mut names: Vec<String> = units
        .lines()
        .filter(there)
        .filter_map(|line| line.split_whitespace().next())
        .map(|unit| if unit == "ours.service" { "ours".to_owned() } else { unit.to_owned() })
        .collect();
    names.sort();
    names
}

#[test]
fn the_list_has_every_service_that_systemd_has_loaded() {
    in_both(|scope| {
        scope.anysvc(&["register", "ours", "--", "/usr/bin/sleep", "1000"]).run().success();
        scope.anysvc(&["start", "theirs", "of@one.service"]).run().success();
        let (mut expected, mut listed, mut status) = (Vec::new(), Vec::new(), Value::Null);
        scope.lab.wait_until("systemd loads and forgets nothing meanwhile", || {
            expected = loaded(scope);
            let list = scope.anysvc(&["list", "--foreign"]).run().success().stdout();
            listed = list.lines().map(str::to_owned).collect();
            status = scope.anysvc(&["status", "--foreign", "--json"]).run().any().json();
            loaded(scope) == expected
        });
        listed.sort();
        assert_eq!(listed, expected);
        assert!(listed.contains(&"theirs.service".to_owned()) && listed.contains(&"ours".to_owned()));
        let services = status["services"].as_array().cloned().unwrap_or_default();
        assert_eq!(services.len(), expected.len());
        let ours = services.iter().filter(|service| service["ours"] == true);
        assert_eq!(ours.map(|service| service["name"].to_string()).collect::<Vec<_>>(), ["\"ours\""]);
        // `--all` is for ours alone.
        scope.anysvc(&["stop", "--all"]).run().success();
        assert_eq!(scope.show("theirs", "ActiveState"), "active");
    });
}
