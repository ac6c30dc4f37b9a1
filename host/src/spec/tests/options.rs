//! Options: the same values as in files, and errors that name the option.

use std::ffi::OsString;

use anysvc_backend_api::{Error, Result};

use super::{super::SpecOptions, service};
use crate::spec::{Spec, key, options};

fn lookup(name: &str) -> Option<OsString> {
    (name == "SECRET").then(|| "s3cret".into())
}

fn build(given: &[(&str, &str)]) -> Result<Spec> {
    let mut options = SpecOptions::new();
    given.iter().for_each(|(name, value)| options.add(name, *value));
    options.build("web", vec!["/bin/web".into()], &lookup)
}

#[track_caller]
fn refused(given: &[(&str, &str)]) -> Error {
    build(given).expect_err("it is taken")
}

#[test]
fn options_say_the_same_as_a_file() {
    let from_options = build(&[
        ("description", "Static files"),
        ("env", "GREETING=hello = world"),
        ("env", "EMPTY="),
        ("env", "SECRET"),
        ("env-file", "/etc/web.env"),
        ("directory", "${DATA}/www"),
        ("user", "app"),
        ("group", "app"),
        ("umask", "0027"),
        ("limit", "nofile=4096"),
        ("limit", "core=unlimited"),
        ("after", "db,cache"),
        ("after", "net"),
        ("requires", "db"),
        ("boot", "up"),
        ("restart", "always"),
        ("restart-delay", "2s"),
        ("give-up", "5/60s"),
        ("never-on", "78,79"),
        ("always-on", "none"),
        ("stop-signal", "INT"),
        ("stop-timeout", "20s"),
        ("ready-check", "curl -f 'http://x y'"),
        ("ready-timeout", "1m"),
        ("log", "files"),
        ("log-directory", "/var/log/web"),
        ("log-size", "64KiB"),
        ("log-keep", "3"),
        ("log-console", "true"),
        ("when-env", "DASHBOARD"),
        ("when-truthy", "false"),
    ]);
    let from_file = service(
        r#"
[service.web]
description = "Static files"
command = ["/bin/web"]
env = { GREETING = "hello = world", EMPTY = "", SECRET = "s3cret" }
env-file = "/etc/web.env"
directory = "${DATA}/www"
user = "app"
group = "app"
umask = "0027"
limits = { nofile = 4096, core = "unlimited" }
after = ["db", "cache", "net"]
requires = ["db"]
boot = "up"
restart = { policy = "always", delay = "2s", give-up = { after = 5, within = "60s" }, never-on = [78, 79], always-on = [] }
stop = { signal = "INT", timeout = "20s" }
ready = { check = ["curl", "-f", "http://x y"], timeout = "1m" }
log = { to = "files", directory = "/var/log/web", size = "64KiB", keep = 3, console = true }
when = { env = "DASHBOARD", truthy = false }
"#,
    );
    assert_eq!(from_options.unwrap(), from_file);
    for (option, value) in [
        ("ready-port", "8000"),
        ("ready-http", "http://h/"),
        ("ready-notify-fd", "3"),
        ("ready-sd-notify", "true"),
        ("transient", "true"),
    ] {
        let row = key::of_option(option).unwrap();
        let quoted = if option == "ready-http" { format!("\"{value}\"") } else { value.to_owned() };
        let text = format!("[service.web]\ncommand = [\"/bin/web\"]\n{} = {quoted}", row.key);
        assert_eq!(build(&[(option, value)]).unwrap(), service(&text));
    }
}

#[test]
fn arguments_and_values_may_be_any_bytes() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut options = SpecOptions::new();
    options.add("env", OsString::from_vec(b"A=\xff".to_vec()));
    let argv = vec!["/bin/x".into(), OsString::from_vec(vec![0xfe])];
    let spec = options.build("web", argv, &lookup).unwrap().service;
    assert_eq!((spec.env[0].value.as_ref(), spec.command[1].as_ref()), (&b"\xff"[..], &b"\xfe"[..]));
}

#[test]
fn errors_name_the_option() {
    type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);
    let cases: &[Case] = &[
        (
            &[("restart-delay", "soon")],
            "--restart-delay: `soon` is not a duration (write `500ms`, `10s`, `5m` or `1h`)",
            "",
        ),
        (&[("restart", "often")], "--restart: `often` is not one of never, on-failure, always", ""),
        (&[("ready-port", "http")], "--ready-port: `http` is not a whole number from 1 to 65535", ""),
        (&[("limit", "nofile")], "--limit: `nofile` is not a limit (write `nofile=4096`)", ""),
        (&[("limit", "nofiles=1")], "--limit: `nofiles` is not a known limit", "did you mean `nofile`?"),
        (&[("limit", "nofile=1"), ("limit", "nofile=2")], "--limit: `nofile` is given twice", ""),
        (&[("give-up", "5")], "--give-up: `5` is not a number of failures and a time (write `5/60s`)", ""),
        (
            &[("give-up", "5/3s")],
            "--give-up: 5 failures can't fall within 3s: with 1s between them they take at least 4s",
            "raise `within`, or lower `after` or the delay",
        ),
        (&[("never-on", "x")], "--never-on: `x` is not a list of exit codes (write `75,78`, or `none`)", ""),
        (&[("never-on", "256")], "--never-on: 256 is not an exit code, which is 0 to 255", ""),
        (
            &[("stop-signal", "NO")],
            "--stop-signal: `NO` is not a signal (write TERM, HUP, USR1, ..., or a number)",
            "",
        ),
        (&[("log-console", "1")], "--log-console: `1` is not true or false", ""),
        (&[("ready-check", "a 'b")], "--ready-check: the quote `'` is not closed", ""),
        (&[("ready-check", " ")], "--ready-check: there is none", "write the program and its arguments"),
        (&[("directory", ".")], "--directory: `.` is not an absolute path", "begin it with `/` or `${VAR}`"),
        (
            &[("env", "NOPE")],
            "--env: `NOPE` is not set in the environment of this command",
            "set it, or write `--env NOPE=VALUE`",
        ),
        (
            &[("env", "1=x")],
            "--env: `1` can't be the name of a variable",
            "use letters, digits and `_`, not beginning with a digit",
        ),
        (&[("env", "A=1"), ("env", "A=2")], "--env: `A` is given twice", ""),
        (&[("when-truthy", "true")], "--when-truthy: no variable is named", "name it with `when.env`"),
    ];
    for (given, message, hint) in cases {
        let error = refused(given);
        assert_eq!((error.message.as_str(), error.hint.as_deref().unwrap_or("")), (*message, *hint));
        assert_eq!((error.kind.as_str(), error.service.as_deref()), ("invalid-spec", Some("web")));
    }
}

#[test]
fn the_command_line_itself_can_be_wrong() {
    assert_eq!(refused(&[("user", "a"), ("user", "b")]).message, "--user: it is given more than once");
    let error = refused(&[("nope", "a")]);
    assert_eq!((error.kind.as_str(), error.message.as_str()), ("usage", "--nope: there is no such option"));
    let error = SpecOptions::new().build("web", vec![], &lookup).unwrap_err();
    assert_eq!(error.message, "command: there is none");
    let error = SpecOptions::new().build("Web", vec!["x".into()], &lookup).unwrap_err();
    assert_eq!(error.kind.as_str(), "invalid-name");
}

#[test]
fn every_option_of_the_table_is_a_key_and_every_key_has_its_option() {
    let names: Vec<&str> = options::table().map(|row| row.name).collect();
    for name in &names {
        assert!(key::of_option(name).is_some(), "{name}");
    }
    for row in key::keys().filter(|row| row.key != "command") {
        assert!(row.option.is_some_and(|option| names.contains(&option)), "{} has no option", row.key);
    }
}
