//! Templates and their instances on a real systemd, over a reboot of the laboratory.

use anysvc_tests::{APP, Ended, SystemdLab};
use serde_json::Value;

const TEMPLATE: &str = r#"
[template.gateway]
command = ["/usr/bin/sleep", "1000"]
env = { PROFILE = "{instance}" }

[template.gateway.discover]
directory = "/home/app/profiles"
marker = "config.json"
state = { file = "state.json", pointer = "/state" }
stale = ["gateway.pid"]
"#;

struct Somebody {
    lab: SystemdLab,
    uid: u32,
}

impl Somebody {
    fn anysvc(&self, args: &[&str]) -> Ended<'_> {
        self.lab.anysvc(args).uid(self.uid).run().any()
    }

    #[track_caller]
    fn does(&self, args: &[&str]) -> Ended<'_> {
        let ended = self.anysvc(args);
        assert_eq!(ended.code(), Some(0), "{args:?}: {}{}", ended.stdout(), ended.stderr());
        ended
    }

    /// Each instance and its state, by name.
    fn states(&self) -> Vec<(String, String)> {
        let document = self.anysvc(&["status", "--template", "gateway", "--json"]).json();
        let services = document["services"].as_array().cloned().unwrap_or_default();
        let text = |service: &Value, key: &str| service[key].as_str().unwrap_or("none").to_owned();
        services.iter().map(|service| (text(service, "instance"), text(service, "state"))).collect()
    }

    fn are(&self, expected: &[(&str, &str)]) -> bool {
        let states = self.states();
        states.iter().map(|(name, state)| (&**name, &**state)).eq(expected.iter().copied())
    }

    /// An instance on disk, and what its application says.
    fn profile(&self, name: &str, word: &str) {
        let folder = format!("/home/app/profiles/{name}");
        self.lab.write(format!("{folder}/config.json"), self.uid, 0o644, "{}");
        self.lab.write(format!("{folder}/state.json"), self.uid, 0o644, format!("{{\"state\": \"{word}\"}}"));
        self.lab.write(format!("{folder}/gateway.pid"), self.uid, 0o644, "7");
        let owner = format!("{0}:{0}", self.uid);
        self.lab.command("chown").args(["-R", &owner, "/home/app/profiles"]).run().success();
        // What is new is of somebody who starts it meanwhile.
        self.lab.age(format!("{folder}/gateway.pid"));
    }

    fn has_stale(&self, name: &str) -> bool {
        self.lab.exists(format!("/home/app/profiles/{name}/gateway.pid"))
    }
}

#[test]
fn instances_are_services_and_a_reboot_brings_back_what_ran() {
    let app = Somebody { lab: SystemdLab::start(), uid: APP };
    app.lab.write("/home/app/gateway.toml", APP, 0o644, TEMPLATE);
    app.does(&["register", "--file", "/home/app/gateway.toml"]);
    assert_eq!(app.states(), []);
    app.does(&["register", "--template", "gateway", "--instance", "coder"]);
    app.does(&["register", "--template", "gateway", "--instance", "writer", "--env", "COLOUR=blue"]);
    let listed = app.does(&["list", "--template", "gateway"]).stdout();
    assert_eq!(listed, "gateway-coder\ngateway-writer\n");
    let pid = app.lab.systemctl(["--user", "show", "--value", "-p", "MainPID", "gateway-writer"]).uid(APP);
    let environment = app.lab.read(format!("/proc/{}/environ", pid.run().success().stdout().trim()));
    assert!(environment.contains("PROFILE=writer") && environment.contains("COLOUR=blue"), "{environment}");
    app.does(&["stop", "--template", "gateway"]);
    assert!(app.are(&[("coder", "stopped"), ("writer", "stopped")]), "{:?}", app.states());
    app.does(&["start", "--template", "gateway", "--instance", "writer"]);

    // On disk, and never registered: as its application says.
    app.profile("found", "running");
    app.profile("idle", "stopped");
    let plan = app.does(&["reconcile", "--dry-run", "--json"]).json();
    assert_eq!(plan["stale"].as_array().map(Vec::len), Some(2), "{plan}");
    app.does(&["reconcile"]);
    let expected = [("coder", "stopped"), ("found", "running"), ("idle", "stopped"), ("writer", "running")];
    assert!(app.are(&expected), "{:?}", app.states());
    assert!(!app.has_stale("found") && !app.has_stale("idle"), "they are of the last boot");
    app.profile("found", "running");
    app.profile("idle", "stopped");

    app.lab.reboot();
    // systemd does that by itself.
    app.lab.wait_until("they are as they were", || app.are(&expected));
    let done = app.does(&["reconcile", "--json"]).json();
    assert_eq!((&done["boot"], done["stale"].as_array().map(Vec::len)), (&true.into(), Some(1)), "{done}");
    assert!(app.are(&expected), "{:?}", app.states());
    assert!(app.has_stale("found"), "it runs: its file is of this boot");
    assert!(!app.has_stale("idle"));
    app.does(&["reconcile"]).stdout_contains("4 as they should be");

    app.does(&["unregister", "--template", "gateway"]);
    let left = app.lab.command("find").args(["/home/app/.config/systemd/user", "-name", "gateway-*"]).run();
    left.success().stdout_is("");
}

#[test]
fn root_finds_the_instances_of_a_user_and_starts_them_as_that_user() {
    let root = Somebody { lab: SystemdLab::start(), uid: 0 };
    let template = TEMPLATE.replace("env =", "user = \"app\"\nenv =");
    root.lab.write("/srv/gateway.toml", 0, 0o644, template);
    let app = Somebody { uid: APP, ..root };
    app.profile("coder", "running");
    let root = Somebody { uid: 0, ..app };
    root.does(&["register", "--file", "/srv/gateway.toml"]);
    root.does(&["reconcile"]);
    assert!(root.are(&[("coder", "running")]), "{:?}", root.states());
    let pid = root.lab.systemctl(["show", "--value", "-p", "MainPID", "gateway-coder"]).run().success();
    let owner = root.lab.command("stat").args(["-c", "%U", &format!("/proc/{}", pid.stdout().trim())]).run();
    owner.success().stdout_is("app\n");
    root.lab.reboot();
    root.lab.wait_until("it runs again", || root.are(&[("coder", "running")]));
}
