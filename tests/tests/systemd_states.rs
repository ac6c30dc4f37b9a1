//! What a status says is what systemd does, in both scopes; and who can't be served is told why. The oracle
//! is `systemctl show`.

use anysvc_tests::{APP, OTHER, Signal, SystemdLab};
use serde_json::Value;

/// A service as `status` has it, beside what systemd says.
struct Who<'a> {
    lab: &'a SystemdLab,
    uid: u32,
}

impl Who<'_> {
    fn anysvc(&self, args: &[&str]) -> anysvc_tests::Outcome<'_> {
        self.lab.anysvc(args).uid(self.uid).run()
    }

    fn register(&self, name: &str, args: &[&str], code: i32) {
        let all = [&["register", name], args].concat();
        let ended = self.anysvc(&all).any();
        assert_eq!(ended.code(), Some(code), "{all:?}: {}", ended.stderr());
    }

    fn status(&self, name: &str) -> Value {
        let document = self.anysvc(&["status", name, "--json"]).any().json();
        document["services"][0].clone()
    }

    fn property(&self, name: &str, property: &str) -> String {
        let scope = if self.uid == 0 { "--system" } else { "--user" };
        let asked = self.lab.systemctl([scope, "show", name, "--value", "-p", property]);
        asked.uid(self.uid).run().success().stdout().trim().to_owned()
    }

    fn gate(&self) -> Gate<'_> {
        Gate { lab: self.lab, path: format!("/tmp/gate.{}", self.uid) }
    }

    #[track_caller]
    fn until(&self, name: &str, state: &str) -> Value {
        self.lab.wait_until(&format!("{name} is {state}"), || self.status(name)["state"] == state);
        self.status(name)
    }
}

/// What scripts wait at, so that they live until the test wants them to end.
struct Gate<'a> {
    lab: &'a SystemdLab,
    path: String,
}

impl Gate<'_> {
    fn waits(&self) -> String {
        format!("until [ -e {} ]; do sleep 0.02; done; ", self.path)
    }

    fn open(&self) {
        self.lab.write(&self.path, 0, 0o644, "");
    }

    fn close(&self) {
        std::fs::remove_file(self.lab.path(&self.path)).expect("it is open");
    }
}

/// In one laboratory, as root and as an ordinary user.
fn as_both(test: impl Fn(&Who<'_>)) {
    let lab = SystemdLab::start();
    for uid in [0, APP] {
        test(&Who { lab: &lab, uid });
    }
}

fn reason(status: &Value) -> &str {
    status["reason"].as_str().unwrap_or_default()
}

#[test]
fn one_that_is_killed_runs_again_and_that_is_counted() {
    as_both(|who| {
        who.register("web", &["--restart-delay", "100ms", "--", "sleep", "1000"], 0);
        let first = who.status("web")["pid"].as_u64().expect("a process");
        assert_eq!(who.property("web", "MainPID"), first.to_string());
        who.lab.kill(first.try_into().expect("a pid"), Signal::KILL);
        who.lab.wait_until("another process runs", || {
            let status = who.status("web");
            status["state"] == "running" && status["pid"] != first
        });
        let status = who.status("web");
        assert_eq!(status["pid"].to_string(), who.property("web", "MainPID"));
        assert_eq!(status["restarts"].to_string(), who.property("web", "NRestarts"));
        assert_eq!((&status["restarts"], &status["native"]["enabled"]), (&1.into(), &true.into()));
    });
}

#[test]
fn a_loop_of_crashes_is_given_up_and_a_start_begins_to_count_anew() {
    as_both(|who| {
        let gate = who.gate();
        let script = who.lab.script(&format!("{}exit 1\n", gate.waits()));
        who.register("sick", &["--give-up", "3/10m", "--restart-delay", "100ms", "--", &script], 0);
        gate.open();
        let status = who.until("sick", "failed");
        gate.close();
        assert!(
            reason(&status).contains("exited with 1") && reason(&status).contains("given up"),
            "{status}"
        );
        assert_eq!(status["last_exit"]["code"], 1);
        assert_eq!(who.property("sick", "ActiveState"), "failed");
        assert_eq!(status["native"]["result"], who.property("sick", "Result"), "{status}");
        let wrote = |word: &str| who.property("sick", word);
        let before = wrote("InvocationID");
        who.anysvc(&["start", "sick", "--settle", "100ms"]).success();
        assert_ne!(wrote("InvocationID"), before, "it was started for all its failures");
        gate.open();
        assert!(reason(&who.until("sick", "failed")).contains("given up"));
    });
}

#[test]
fn planned_restarts_never_lead_to_giving_up() {
    as_both(|who| {
        let gate = who.gate();
        let script = who.lab.script(&format!("{}sleep 0.3; exit 75\n", gate.waits()));
        let options = ["--give-up", "3/10m", "--restart-delay", "50ms"];
        who.register("planned", &[&options[..], &["--", &script]].concat(), 0);
        gate.open();
        let first = who.property("planned", "InvocationID");
        let mut seen = std::collections::BTreeSet::from([first]);
        who.lab.wait_until("it was started six times", || {
            seen.insert(who.property("planned", "InvocationID"));
            seen.len() >= 6
        });
        assert_ne!(who.property("planned", "ActiveState"), "failed");
        who.anysvc(&["stop", "planned"]).success();
    });
}

#[test]
fn a_refusal_for_good_is_said_and_a_delay_can_be_cut_short() {
    as_both(|who| {
        let gate = who.gate();
        let script = who.lab.script(&format!("{}exit 78\n", gate.waits()));
        who.register("no", &["--restart", "always", "--", &script], 0);
        gate.open();
        let status = who.until("no", "failed");
        assert!(reason(&status).contains("exited with 78; it will not be started again"), "{status}");
        assert_eq!(
            (who.property("no", "NRestarts"), who.property("no", "ExecMainStatus")),
            ("0".into(), "78".into())
        );
        gate.close();
        let script = who.lab.script(&format!("{}exit 1\n", gate.waits()));
        who.register("later", &["--restart-delay", "1000s", "--", &script], 0);
        gate.open();
        let status = who.until("later", "backoff");
        assert!(reason(&status).contains("will be started again"), "{status}");
        assert_eq!(who.property("later", "SubState"), "auto-restart");
        // Not in a thousand seconds.
        gate.close();
        who.anysvc(&["start", "later"]).success().stdout_contains("running");
        gate.open();
        who.until("later", "backoff");
        who.anysvc(&["stop", "later"]).success();
        let status = who.status("later");
        assert_eq!((&status["state"], reason(&status)), (&"stopped".into(), "stopped"));
    });
}

#[test]
fn one_that_is_stopped_is_no_failure_however_it_ends() {
    as_both(|who| {
        let listens = format!("/tmp/listens.{}", who.uid);
        let script = format!("trap 'exit 5' TERM; echo >{listens}; while :; do sleep 0.05; done\n");
        let script = who.lab.script(&script);
        let until_it_listens = || {
            who.lab.wait_until("it would hear a signal", || who.lab.exists(&listens));
            std::fs::remove_file(who.lab.path(&listens)).expect("it was just there");
        };
        who.register("web", &["--", &script], 0);
        until_it_listens();
        who.anysvc(&["stop", "web"]).success();
        let status = who.status("web");
        assert_eq!((&status["state"], reason(&status)), (&"stopped".into(), "stopped"), "{status}");
        assert_eq!(status["last_exit"]["code"], 5);
        assert_eq!(who.property("web", "ActiveState"), "inactive", "the failure is forgotten");
        // The same by somebody else's hand.
        who.anysvc(&["start", "web"]).success();
        until_it_listens();
        let scope = if who.uid == 0 { "--system" } else { "--user" };
        who.lab.systemctl([scope, "stop", "web"]).uid(who.uid).run().success();
        assert_eq!(who.property("web", "ActiveState"), "failed");
        assert_eq!(who.status("web")["state"], "stopped");
    });
}

#[test]
fn what_holds_a_service_back_outlasts_a_reload() {
    as_both(|who| {
        who.register("held", &["--down", "--when-env", "NOT_THERE", "--", "sleep", "1000"], 0);
        who.anysvc(&["start", "held"]).success().stdout_contains("condition not met");
        let scope = if who.uid == 0 { "--system" } else { "--user" };
        who.lab.systemctl([scope, "daemon-reload"]).uid(who.uid).run().success();
        let status = who.status("held");
        assert_eq!((&status["state"], reason(&status)), (&"stopped".into(), "condition not met"));
        who.anysvc(&["check", "held"]).success();
        who.anysvc(&["wait", "held", "--for", "up"]).fails(3);
    });
}

#[test]
fn waiting_ends_when_somebody_else_does_it() {
    as_both(|who| {
        who.register("web", &["--", "sleep", "1000"], 0);
        let scope = if who.uid == 0 { "--system" } else { "--user" };
        let wait = |goal: &str| {
            let args = ["-v", "wait", "web", "--for", goal, "--timeout", "40s"];
            let mut wait = who.lab.anysvc(args).uid(who.uid).spawn();
            wait.until_it_says("systemd tells of changes");
            wait
        };
        let down = wait("down");
        who.lab.systemctl([scope, "stop", "web"]).uid(who.uid).run().success();
        down.wait().success().stdout_contains("web: stopped");
        let gone = wait("gone");
        who.anysvc(&["unregister", "web"]).success();
        gone.wait().success();
    });
}

#[test]
fn who_can_not_be_served_is_told_why_and_what_to_do() {
    let lab = SystemdLab::start();
    let other = |args: &[&str]| lab.anysvc(args).uid(OTHER);
    let runs = || lab.command("systemctl").args(["is-active", "dbus"]).run().success();
    other(&["stop", "dbus.service", "--scope", "system"]).run().fails(7).stderr_contains("as root");
    runs();
    other(&["status", "dbus.service", "--scope", "system"]).run().success().stdout_contains("running");
    // No manager of his own: no folder, a folder of somebody else.
    let none = other(&["status", "web"]).run().fails(8);
    none.stderr_contains("/run/user/10001").stderr_contains("loginctl enable-linger other");
    let foreign = other(&["status", "web"]).env("XDG_RUNTIME_DIR", "/run/user/10000").run().fails(8);
    foreign.stderr_contains("it belongs to uid 10000");
    // A folder named wrongly is replaced by the usual one.
    let app = lab.anysvc(["detect", "--explain"]).uid(APP).env("XDG_RUNTIME_DIR", "/nowhere").run().success();
    app.stdout_contains("XDG_RUNTIME_DIR=/nowhere is not used")
        .stdout_contains("/run/user/10000/systemd/private");
}

#[test]
fn a_degraded_machine_and_one_without_a_bus_work() {
    let lab = SystemdLab::start();
    lab.write("/etc/systemd/system/bad.service", 0, 0o644, "[Service]\nExecStart=/bin/false\n");
    lab.systemctl(["daemon-reload"]).run().success();
    lab.systemctl(["start", "bad"]).run().any();
    lab.wait_until("the machine is degraded", || {
        lab.systemctl(["is-system-running"]).run().any().stdout() == "degraded\n"
    });
    lab.anysvc(["register", "web", "--", "sleep", "1000"]).run().success();
    lab.anysvc(["detect", "--explain"]).run().success().stdout_contains("degraded");
    lab.systemctl(["stop", "dbus.socket", "dbus.service"]).run().success();
    lab.anysvc(["status", "web"]).run().success().stdout_contains("running");
    lab.anysvc(["restart", "web"]).run().success();
    lab.anysvc(["detect", "--explain"]).run().success().stdout_contains("/run/systemd/private");
    let other = ["status", "web", "--scope", "system", "--state-dir", "/home/other/state"];
    let other = lab.anysvc(other).uid(OTHER).run().fails(8);
    other.stderr_contains("systemctl start dbus.socket");
}

#[test]
fn why_systemd_itself_could_not_start_it_is_told() {
    as_both(|who| {
        who.register("web", &["--env", "A=1", "--", "sleep", "1000"], 0);
        let folder = if who.uid == 0 { "/etc/systemd/system" } else { "/home/app/.config/systemd/user" };
        who.lab.command("rm").arg(format!("{folder}/web.service.env")).run().success();
        let why = "systemd could not start it: Failed to load environment files: No such file or directory";
        // What the manager says of it may be longer on its way to the journal than we wait for it.
        who.lab.wait_until("it is told why", || {
            who.anysvc(&["restart", "web"]).fails(11).stderr().contains(why)
        });
        assert_eq!(who.property("web", "Result"), "resources");
        who.lab.wait_until("its status says why", || reason(&who.status("web")).starts_with(why));
    });
}
