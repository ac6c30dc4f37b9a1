//! Killed at each of its changes to the file system, what is done with templates leads to the state that was
//! there before or to the one that was asked for, by the next reconcile, and never to a third.

use anysvc_tests::{
    APP,
    crash::{World, sweep},
};

const TEMPLATE: &str = r#"
[template.gateway]
command = ["sleep", "1000"]
stop.timeout = "1s"

[template.gateway.discover]
directory = "/srv/profiles"
marker = "config.json"
state = { file = "state.json", pointer = "/state" }
stale = ["gateway.pid"]
"#;

fn must(world: &World, args: &[&str]) {
    world.anysvc(args).run().success();
}

/// A user's tree, with the template's file and an instance for each of these states.
fn world(states: &[(&str, &str)]) -> World {
    let world = World::nested();
    world.lab.write("/srv/gateway.toml", APP, 0o644, TEMPLATE);
    world.lab.write("/srv/profiles/read-me", APP, 0o644, "");
    for (name, state) in states {
        let folder = format!("/srv/profiles/{name}");
        world.lab.write(format!("{folder}/config.json"), APP, 0o644, "{}");
        world.lab.write(format!("{folder}/state.json"), APP, 0o644, format!("{{\"state\": \"{state}\"}}"));
    }
    world.lab.command("/bin/chown").args(["-R", "10000:10000", "/srv/profiles"]).run().success();
    must(&world, &["register", "--file", "/srv/gateway.toml"]);
    world
}

/// The state of an instance, and what is wanted of it, once it is there.
fn is(world: &World, name: &str) -> String {
    let mut service = serde_json::Value::Null;
    world.lab.wait_until("it has come to rest", || {
        let json = world.anysvc(["status", &format!("gateway-{name}"), "--json"]).run().any().json();
        service = json["services"][0].clone();
        service["state"] != "starting" && service["state"] != "stopping"
    });
    format!("{} {}", service["state"].as_str().unwrap_or("?"), service["desired"].as_str().unwrap_or("?"))
}

#[test]
fn starting_what_was_never_registered() {
    let world = world(&[("coder", "stopped")]);
    let one = |n| {
        must(&world, &["unregister", "gateway-coder"]);
        world.lab.anysvc(["start", "gateway-coder", "--settle", "0"]).uid(APP).killed_at(n)
    };
    let points = sweep("start of what is on disk", one, || {
        assert_eq!(world.half_built(), Vec::<String>::new());
        world.reconcile();
        // What is on disk is registered by reconcile, down as its application wants it.
        let end = is(&world, "coder");
        assert!(["stopped down", "running up"].contains(&end.as_str()), "reconcile led to {end:?}");
    });
    assert!(points > 10, "{points}");
}

#[test]
fn reconciling_what_is_on_disk() {
    let world = world(&[("coder", "running"), ("writer", "stopped")]);
    let pid_files = ["coder", "writer"].map(|name| format!("/srv/profiles/{name}/gateway.pid"));
    let one = |n| {
        must(&world, &["unregister", "--template", "gateway"]);
        for file in &pid_files {
            world.lab.write(file, APP, 0o644, "1");
            // What is new is of somebody who starts it meanwhile.
            world.lab.age(file);
        }
        world.lab.anysvc(["reconcile"]).uid(APP).killed_at(n)
    };
    let points = sweep("reconcile of what is on disk", one, || {
        assert_eq!(world.half_built(), Vec::<String>::new());
        world.reconcile();
        assert_eq!(
            (is(&world, "coder").as_str(), is(&world, "writer").as_str()),
            ("running up", "stopped down")
        );
        assert!(!pid_files.iter().any(|file| world.lab.exists(file)), "a file of the last boot is left");
    });
    assert!(points > 10, "{points}");
}

#[test]
fn storing_and_forgetting_a_template() {
    let world = world(&[]);
    let whole = |stored: &[&str]| {
        let json = world.anysvc(["template", "list", "--json"]).run().success().stderr_is("").json();
        let templates = json["templates"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = templates.iter().filter_map(|template| template["name"].as_str()).collect();
        assert!(names.is_empty() || names == stored, "{json}");
    };
    let store = |n| {
        must(&world, &["template", "remove", "gateway"]);
        world.lab.anysvc(["register", "--file", "/srv/gateway.toml"]).uid(APP).killed_at(n)
    };
    let stored = sweep("register --file of a template", store, || {
        whole(&["gateway"]);
        must(&world, &["register", "--file", "/srv/gateway.toml", "--replace"]);
    });
    let forget = |n| {
        must(&world, &["register", "--file", "/srv/gateway.toml", "--if-absent"]);
        world.lab.anysvc(["template", "remove", "gateway"]).uid(APP).killed_at(n)
    };
    let forgotten = sweep("template remove", forget, || whole(&["gateway"]));
    assert!(stored > 3 && forgotten > 0, "{stored} {forgotten}");
}
