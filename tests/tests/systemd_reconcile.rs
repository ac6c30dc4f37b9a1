//! `reconcile` on a real systemd: what somebody edited, what an older version wrote, what is gone.

use anysvc_backend_api::Sum;
use anysvc_tests::{APP, Enter, SystemdLab};
use serde_json::Value;

const SLEEP: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];
const SCOPES: [(u32, &str); 2] = [(0, "/etc/systemd/system"), (APP, "/home/app/.config/systemd/user")];

struct Scope<'lab> {
    lab: &'lab SystemdLab,
    uid: u32,
    units: &'static str,
}

impl<'lab> Scope<'lab> {
    fn anysvc(&self, args: &[&str]) -> Enter<'lab> {
        self.lab.anysvc(args).uid(self.uid)
    }

    /// What a pass says of the only service.
    fn reconcile(&self, options: &[&str]) -> Value {
        let document = self.anysvc(&[&["reconcile", "--json"], options].concat()).run().success().json();
        document["services"][0].clone()
    }

    fn unit(&self) -> String {
        format!("{}/web.service", self.units)
    }

    fn write(&self, text: &str) {
        self.lab.write(self.unit(), self.uid, 0o644, text);
    }
}

fn in_both(test: impl Fn(&Scope<'_>)) {
    let lab = SystemdLab::start();
    for (uid, units) in SCOPES {
        let scope = Scope { lab: &lab, uid, units };
        scope.anysvc(&[&["register", "web", "--env", "A=1"], &SLEEP[..]].concat()).run().success();
        assert_eq!(scope.reconcile(&[])["action"], "none");
        test(&scope);
    }
}

#[test]
fn what_somebody_edited_is_told_and_put_right_by_force_with_a_copy() {
    in_both(|scope| {
        let ours = scope.lab.read(scope.unit());
        let edited = ours.replace("UMask=0022", "UMask=0077");
        scope.write(&edited);
        let told = scope.reconcile(&[]);
        assert_eq!(
            (&told["action"], &told["why"]),
            (&"drift".into(), &"it is not what its spec makes: web.service".into())
        );
        assert_eq!(scope.lab.read(scope.unit()), edited);
        let planned = scope.reconcile(&["--force", "--dry-run"]);
        assert_eq!(planned["action"], "replace");
        assert_eq!(scope.lab.read(scope.unit()), edited);
        let done = scope.reconcile(&["--force"]);
        assert_eq!((&done["action"], &done["state"]), (&"replace".into(), &"running".into()), "{done}");
        let saved = format!("{}.anysvc-saved", scope.unit());
        assert!(done["warnings"][0].as_str().is_some_and(|told| told.contains(&saved)), "{done}");
        assert_eq!((scope.lab.read(scope.unit()), scope.lab.read(saved)), (ours, edited));

        let values = format!("{}.env", scope.unit());
        let edited = scope.lab.read(&values).replace("A=\"1\"", "A=\"2\"");
        scope.lab.write(&values, scope.uid, 0o600, &edited);
        let told = scope.reconcile(&[]);
        assert_eq!(
            (&told["action"], &told["why"]),
            (&"drift".into(), &"it is not what its spec makes: web.service.env".into())
        );
        assert_eq!(scope.reconcile(&["--force"])["action"], "replace");
        assert_eq!(scope.reconcile(&[])["action"], "none");
    });
}

#[test]
fn what_an_older_version_wrote_is_made_anew_once_it_does_not_run() {
    in_both(|scope| {
        let ours = scope.lab.read(scope.unit());
        let (line, text) = ours.split_once('\n').expect("a first line");
        let older = text.replace("SyslogIdentifier=web\n", "");
        let sum = |text: &str| Sum::of(text.as_bytes()).to_string();
        scope.write(&format!("{}\n{older}", line.replace(&sum(text), &sum(&older))));
        let runs = scope.reconcile(&[]);
        let why = "an older version of anysvc made it: web.service";
        assert_eq!((&runs["action"], &runs["why"]), (&"none".into(), &why.into()), "{runs}");
        scope.anysvc(&["stop", "web"]).run().success();
        assert_eq!(scope.reconcile(&[])["action"], "replace");
        assert_eq!(scope.lab.read(scope.unit()), ours);
        assert!(!scope.lab.exists(format!("{}.anysvc-saved", scope.unit())), "it is nobody's work");
    });
}

#[test]
fn what_is_gone_is_brought_back_as_its_operator_left_it() {
    in_both(|scope| {
        for (verb, state) in [("start", "running"), ("stop", "stopped")] {
            scope.anysvc(&[verb, "web"]).run().success();
            let user = if scope.uid == 0 { "--system" } else { "--user" };
            scope.lab.systemctl([user, "stop", "web"]).uid(scope.uid).run().success();
            scope.lab.command("rm").arg(scope.unit()).run().success();
            scope.lab.systemctl([user, "daemon-reload"]).uid(scope.uid).run().success();
            let done = scope.reconcile(&[]);
            assert_eq!((&done["action"], &done["state"]), (&"register".into(), &state.into()), "{done}");
            assert_eq!(scope.reconcile(&[])["action"], "none");
        }
    });
}

/// What became of a service, which is not what its operator wants, and what a pass makes of it by force.
fn by_force(scope: &Scope<'_>, options: &[&str], script: &str, state: &str) -> Value {
    let script = scope.lab.script(script);
    scope.anysvc(&[&["register", "web", "--replace"], options, &["--", &script]].concat()).run().any();
    scope.lab.wait_until(&format!("it is {state}"), || {
        let status = scope.anysvc(&["status", "web", "--json"]).run().any().json();
        status["services"][0]["state"] == state
    });
    let user = if scope.uid == 0 { "--system" } else { "--user" };
    let started = || {
        let show = scope.lab.systemctl([user, "show", "web", "--value", "-p", "InvocationID"]);
        show.uid(scope.uid).run().success().stdout()
    };
    let before = started();
    for options in [&[][..], &["--force"]] {
        let told = scope.reconcile(options);
        assert_eq!((&told["action"], &told["state"]), (&"leave".into(), &state.into()), "{told}");
    }
    assert_eq!(started(), before, "it was not started again");
    scope.reconcile(&["--force"])
}

#[test]
fn what_ended_for_good_by_itself_is_left_even_by_force() {
    in_both(|scope| {
        let told = by_force(scope, &[], "sleep 0.4\n", "stopped");
        assert_eq!(told["why"], "it exited with 0, and is done");
        let told = by_force(scope, &["--restart", "always"], "sleep 0.4; exit 78\n", "failed");
        assert!(told["why"].as_str().is_some_and(|why| why.contains("exited with 78")), "{told}");
        let give_up = ["--give-up", "2/10m", "--restart-delay", "50ms"];
        let told = by_force(scope, &give_up, "sleep 0.4; exit 1\n", "failed");
        assert!(told["why"].as_str().is_some_and(|why| why.contains("given up")), "{told}");
    });
}

#[test]
fn what_was_stopped_by_hand_during_its_restart_delay_is_not_done() {
    in_both(|scope| {
        let script = scope.lab.script("sleep 0.4\n");
        let options = ["--restart", "always", "--restart-delay", "1000s"];
        let register = [&["register", "web", "--replace"], &options[..], &["--", &script]].concat();
        // It is told that it died, where the machine is busy.
        scope.anysvc(&register).run().any();
        scope.lab.wait_until("it waits", || {
            let status = scope.anysvc(&["status", "web", "--json"]).run().any().json();
            status["services"][0]["state"] == "backoff"
        });
        let user = if scope.uid == 0 { "--system" } else { "--user" };
        scope.lab.systemctl([user, "stop", "web"]).uid(scope.uid).run().success();
        let told = scope.reconcile(&[]);
        let expected = (&"drift".into(), &"it was stopped by hand".into());
        assert_eq!((&told["action"], &told["why"]), expected, "{told}");
        assert_eq!(scope.reconcile(&["--force"])["action"], "start");
    });
}

#[test]
fn what_runs_without_its_file_is_ours_all_the_same() {
    in_both(|scope| {
        let status = || scope.anysvc(&["status", "web", "--json"]).run().any().json()["services"][0].clone();
        let transient = match scope.uid {
            0 => "/run/systemd/system".to_owned(),
            uid => format!("/run/user/{uid}/systemd/user"),
        };
        let cases = [(&[][..], scope.units), (&["--transient"], &transient)];
        for (options, folder) in cases {
            for reload in [true, false] {
                let register = [&["register", "web", "--replace", "--env", "A=1"], options, &SLEEP].concat();
                scope.anysvc(&register).run().success();
                let remove = || {
                    scope.lab.command("rm").arg(format!("{folder}/web.service")).run().success();
                    if reload {
                        // Another registration reloads, and changes nothing else.
                        scope.anysvc(&[&["register", "other"], &SLEEP[..]].concat()).run().success();
                        scope.anysvc(&["unregister", "other"]).run().success();
                    }
                };
                remove();
                let told = status();
                assert_eq!((&told["state"], &told["ours"]), (&"running".into(), &true.into()), "{told}");
                assert_eq!(told["reason"], "the file of its unit is gone");
                let done = scope.reconcile(&[]);
                assert_eq!(
                    (&done["action"], &done["state"]),
                    (&"register".into(), &"running".into()),
                    "{done}"
                );
                assert_eq!(scope.reconcile(&[])["action"], "none");
                remove();
                let pid = status()["pid"].as_u64().expect("a process");
                scope.anysvc(&["unregister", "web"]).run().success().stdout_contains("unregistered web");
                assert!(!scope.lab.exists(format!("/proc/{pid}")), "it runs on");
                scope.anysvc(&["status", "web"]).run().fails(4);
            }
        }
    });
}

#[test]
fn whatever_was_changed_by_hand_is_told_also_what_systemd_has_read_since() {
    in_both(|scope| {
        let user = if scope.uid == 0 { "--system" } else { "--user" };
        let systemctl = |args: &[&str]| {
            drop(scope.lab.systemctl([&[user], args].concat()).uid(scope.uid).run().success());
        };
        let is_told_and_put_right = |part: &str| {
            let told = scope.reconcile(&[]);
            assert_eq!(told["action"], "drift", "{told}");
            assert_eq!(told["why"], format!("it is not what its spec makes: {part}"));
            let done = scope.reconcile(&["--force"]);
            assert_eq!((&done["action"], &done["state"]), (&"replace".into(), &"running".into()), "{done}");
            assert_eq!(scope.reconcile(&[])["action"], "none");
        };
        let edited = scope.lab.read(scope.unit()).replace("UMask=0022", "UMask=0077");
        scope.write(&edited);
        systemctl(&["daemon-reload"]);
        systemctl(&["restart", "web"]);
        is_told_and_put_right("web.service");

        let values = format!("{}.env", scope.unit());
        scope.lab.command("rm").arg(&values).run().success();
        is_told_and_put_right("web.service.env");
        assert!(scope.lab.exists(&values));

        let target = if scope.uid == 0 { "multi-user" } else { "default" };
        let link = format!("{target}.target.wants/web.service");
        scope.lab.command("rm").arg(format!("{}/{link}", scope.units)).run().success();
        is_told_and_put_right(&link);
        assert!(scope.lab.exists(format!("{}/{link}", scope.units)));

        // Whose stop was cut short before it came to the link is not started at the next boot.
        scope.anysvc(&["stop", "web"]).run().success();
        let (unit, link) = (scope.unit(), format!("{}/{link}", scope.units));
        scope.lab.command("ln").args(["-s", &unit, &link]).uid(scope.uid).run().success();
        assert_eq!(scope.reconcile(&[])["action"], "stop");
        assert_eq!(scope.reconcile(&[])["action"], "none");
        assert!(!scope.lab.exists(&link));
    });
}

#[test]
fn who_replaces_one_by_the_same_is_told_whether_a_part_of_it_was_put_back() {
    in_both(|scope| {
        let register = [&["register", "web", "--env", "A=1", "--replace"], &SLEEP[..]].concat();
        let says = |word: &str| {
            drop(scope.anysvc(&register).run().success().stdout_contains(&format!("{word} web: running")));
        };
        says("unchanged");
        scope.lab.command("rm").arg(format!("{}.env", scope.unit())).run().success();
        says("replaced");
        says("unchanged");
    });
}
