//! Instances of a template over a restart of the container: what its operator and its application want
//! together. For any service manager.

use serde_json::Value;

use crate::{APP, Builder, Ended, S6Lab};

const TEMPLATE: &str = r#"
[template.gateway]
command = ["sleep", "1000"]

[template.gateway.discover]
directory = "/home/app/profiles"
marker = "config.json"
state = { file = "state.json", pointer = "/gateway/state" }
stale = ["gateway.pid", "run/lock"]
"#;

/// The instances: what their application says, and what their operator did with each.
const INSTANCES: [(&str, &str, &str); 7] = [
    ("running", r#"{"gateway": {"state": "running"}}"#, "start"),
    ("degraded", r#"{"gateway": {"state": "degraded"}}"#, "nothing"),
    ("stopped", r#"{"gateway": {"state": "stopped"}}"#, "start"),
    ("failed", r#"{"gateway": {"state": "startup_failed"}}"#, "nothing"),
    ("corrupt", r#"{"gateway": {"state": "runn"#, "start"),
    ("silent", "", "nothing"),
    ("held", r#"{"gateway": {"state": "running"}}"#, "stop"),
];
/// Those that both want up.
const UP: [&str; 2] = ["degraded", "running"];

fn anysvc<'lab>(lab: &'lab S6Lab, args: &[&str]) -> Ended<'lab> {
    lab.anysvc(args).uid(APP).run().any()
}

fn prepare(lab: &S6Lab) {
    lab.write("/home/app/gateway.toml", APP, 0o644, TEMPLATE);
    for (name, state, _) in INSTANCES {
        let folder = format!("/home/app/profiles/{name}");
        lab.write(format!("{folder}/config.json"), APP, 0o644, "{}");
        if !state.is_empty() {
            lab.write(format!("{folder}/state.json"), APP, 0o644, state);
        }
        lab.write(format!("{folder}/gateway.pid"), APP, 0o644, "7");
        lab.write(format!("{folder}/run/lock"), APP, 0o644, "");
    }
    lab.write("/home/app/profiles/no-instance/gateway.pid", APP, 0o644, "7");
    lab.command("/bin/chown").args(["-R", "10000:10000", "/home/app/profiles"]).run().success();
}

fn states(lab: &S6Lab) -> Vec<(String, String)> {
    let document = anysvc(lab, &["status", "--template", "gateway", "--json"]).json();
    let services = document["services"].as_array().cloned().unwrap_or_default();
    let text = |service: &Value, key: &str| service[key].as_str().unwrap_or("none").to_owned();
    services.iter().map(|service| (text(service, "instance"), text(service, "state"))).collect()
}

/// Each instance is there again; it runs if neither its operator nor its application wants it down.
pub fn operator_and_application_decide_together(builder: &Builder) {
    let first = builder.clone().start();
    prepare(&first);
    assert_eq!(anysvc(&first, &["register", "--file", "/home/app/gateway.toml"]).code(), Some(0));
    for (name, _, done) in INSTANCES {
        let service = format!("gateway-{name}");
        match done {
            "start" => assert_eq!(anysvc(&first, &["start", &service]).code(), Some(0), "{name}"),
            "stop" => {
                anysvc(&first, &["start", &service]);
                assert_eq!(anysvc(&first, &["stop", &service]).code(), Some(0), "{name}");
            }
            _ => (),
        }
    }
    let next = builder.clone().start();
    for folder in ["/home/app/.local", "/home/app/profiles"] {
        first.carry(folder, &next);
    }
    drop(first);
    let planned = anysvc(&next, &["reconcile", "--dry-run", "--json"]).json();
    assert_eq!(planned["stale"].as_array().map(Vec::len), Some(2 * INSTANCES.len()), "{planned}");
    assert!(next.exists("/home/app/profiles/running/gateway.pid"));
    let done = anysvc(&next, &["reconcile"]);
    assert_eq!(done.code(), Some(0), "{}{}", done.stdout(), done.stderr());
    assert!(done.stderr().contains("corrupt: `state.json` is not JSON"), "{}", done.stderr());
    let expected = |name: &str| if UP.contains(&name) { "running" } else { "stopped" };
    next.wait_until("all are as they should be", || {
        let states = states(&next);
        states.len() == INSTANCES.len() && states.iter().all(|(name, state)| state == expected(name))
    });
    for (name, ..) in INSTANCES {
        let folder = format!("/home/app/profiles/{name}");
        for gone in ["gateway.pid", "run/lock"] {
            assert!(!next.exists(format!("{folder}/{gone}")), "{folder}/{gone} is there still");
        }
        assert!(next.exists(format!("{folder}/config.json")));
    }
    assert!(next.exists("/home/app/profiles/no-instance/gateway.pid"));
    let log = next.read("/home/app/.local/state/anysvc/boot.log");
    for (name, ..) in INSTANCES {
        assert_eq!(log.matches(&format!(" name=gateway-{name} ")).count(), 1, "{name}: {log}");
    }
    // What is started now has files of its own, which the next pass leaves.
    next.write("/home/app/profiles/running/gateway.pid", APP, 0o644, "8");
    assert_eq!(anysvc(&next, &["start", "gateway-stopped"]).code(), Some(0));
    let again = anysvc(&next, &["reconcile", "--json"]);
    assert_eq!((again.code(), &again.json()["stale"]), (Some(0), &Value::Array(Vec::new())));
    assert!(next.exists("/home/app/profiles/running/gateway.pid"));
    assert_eq!(states(&next).iter().filter(|(_, state)| state == "running").count(), UP.len() + 1);
}
