//! Templates where root and a user meet: root looks into the user's folders as that user, and whatever lies
//! there does no harm.

use anysvc_tests::{APP, S6Lab, instances};

const TEMPLATE: &str = r#"
[template.gateway]
command = ["sleep", "1000"]
env = { PROFILE = "{instance}" }

[template.gateway.discover]
directory = "/data/profiles"
marker = "config.json"
user = "app"
state = { file = "state.json", pointer = "/state" }
"#;

fn lab(user: &str) -> S6Lab {
    let lab = S6Lab::new().nested().start();
    lab.write("/srv/gateway.toml", APP, 0o644, TEMPLATE.replace("user = \"app\"\n", user));
    for name in ["coder", "writer"] {
        lab.write(format!("/data/profiles/{name}/config.json"), APP, 0o644, "{}");
    }
    lab.write("/data/profiles/coder/state.json", APP, 0o644, "{\"state\": \"running\"}");
    lab.command("/bin/chown").args(["-R", "10000:10000", "/data"]).run().success();
    lab
}

fn word(shown: &serde_json::Value, instance: &str) -> serde_json::Value {
    let instances = shown["template"]["instances"].as_array().cloned().unwrap_or_default();
    let found = instances.into_iter().find(|found| found["instance"] == instance);
    found.map_or(serde_json::Value::Null, |found| found["word"].clone())
}

#[test]
fn a_user_starts_what_is_on_disk_and_was_never_registered() {
    let lab = lab("");
    lab.anysvc(["register", "--file", "/srv/gateway.toml"]).uid(APP).run().success();
    lab.anysvc(["start", "gateway-coder"])
        .uid(APP)
        .run()
        .success()
        .stdout_contains("registered gateway-coder: running");
    lab.s6("s6-svstat", ["-o", "up", "/run/app/service/gateway-coder"]).run().success().stdout_is("true\n");
    let status = lab.anysvc(["status", "gateway-coder", "--json"]).uid(APP).run().success().json();
    assert_eq!(status["services"][0]["instance"], "coder");
    lab.anysvc(["start", "gateway-nobody"]).uid(APP).run().fails(4);
    lab.anysvc(["unregister", "--template", "gateway"]).uid(APP).run().success();
    lab.anysvc(["list"]).uid(APP).run().success().stdout_is("");
}

#[test]
fn root_looks_into_the_users_folders_as_that_user() {
    let lab = lab("user = \"app\"\n");
    lab.anysvc(["register", "--file", "/srv/gateway.toml"]).run().success();
    // What root could read and the user can't: a folder of root's, and a state behind a link and a hard link.
    lab.write("/data/profiles/hidden/config.json", 0, 0o644, "{}");
    lab.command("/bin/chmod").args(["700", "/data/profiles/hidden"]).run().success();
    lab.write("/data/secret.json", 0, 0o600, "{\"state\": \"running\"}");
    lab.command("/bin/ln").args(["/data/secret.json", "/data/profiles/writer/state.json"]).run().success();
    let ended = lab.anysvc(["template", "show", "gateway", "--json"]).run().success();
    let shown = ended.json();
    assert_eq!(word(&shown, "coder"), "running");
    assert_eq!(word(&shown, "writer"), serde_json::Value::Null);
    ended
        .stderr_contains("/data/profiles/hidden: cannot be opened: Permission denied")
        .stderr_contains("/data/profiles/writer: `state.json` cannot be opened: Permission denied");
}

#[test]
fn what_a_user_puts_in_the_way_neither_leads_root_astray_nor_holds_it_up() {
    let lab = lab("user = \"app\"\n");
    lab.anysvc(["register", "--file", "/srv/gateway.toml"]).run().success();
    let as_app = |command: &[&str]| lab.command(command[0]).args(&command[1..]).uid(APP).run().success();
    as_app(&["/bin/ln", "-s", "/root", "/data/profiles/roots"]);
    as_app(&["/bin/rm", "/data/profiles/coder/state.json"]);
    as_app(&["/usr/bin/mkfifo", "/data/profiles/coder/state.json"]);
    as_app(&["/usr/bin/truncate", "-s", "100G", "/data/profiles/writer/state.json"]);
    let ended = lab.anysvc(["template", "show", "gateway", "--json"]).run().success();
    let shown = ended.json();
    assert_eq!(shown["template"]["instances"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!((word(&shown, "coder"), word(&shown, "writer")), Default::default());
    ended
        .stderr_contains("coder: `state.json` is not a regular file")
        .stderr_contains("writer: `state.json` has more than 1048576 bytes");
}

#[test]
fn roots_reconcile_does_nothing_with_roots_rights_in_a_users_folders() {
    let lab = lab("user = \"app\"\nstale = [\"gateway.pid\", \"run/lock\"]\n");
    lab.anysvc(["register", "--file", "/srv/gateway.toml"]).run().success();
    let as_app = |script: &str| lab.command("sh").args(["-ec", script]).uid(APP).run().success();
    // What the user can't remove, by every way that leads there; and what holds up who opens it.
    lab.write("/root/lock", 0, 0o644, "precious");
    lab.write("/srv/roots/lock", 0, 0o644, "precious");
    as_app(
        "cd /data/profiles; ln -s /srv/roots coder/run; ln -s /srv/roots/lock coder/gateway.pid
         mkdir writer/run; ln -s /root/lock writer/run/lock; mkfifo writer/gateway.pid writer/state.json
         ln -s /srv/roots linked; mkdir piped; mkfifo piped/config.json
         touch -hd yesterday coder/gateway.pid writer/gateway.pid writer/run/lock
         mkdir huge; cd huge; echo {} >config.json; truncate -s 100G state.json",
    );
    lab.write("/data/profiles/roots/config.json", 0, 0o644, "{}");
    lab.write("/data/profiles/roots/gateway.pid", 0, 0o644, "1");
    lab.age("/data/profiles/roots/gateway.pid");
    let done = lab.anysvc(["reconcile", "--json"]).run().success();
    let document = done.json();
    let names = document["services"].as_array().cloned().unwrap_or_default();
    let names: Vec<_> = names.iter().filter_map(|service| service["name"].as_str()).collect();
    assert_eq!(names, ["gateway-coder", "gateway-huge", "gateway-roots", "gateway-writer"], "{document}");
    let states = |name: &str| {
        lab.anysvc(["status", name, "--json"]).run().any().json()["services"][0]["state"].clone()
    };
    assert_eq!((states("gateway-coder"), states("gateway-huge")), ("running".into(), "stopped".into()));
    assert_eq!((lab.read("/root/lock"), lab.read("/srv/roots/lock")), ("precious".into(), "precious".into()));
    assert!(lab.exists("/data/profiles/roots/gateway.pid"), "the user could not have removed it");
    // The links themselves are the user's, and were stale.
    for gone in ["coder/gateway.pid", "writer/gateway.pid", "writer/run/lock"] {
        assert!(!lab.exists(format!("/data/profiles/{gone}")), "{gone}");
    }
    done.stderr_contains("coder/run/lock is below `run`, which is no folder")
        .stderr_contains("roots/gateway.pid cannot be removed: Permission denied")
        .stderr_contains("huge: `state.json` has more than 1048576 bytes")
        .stderr_contains("writer: `state.json` is not a regular file");
}

#[test]
fn without_a_user_root_looks_at_nothing_that_is_not_its_own() {
    let lab = lab("");
    lab.anysvc(["register", "--file", "/srv/gateway.toml"]).run().success();
    let ended = lab.anysvc(["template", "show", "gateway", "--json"]).run().success();
    assert_eq!(ended.json()["template"]["instances"], serde_json::json!([]));
    ended.stderr_contains("/data is not trusted: somebody else owns it");
    lab.anysvc(["start", "gateway-coder"]).run().fails(7).stderr_contains("discover.user");
}

#[test]
fn after_a_restart_operator_and_application_decide_together() {
    instances::operator_and_application_decide_together(&S6Lab::new().nested());
}

#[test]
fn in_a_container_that_is_all_the_users_too() {
    instances::operator_and_application_decide_together(&S6Lab::new().user());
}
