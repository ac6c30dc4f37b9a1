//! Spec files that are wrong: place, message and hint, to the letter.

use super::{file, refusal, web};

/// Lines below a service's command, and what is said about them from `web.toml:` on.
#[track_caller]
fn refused(cases: &[(&str, &str, &str)]) {
    let mut report = String::new();
    for (lines, message, hint) in cases {
        let Err(error) = file(&web(lines)) else { panic!("it is taken: {lines}") };
        let found = error.message.strip_prefix("web.toml:").unwrap_or(&error.message);
        let found_hint = error.hint.as_deref().unwrap_or("");
        if (found, found_hint) != (*message, *hint) {
            report += &format!("{lines}\n  {found}\n  {found_hint}\n");
        }
        assert_eq!(error.kind.as_str(), "invalid-spec");
        assert_eq!(error.path.as_deref(), Some(std::path::Path::new("web.toml")));
        assert_eq!(error.service.as_deref(), Some("web"), "{lines}");
    }
    assert!(report.is_empty(), "not as expected:\n{report}");
}

#[test]
fn unknown_keys_are_told_with_the_nearest_known_one() {
    refused(&[
        ("usr = \"app\"", "3:1: service `web`: `usr` is not a known key", "did you mean `user`?"),
        (
            "[service.web.restart]\ndealy = \"1s\"",
            "4:1: restart of `web`: `dealy` is not a known key",
            "did you mean `delay`?",
        ),
        (
            "[service.web.stop]\nbanana = 1",
            "4:1: stop of `web`: `banana` is not a known key",
            "known here: signal, timeout",
        ),
        (
            "limits = { nofiles = 1 }",
            "3:12: limits of `web`: `nofiles` is not a known limit",
            "did you mean `nofile`?",
        ),
        (
            "restart.give-up = { after = 5, withn = \"60s\" }",
            "3:32: restart.give-up of `web`: `withn` is not a known key",
            "did you mean `within`?",
        ),
        ("\"a\\u001b\" = 1", "3:1: service `web`: `a\\u{1b}` is not a known key", KNOWN),
    ]);
}

const KNOWN: &str = "known here: description, command, env-file, directory, user, group, umask, limits, env, \
    after, requires, boot, transient, restart, stop, ready, when, log, native";

#[test]
fn values_of_the_wrong_form() {
    refused(&[
        (
            "restart.delay = \"10 sec\"",
            "3:17: restart.delay of `web`: `10 sec` is not a duration (write `500ms`, `10s`, `5m` or `1h`)",
            "",
        ),
        (
            "restart.delay = 10",
            "3:17: restart.delay of `web`: it is an integer, and has to be a duration (write `500ms`, `10s`, `5m` or `1h`)",
            "",
        ),
        (
            "umask = 18",
            "3:9: umask of `web`: it is an integer, and has to be a umask (write three or four octal digits, like `0027`)",
            "",
        ),
        (
            "umask = \"0999\"",
            "3:9: umask of `web`: `0999` is not a umask (write three or four octal digits, like `0027`)",
            "",
        ),
        (
            "log.size = \"1MB\"",
            "3:12: log.size of `web`: `1MB` is not a size (write `64KiB`, `1MiB`, `1GiB`, or a number of bytes)",
            "",
        ),
        (
            "log.size = -1",
            "3:12: log.size of `web`: `-1` is not a whole number from 0 to 9223372036854775807",
            "",
        ),
        (
            "log.console = \"yes\"",
            "3:15: log.console of `web`: it is a text, and has to be true or false",
            "",
        ),
        ("boot = \"maybe\"", "3:8: boot of `web`: `maybe` is not one of restore, up, down", ""),
        ("after = \"db\"", "3:9: after of `web`: it is a text, and has to be a list (write `[...]`)", ""),
        ("after = [\"db\", 3]", "3:16: after of `web`: it is an integer, and has to be a text", ""),
        (
            "stop.signal = \"NOPE\"",
            "3:15: stop.signal of `web`: `NOPE` is not a signal (write TERM, HUP, USR1, ..., or a number)",
            "",
        ),
        (
            "stop.signal = 65",
            "3:15: stop.signal of `web`: `65` is not a signal (write TERM, HUP, USR1, ..., or a number)",
            "",
        ),
        (
            "restart.never-on = [256]",
            "3:21: restart.never-on of `web`: `256` is not a whole number from 0 to 255",
            "",
        ),
        ("ready.port = 0", "3:14: ready.port of `web`: `0` is not a whole number from 1 to 65535", ""),
        (
            "ready.port = 65536",
            "3:14: ready.port of `web`: `65536` is not a whole number from 1 to 65535",
            "",
        ),
        (
            "ready.notify-fd = 2",
            "3:19: ready.notify-fd of `web`: `2` is not a whole number from 3 to 1023",
            "",
        ),
        (
            "env = { A = 1 }",
            "3:13: env of `web`: `A`: it is an integer, and has to be a text, or bytes as `{ hex = \"ff00\" }`",
            "",
        ),
        (
            "env = { A = { hex = \"f\" } }",
            "3:21: env of `web`: `A`: `hex` is not pairs of hexadecimal digits",
            "",
        ),
        (
            "env = { A = { redacted = true } }",
            "3:13: env of `web`: `A`: the value was left out when this was written",
            "put the value in, or write the file again with `--reveal`",
        ),
        (
            "limits = { nofile = true }",
            "3:21: limits of `web`: it is a boolean, and has to be a limit (write a number, a size, or `unlimited`)",
            "",
        ),
        (
            "restart.give-up = { after = 5 }",
            "3:19: restart.give-up of `web`: it needs both `after` and `within`",
            "",
        ),
        (
            "restart.give-up = 5",
            "3:19: restart.give-up of `web`: it is an integer, and has to be a table (write `{ after = 5, within = \"60s\" }`)",
            "",
        ),
        (
            "restart = \"always\"",
            "3:11: restart of `web`: it is a text, and has to be a table",
            "write [service.web.restart], with policy, delay, give-up, never-on, always-on below it",
        ),
        (
            "native.systemd = 5",
            "3:18: native.systemd of `web`: it is an integer, and has to be a table",
            "write [service.web.native.BACKEND]",
        ),
        (
            "native.systemd.since = 1979-05-27",
            "3:24: native.systemd of `web`: it is a date or time, and has to be written as a text",
            "",
        ),
    ]);
}

#[test]
fn values_that_make_no_sense() {
    const WAYS: &str = "give one of notify-fd, sd-notify, check, port and http";
    refused(&[
        (
            "restart.delay = \"10s\"\nrestart.give-up = { after = 5, within = \"20s\" }",
            "4:9: restart.give-up of `web`: 5 failures can't fall within 20s: with 10s between them they take at least 40s",
            "raise `within`, or lower `after` or the delay",
        ),
        (
            "restart.give-up = { after = 5, within = \"3s\" }",
            "3:9: restart.give-up of `web`: 5 failures can't fall within 3s: with 1s between them they take at least 4s",
            "raise `within`, or lower `after` or the delay",
        ),
        (
            "ready.port = 80\nready.sd-notify = true",
            "3:7: ready.port of `web`: ready.sd-notify says already how it becomes ready",
            WAYS,
        ),
        ("ready.timeout = \"5s\"", "3:7: ready.timeout of `web`: nothing says how it becomes ready", WAYS),
        (
            "ready.port = 1\nready.timeout = \"0s\"",
            "4:7: ready.timeout of `web`: nothing is ready within no time",
            "",
        ),
        (
            "ready.check = []",
            "3:7: ready.check of `web`: there is none",
            "write the program and its arguments",
        ),
        (
            "ready.http = \"https://localhost/\"",
            "3:7: ready.http of `web`: `https://localhost/` is https, and readiness is asked for without encryption",
            "give an http:// URL on the local machine, or a check that runs a command",
        ),
        (
            "ready.http = \"ftp://x\"",
            "3:7: ready.http of `web`: `ftp://x` is not a URL that begins with `http://`",
            "",
        ),
        ("ready.http = \"http:///x\"", "3:7: ready.http of `web`: `http:///x` has no host", ""),
        ("ready.http = \"http://[]:1/\"", "3:7: ready.http of `web`: `http://[]:1/` has no host", ""),
        ("ready.http = \"http://a:0/\"", "3:7: ready.http of `web`: `0` is not a port from 1 to 65535", ""),
        ("ready.http = \"http://a:/\"", "3:7: ready.http of `web`: `` is not a port from 1 to 65535", ""),
        (
            "ready.http = \"http://u@a/\"",
            "3:7: ready.http of `web`: `http://u@a/` has a user name, which is not sent",
            "",
        ),
        ("ready.http = \"http://a/ b\"", "3:7: ready.http of `web`: it contains ` `", ""),
        (
            "directory = \"www\"",
            "3:1: directory of `web`: `www` is not an absolute path",
            "begin it with `/` or `${VAR}`",
        ),
        ("env-file = \"/${A\"", "3:1: env-file of `web`: `${` has no closing `}`", ""),
        (
            "log.directory = \"/${A-b}\"",
            "3:5: log.directory of `web`: `${A-b}` is not `${VAR}` or `${VAR:-default}`",
            "",
        ),
        (
            "directory = \"/a\\u0000\"",
            "3:1: directory of `web`: it contains a NUL byte, which no path can",
            "",
        ),
        (
            "env = { A = \"\\u0000\" }",
            "3:1: env of `web`: the value of `A` contains a NUL byte, which no variable can",
            "",
        ),
        (
            "env = { \"1A\" = \"\" }",
            "3:1: env of `web`: `1A` can't be the name of a variable",
            "use letters, digits and `_`, not beginning with a digit",
        ),
        ("description = \"a\\nb\"", "3:1: description of `web`: it contains the control character `\\n`", ""),
        ("user = \"\"", "3:1: user of `web`: it is empty", ""),
        ("group = \"a:b\"", "3:1: group of `web`: `a:b` can't be the name of an account", ""),
        (
            "after = [\"../x\"]",
            "3:1: after of `web`: `../x` is no name for a service: it contains `.`",
            "use lower-case letters, digits, `-` and `_`, beginning with a letter or digit",
        ),
        ("log.size = 0", "3:5: log.size of `web`: no file can be rotated at 0 bytes", ""),
        (
            "log.to = \"none\"\nlog.keep = 3",
            "4:5: log.keep of `web`: it is about log files, and the output goes to `none`",
            "leave it out, or let the output go to `files`",
        ),
        ("when.truthy = true", "3:6: when.truthy of `web`: no variable is named", "name it with `when.env`"),
        ("when.env = \"A B\"", "3:6: when.env of `web`: `A B` can't be the name of a variable", ""),
    ]);
}

/// The whole text, since the command or the name is what is wrong.
#[track_caller]
fn whole(text: &str, kind: &str, message: &str, hint: &str) {
    let error = refusal(text);
    let found = (error.kind.as_str(), error.message.as_str(), error.hint.as_deref().unwrap_or(""));
    assert_eq!(found, (kind, message, hint));
}

#[test]
fn commands_that_can_not_be_run() {
    let spec = "invalid-spec";
    whole(
        "[service.a]",
        spec,
        "web.toml:1:10: command of `a`: there is none",
        "write the program and its arguments",
    );
    whole(
        "[service.a]\ncommand = [\"\"]",
        spec,
        "web.toml:2:1: command of `a`: the program is an empty text",
        "",
    );
    whole(
        "[service.a]\ncommand = \"/bin/x\"",
        spec,
        "web.toml:2:11: command of `a`: it is a text, and has to be a list (write `[...]`)",
        "",
    );
    whole(
        "[service.a]\ncommand = [\"./x\"]",
        spec,
        "web.toml:2:1: command of `a`: `./x` is relative, and a service has no folder that it could be relative to",
        "write the absolute path, or a name alone to look it up in PATH",
    );
    whole(
        "[service.a]\ncommand = [\"x\", \"a\\u0000b\"]",
        spec,
        "web.toml:2:1: command of `a`: `a\\u{0}b` contains a NUL byte, which no argument can",
        "",
    );
}

#[test]
fn files_of_the_wrong_shape() {
    let spec = "invalid-spec";
    whole("[servce.a]", spec, "web.toml:1:2: `servce` is not a known key", "did you mean `service`?");
    whole("service = 1", spec, "web.toml:1:1: `service` is an integer, and has to be [service.NAME]", "");
    whole(
        "[service]\ncommand = [\"x\"]",
        spec,
        "web.toml:2:1: service `command`: it is a list, and has to be a table",
        "write [service.NAME] with the keys of a service below it",
    );
    whole(
        "[service.\"Web 1\"]",
        "invalid-name",
        "web.toml:1:10: `Web 1` is no name for a service: it contains `W`",
        "use lower-case letters, digits, `-` and `_`, beginning with a letter or digit",
    );
    whole("[service.a]\n\ncommand = [\n", spec, "web.toml:3:12: unclosed array, expected `]`", "");
    whole("[service.a]\nuser = \"a\"\nuser = \"b\"", spec, "web.toml:3:1: duplicate key", "");
}

#[test]
fn an_order_that_goes_round() {
    let text = "[service.a]\ncommand = [\"x\"]\nafter = [\"c\"]\n[service.b]\ncommand = [\"x\"]\nrequires = [\"a\"]\n[service.c]\ncommand = [\"x\"]\nafter = [\"b\"]";
    let expected =
        "web.toml:3:1: no order of starting fits `after` and `requires`: `a` after `c` after `b` after `a`";
    whole(text, "invalid-spec", expected, "");
}

#[test]
fn hostile_texts_end_in_an_error() {
    for text in
        ["[".repeat(100_000), format!("a = {}", "[".repeat(100_000)), "\u{feff}x".repeat(1000), "\0".into()]
    {
        assert!(file(&text).is_err());
    }
    let deep = format!(
        "[service.a]\ncommand = [\"x\"]\n[service.a.native.b]\nc = {}1{}",
        "[".repeat(70),
        "]".repeat(70)
    );
    assert!(file(&deep).is_ok());
}

#[test]
fn files_that_can_not_be_read_are_told_by_name() {
    let missing = super::super::read(std::path::Path::new("/nowhere/x.toml")).unwrap_err();
    let expected = "cannot read /nowhere/x.toml: No such file or directory (os error 2)";
    assert_eq!((missing.kind.as_str(), missing.message.as_str()), ("io", expected));
    let path = std::env::temp_dir().join(format!("anysvc-not-utf8-{}", std::process::id()));
    std::fs::write(&path, b"# \xff").unwrap();
    let error = super::super::read(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error.message, format!("{} is not UTF-8, from byte 2 on", path.display()));
}

#[test]
fn a_file_without_an_end_is_refused() {
    let error = super::super::read(std::path::Path::new("/dev/zero")).unwrap_err();
    assert_eq!(error.kind.as_str(), "invalid-spec");
    assert_eq!(error.message, "/dev/zero has more than 16777216 bytes, too many for a spec file");
}

#[test]
fn what_no_file_can_say_is_refused_in_specs_made_by_code() {
    use std::time::Duration;
    type Change = fn(&mut anysvc_backend_api::ServiceSpec);
    let changes: [(Change, &str); 4] = [
        (|s| s.log.keep = Some(1_000_001), "log.keep of `web`: 1000000 is the most"),
        (
            |s| s.stop.timeout = Some(Duration::from_secs(360_000_001)),
            "stop.timeout of `web`: it is longer than 100000h, the longest time",
        ),
        (
            |s| s.restart.delay = Some(Duration::MAX - Duration::from_nanos(999_999_999)),
            "restart.delay of `web`: it is longer than 100000h, the longest time",
        ),
        (|s| s.after = vec!["web".to_owned()], "after of `web`: it is the service itself"),
    ];
    for (change, expected) in changes {
        let mut spec = super::service(&web(""));
        change(&mut spec.service);
        assert_eq!(crate::spec::check(&spec).unwrap_err().message, expected);
    }
}
