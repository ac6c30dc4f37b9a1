//! Spec files that are right.

use std::{path::PathBuf, time::Duration};

use anysvc_backend_api::{
    Boot, Bytes, Condition, EnvVar, GiveUp, Limit, LimitKind, LogSpec, LogTo, ReadySpec, RestartPolicy,
    RestartSpec, ServiceSpec, Signal, StopSpec, Value,
};

use super::{file, service, web};

#[test]
fn the_example_of_the_documentation_says_all_of_this() {
    let text = r#"
[service.web]
description = "Static files"
command = ["/usr/bin/python3", "-m", "http.server", "8000"]
env = { GREETING = "hello world" }
env-file = "/etc/web.env"        # NAME=value lines, read at each start
directory = "/srv/www"
user = "app"
group = "app"
umask = "0027"
limits = { nofile = 4096, core = "unlimited", stack = "8MiB" }
after = ["db"]
requires = ["db"]
boot = "restore"                 # restore: as the operator left it · up · down

[service.web.restart]
policy = "on-failure"            # never · on-failure · always
delay = "1s"
give-up = { after = 5, within = "60s" }
never-on = [78]                  # exit codes that mean: do not restart
always-on = []

[service.web.stop]
signal = "TERM"
timeout = "10s"                  # then KILL, for the whole group

[service.web.ready]              # at most one of notify-fd, sd-notify, check, port, http
http = "http://127.0.0.1:8000/health"
timeout = "30s"

[service.web.log]
to = "files"                     # manager · files · none
directory = "${LOGS:-/var/log}/web"
size = "1MiB"
keep = 10
console = true                   # also to the container's output

[service.web.when]               # runs only if it holds; reads as stopped otherwise
env = "DASHBOARD"
truthy = true

[service.web.native.systemd]     # passed through; ignored by other backends
Service = { ProtectSystem = "strict", Nice = 5 }
"#;
    let spec = service(text);
    let expected = ServiceSpec {
        name: "web".into(),
        description: Some("Static files".into()),
        command: vec!["/usr/bin/python3".into(), "-m".into(), "http.server".into(), "8000".into()],
        env: vec![EnvVar { name: "GREETING".into(), value: "hello world".into() }],
        env_file: Some("/etc/web.env".into()),
        directory: Some("/srv/www".into()),
        user: Some("app".into()),
        group: Some("app".into()),
        umask: Some(0o027),
        limits: vec![
            Limit { kind: LimitKind::Nofile, value: Some(4096) },
            Limit { kind: LimitKind::Core, value: None },
            Limit { kind: LimitKind::Stack, value: Some(8 << 20) },
        ],
        after: vec!["db".into()],
        requires: vec!["db".into()],
        boot: Some(Boot::Restore),
        transient: None,
        restart: RestartSpec {
            policy: Some(RestartPolicy::OnFailure),
            delay: Some(Duration::from_secs(1)),
            give_up: Some(GiveUp { after: 5, within: Duration::from_secs(60) }),
            never_on: Some(vec![78]),
            always_on: Some(vec![]),
        },
        stop: StopSpec { signal: Signal::from_number(15), timeout: Some(Duration::from_secs(10)) },
        ready: Some(ReadySpec {
            http: Some("http://127.0.0.1:8000/health".into()),
            timeout: Some(Duration::from_secs(30)),
            ..ReadySpec::default()
        }),
        log: LogSpec {
            to: Some(LogTo::Files),
            directory: Some("${LOGS:-/var/log}/web".into()),
            size: Some(1 << 20),
            keep: Some(10),
            console: Some(true),
        },
        when: Some(Condition { env: "DASHBOARD".into(), truthy: Some(true) }),
        native: Value::Null,
    };
    assert_eq!(spec.service, expected);
    let directives =
        vec![("ProtectSystem".to_owned(), Value::from("strict")), ("Nice".to_owned(), Value::Int(5))];
    let native = Value::Map(vec![("Service".to_owned(), Value::Map(directives))]);
    assert_eq!(spec.for_backend("systemd"), ServiceSpec { native, ..expected.clone() });
    assert_eq!(spec.for_backend("s6"), expected);
}

#[test]
fn what_is_not_set_is_not_made_up() {
    let spec = service("[service.web]\ncommand = [\"/bin/web\"]");
    let expected =
        ServiceSpec { name: "web".into(), command: vec!["/bin/web".into()], ..ServiceSpec::default() };
    assert_eq!(spec.service, expected);
}

#[test]
fn bytes_that_are_not_utf8_are_written_in_hexadecimal() {
    let text = "command = [\"/bin/x\", { hex = \"ff00\" }]\n";
    let refused = file(&format!("[service.a]\n{text}")).unwrap_err();
    assert!(refused.message.contains("NUL"), "{}", refused.message);
    let spec = service(
        "[service.a]\ncommand = [\"/bin/x\", { hex = \"fFfe\" }]\ndirectory = { hex = \"2fff\" }\nenv = { A = { hex = \"80\" } }",
    );
    assert_eq!(spec.service.command[1], Bytes(vec![0xff, 0xfe]));
    assert_eq!(spec.service.env[0].value, Bytes(vec![0x80]));
    assert_eq!(spec.service.directory.unwrap().as_os_str().as_encoded_bytes(), [b'/', 0xff]);
}

#[test]
fn variables_keep_their_order() {
    let spec = service(&web("[service.web.env]\nZ = \"1\"\nA = \"2\"\nM = \"\""));
    let names: Vec<&str> = spec.service.env.iter().map(|var| var.name.as_str()).collect();
    assert_eq!(names, ["Z", "A", "M"]);
}

#[test]
fn services_and_templates_come_in_the_order_of_the_file() {
    let text = format!(
        "{}\n[template.gate]\ncommand = [\"/bin/gate\", \"{{instance}}\"]\nafter = [\"web-{{instance}}\"]\n[service.a]\ncommand = [\"a\"]",
        web("")
    );
    let file = file(&text).unwrap();
    let names: Vec<&str> = file.services.iter().map(|s| s.service.name.as_str()).collect();
    assert_eq!(names, ["web", "a"]);
    assert_eq!(file.templates[0].name, "gate");
    assert_eq!(file.templates[0].spec.service.command[1], "{instance}".into());
}

#[test]
fn other_ways_to_write_the_same() {
    let dotted =
        service(&web("restart.delay = \"60s\"\nlimits.nofile = 10\nlog.size = 65536\nstop.signal = 10"));
    let tables = service(&web(
        "limits = { nofile = \"10\" }\n[service.web.restart]\ndelay = \"1m\"\n[service.web.log]\nsize = \"64KiB\"\n[service.web.stop]\nsignal = \"SIGUSR1\"",
    ));
    assert_eq!(dotted, tables);
}

#[test]
fn sd_notify_false_says_nothing() {
    assert_eq!(service(&web("ready.sd-notify = false")).service.ready, None);
    let with_port = service(&web("ready.sd-notify = false\nready.port = 80")).service.ready.unwrap();
    assert_eq!(with_port, ReadySpec { port: Some(80), ..ReadySpec::default() });
}

#[test]
fn a_program_may_be_a_name_or_an_absolute_path_and_urls_have_many_forms() {
    service("[service.a]\ncommand = [\"python3\"]");
    for url in ["http://localhost", "http://[::1]:80/x", "http://h:65535?q=1", "http://h/#x"] {
        service(&web(&format!("ready.http = \"{url}\"")));
    }
    assert_eq!(service(&web("directory = \"${HOME}\"")).service.directory, Some(PathBuf::from("${HOME}")));
}

#[test]
fn an_empty_file_has_no_services() {
    assert!(file("").unwrap().services.is_empty());
    assert!(file("# nothing\n").unwrap().templates.is_empty());
}
