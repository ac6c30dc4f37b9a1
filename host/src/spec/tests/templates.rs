//! Templates: what they take, what an instance becomes, and that they read back as they were written.

use anysvc_backend_api::{Bytes, ErrorKind, MAX_NAME};

use super::{file, refusal};
use crate::spec::{Reveal, SpecOptions, Template, template::StateFile, template_to_toml};

const GATEWAY: &str = r#"[template.gateway]
name = "gate-{instance}-way"
description = "The gateway of {instance}"
command = ["/opt/gateway", "--profile", "{instance}", "--{instance}={instance}"]
env-file = "/data/{instance}/env"
directory = "/data/{instance}"
user = "u-{instance}"
group = "g-{instance}"
limits = { nofile = 64, nproc = 8 }
after = ["db-{instance}"]
requires = ["db"]

[template.gateway.env]
PROFILE = "{instance}"
COLOUR = "blue"

[template.gateway.restart]
policy = "always"

[template.gateway.ready]
http = "http://127.0.0.1:80/{instance}"

[template.gateway.when]
env = "WITH_{instance}"

[template.gateway.log]
directory = "/data/{instance}/logs"

[template.gateway.instance.default]
command = ["/opt/gateway"]
limits = { nproc = 8, nofile = 128 }
after = []

[template.gateway.instance.default.env]
COLOUR = "crimson"
EXTRA = "{instance}"

[template.gateway.discover]
directory = "/data"
marker = "config.json"
user = "root"
state = { file = "run/state.json", pointer = "/gateway/a~1b~0", up = ["running", "draining"] }
stale = ["gateway.pid", "run/lock"]
"#;

#[track_caller]
fn template(text: &str) -> Template {
    file(text).unwrap_or_else(|e| panic!("{}", e.message)).templates.remove(0)
}

fn texts(bytes: &[Bytes]) -> Vec<String> {
    bytes.iter().map(|word| String::from_utf8_lossy(&word.0).into_owned()).collect()
}

#[test]
fn the_instance_stands_wherever_the_documentation_says() {
    let spec = template(GATEWAY).instance("coder").unwrap().service;
    assert_eq!(spec.name, "gate-coder-way");
    assert_eq!(spec.description.as_deref(), Some("The gateway of coder"));
    assert_eq!(texts(&spec.command), ["/opt/gateway", "--profile", "coder", "--coder=coder"]);
    assert_eq!(spec.env_file.as_deref(), Some("/data/coder/env".as_ref()));
    assert_eq!(spec.directory.as_deref(), Some("/data/coder".as_ref()));
    assert_eq!(spec.log.directory.as_deref(), Some("/data/coder/logs".as_ref()));
    assert_eq!((spec.user.as_deref(), spec.group.as_deref()), (Some("u-coder"), Some("g-coder")));
    assert_eq!((spec.after, spec.requires), (vec!["db-coder".to_owned()], vec!["db".to_owned()]));
    assert_eq!(spec.ready.unwrap().http.as_deref(), Some("http://127.0.0.1:80/coder"));
    assert_eq!(spec.when.unwrap().env, "WITH_coder");
    assert_eq!(spec.env[0].value, "coder".into());
}

#[test]
fn one_instance_can_differ_and_the_rest_of_it_is_the_templates() {
    let spec = template(GATEWAY).instance("default").unwrap().service;
    assert_eq!(texts(&spec.command), ["/opt/gateway"]);
    assert_eq!(spec.directory.as_deref(), Some("/data/default".as_ref()));
    let env: Vec<_> = spec.env.iter().map(|var| format!("{}={}", var.name, var.value)).collect();
    assert_eq!(env, ["PROFILE=default", "COLOUR=crimson", "EXTRA=default"]);
    assert_eq!(spec.limits.iter().map(|limit| limit.value).collect::<Vec<_>>(), [Some(8), Some(128)]);
    assert!(spec.after.is_empty());
}

#[test]
fn a_template_reads_back_as_it_was_written() {
    let read = template(GATEWAY);
    assert_eq!(template_to_toml(&read, Reveal::Values), GATEWAY);
    assert_eq!(template(&template_to_toml(&read, Reveal::Values)), read);
    assert!(!template_to_toml(&read, Reveal::Nothing).contains("crimson"));
    let taken_back = "[template.t]\ncommand = [\"t\"]\nready.sd-notify = true\nlog.console = true\n\
        [template.t.instance.a]\nready.sd-notify = false\nready.port = 80\nlog.console = false\n\
        [template.t.instance.b]\n";
    let read = template(taken_back);
    assert_eq!(template(&template_to_toml(&read, Reveal::Values)), read);
    assert_eq!(read.special["a"].service.ready.as_ref().unwrap().sd_notify, None);
    assert_eq!(read.special["b"], read.spec);
}

#[test]
fn options_are_added_to_an_instance_as_they_are() {
    let mut options = SpecOptions::new();
    options.add("env", "COLOUR={instance}");
    options.add("env", "MORE=1");
    options.add("restart", "never");
    let spec = template(GATEWAY).instance("coder").unwrap();
    let spec = options.apply(spec, &|_| None).unwrap().service;
    let env: Vec<_> = spec.env.iter().map(|var| format!("{}={}", var.name, var.value)).collect();
    assert_eq!(env, ["PROFILE=coder", "COLOUR={instance}", "MORE=1"]);
    assert_eq!(spec.policy().as_str(), "never");
}

#[test]
fn names_follow_the_rule_both_ways() {
    let read = template(GATEWAY);
    assert_eq!(read.instance_of("gate-coder-way"), Some("coder"));
    for other in ["gate-way", "gate--way", "gate-Coder-way", "coder", "gate-coder", "gate-.-way"] {
        assert_eq!(read.instance_of(other), None, "{other}");
    }
    assert_eq!(template("[template.t]\ncommand = [\"t\"]").service_name("x").unwrap(), "t-x");
    for wrong in ["", "../x", "Coder", "a b", "-a", "{instance}"] {
        let error = read.instance(wrong).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidName, "{wrong}");
        assert!(error.message.contains("no name for an instance"), "{}", error.message);
    }
    let fits = MAX_NAME - "gate--way".len();
    assert_eq!(read.instance(&"x".repeat(fits)).unwrap().service.name.len(), MAX_NAME);
    let error = read.instance(&"x".repeat(fits + 1)).unwrap_err();
    assert!(error.message.contains("no name for a service: it has 241 bytes"), "{}", error.message);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let cases = [
        (
            "name = \"gate\"",
            "3:8: name of `t`: `gate` does not have `{instance}` once",
            "write `t-{instance}`",
        ),
        (
            "name = \"{instance}{instance}\"",
            "3:8: name of `t`: `{instance}{instance}` does not",
            "t-{instance}",
        ),
        ("name = \"Gate-{instance}\"", "3:8: name of `t`: `Gate-instance` is no name", "lower-case"),
        ("nmae = \"x\"", "3:1: template `t`: `nmae` is not a known key", "did you mean `name`?"),
        (
            "directory = \"{instance}\"",
            "3:1: directory of `t`: `instance` is not an absolute path",
            "begin it",
        ),
        ("after = [\"t-{instance}\"]", "3:1: after of `t`: it is the service itself", ""),
        ("instance = 1", "3:12: instance of `t`: it is an integer", "write [template.t.instance.INSTANCE]"),
        ("instance.Default.umask = \"0\"", "3:10: `Default` is no name", "lower-case"),
        ("instance.a.umsak = \"0\"", "3:12: instance.a of `t`: `umsak` is not a known key", "`umask`"),
        ("instance.a.name = \"x\"", "3:12: instance.a of `t`: `name` is not a known key", "known here"),
        ("instance.a.command = []", "3:12: instance.a.command of `t`: there is none", "write the program"),
        ("discover.marker = \"m\"", "3:1: discover of `t`: it has no `directory`", ""),
        ("discover = { directory = \"/d\" }", "3:1: discover of `t`: it has no `marker`", ""),
        (
            "discover = { directory = \"d\", marker = \"m\" }",
            "discover.directory of `t`: it is not an absolute",
            "",
        ),
        (
            "discover = { directory = \"/d\", marker = \"../m\" }",
            "`../m` is not a file below the instance's folder",
            "",
        ),
        (
            "discover = { directory = \"/d\", marker = \"m\", stale = [\"/etc/passwd\"] }",
            "`/etc/passwd` is not a file below",
            "",
        ),
        (
            "discover = { directory = \"/d\", marker = \"m\", state = { file = \"f\" } }",
            "discover.state of `t`: it has no `pointer`",
            "",
        ),
        (
            "discover = { directory = \"/d\", marker = \"m\", state = { file = \"f\", pointer = \"a\" } }",
            "`a` does not begin with `/`",
            "RFC 6901",
        ),
        (
            "discover = { directory = \"/d\", marker = \"m\", state = { file = \"f\", pointer = \"/~2\" } }",
            "neither 0 nor 1",
            "RFC 6901",
        ),
        (
            "user = \"{instance}\"\ndiscover = { directory = \"/d\", marker = \"m\", user = \"app\" }",
            "discover of `t`: with `{instance}` in `user`, who makes a folder there would choose",
            "user = \"root\"",
        ),
        (
            "group = \"{instance}\"\ndiscover = { directory = \"/d\", marker = \"m\" }",
            "discover of `t`: with `{instance}` in `group`, who makes a folder there would choose",
            "user = \"root\"",
        ),
        ("discover.mark = 1", "3:10: discover of `t`: `mark` is not a known key", "did you mean `marker`?"),
    ];
    for (line, message, hint) in cases {
        let error = refusal(&format!("[template.t]\ncommand = [\"t\"]\n{line}\n"));
        assert!(error.message.contains(message), "{line}: {}", error.message);
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{line}: {:?}", error.hint);
    }
}

#[test]
fn a_service_has_none_of_a_templates_keys() {
    for key in ["name = \"x\"", "instance.a.umask = \"0\"", "discover.marker = \"m\""] {
        let error = refusal(&format!("[service.t]\ncommand = [\"t\"]\n{key}\n"));
        assert!(error.message.contains("is not a known key"), "{}", error.message);
    }
}

#[test]
fn the_words_for_up_are_the_usual_ones_unless_said() {
    let text = "[template.t]\ncommand = [\"t\"]\n[template.t.discover]\ndirectory = \"/d\"\nmarker = \"m\"\n\
        state = { file = \"s\", pointer = \"\" }\n";
    let state = template(text).discover.unwrap().state.unwrap();
    assert_eq!(state, StateFile { file: "s".into(), pointer: String::new(), up: StateFile::usual_words() });
    assert_eq!(state.up, ["running", "draining", "degraded"]);
}
