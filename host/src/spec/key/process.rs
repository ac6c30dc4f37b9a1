//! The keys of the process itself: what is run, as whom, where, with what.

use anysvc_backend_api::{Limit, LimitKind};

use super::{Key, Out, set};

fn limit(limit: &Limit) -> (String, Out) {
    let value = match (limit.kind, limit.value) {
        (_, None) => Out::Text("unlimited".to_owned()),
        (LimitKind::Cpu | LimitKind::Nofile | LimitKind::Nproc, Some(n)) => {
            Out::Int(i64::try_from(n).unwrap_or(i64::MAX))
        }
        (_, Some(bytes)) => Out::size(bytes),
    };
    (limit.kind.as_str().to_owned(), value)
}

/// Adds new items, each in place of the old one that it is the same as.
fn merge<T>(items: &mut Vec<T>, new: Vec<T>, same: impl Fn(&T, &T) -> bool) {
    items.retain(|old| !new.iter().any(|item| same(old, item)));
    items.extend(new);
}

pub(super) static KEYS: &[Key] = &[
    Key {
        key: "description",
        option: Some("description"),
        value: Some("TEXT"),
        repeatable: false,
        help: "What the service is, in one line",
        takes: "text without line breaks",
        default: "none",
        example: "\"Static files\"",
        set: set!(description = text()),
        get: |s| s.description.clone().map(Out::Text),
    },
    Key {
        key: "command",
        option: None,
        value: None,
        repeatable: false,
        help: "The program and its arguments; never a shell string",
        takes: "list of texts; the first is an absolute path, or a name that is looked up in PATH at each start",
        default: "required",
        example: "[\"/usr/bin/python3\", \"-m\", \"http.server\", \"8000\"]",
        set: |s, i| {
            s.command = i.command()?;
            Ok(())
        },
        get: |s| Some(Out::command(&s.command)),
    },
    Key {
        key: "env-file",
        option: Some("env-file"),
        value: Some("FILE"),
        repeatable: false,
        help: "A file of NAME=value lines, read at each start",
        takes: "absolute path; `${VAR}` is expanded at each start",
        default: "none",
        example: "\"/etc/web.env\"",
        set: set!(env_file = path()),
        get: |s| s.env_file.as_deref().map(Out::path),
    },
    Key {
        key: "directory",
        option: Some("directory"),
        value: Some("DIR"),
        repeatable: false,
        help: "The working directory",
        takes: "absolute path; `${VAR}` is expanded at each start",
        default: "`/`; the home in the user scope",
        example: "\"/srv/www\"",
        set: set!(directory = path()),
        get: |s| s.directory.as_deref().map(Out::path),
    },
    Key {
        key: "user",
        option: Some("user"),
        value: Some("USER"),
        repeatable: false,
        help: "The account it runs as; only root may name another than its own",
        takes: "name or number of an account",
        default: "the account that registers it",
        example: "\"app\"",
        set: set!(user = text()),
        get: |s| s.user.clone().map(Out::Text),
    },
    Key {
        key: "group",
        option: Some("group"),
        value: Some("GROUP"),
        repeatable: false,
        help: "The group it runs as",
        takes: "name or number of a group",
        default: "the account's own",
        example: "\"app\"",
        set: set!(group = text()),
        get: |s| s.group.clone().map(Out::Text),
    },
    Key {
        key: "umask",
        option: Some("umask"),
        value: Some("OCTAL"),
        repeatable: false,
        help: "The file mode creation mask",
        takes: "text of three or four octal digits",
        default: "`0022`",
        example: "\"0027\"",
        set: set!(umask = umask()),
        get: |s| s.umask.map(|mask| Out::Text(format!("{mask:04o}"))),
    },
    Key {
        key: "limits",
        option: Some("limit"),
        value: Some("NAME=VALUE"),
        repeatable: true,
        help: "A resource limit, soft and hard: as, core, cpu, data, fsize, memlock, nofile, nproc or stack",
        takes: "table of numbers (bytes; seconds for `cpu`), sizes like `\"64MiB\"`, or `\"unlimited\"`",
        default: "those of the manager",
        example: "{ nofile = 4096 }",
        set: |s, i| {
            merge(&mut s.limits, i.limits()?, |a, b| a.kind == b.kind);
            Ok(())
        },
        get: |s| (!s.limits.is_empty()).then(|| Out::Inline(s.limits.iter().map(limit).collect())),
    },
    Key {
        key: "env",
        option: Some("env"),
        value: Some("NAME=VALUE"),
        repeatable: true,
        help: "A variable for its environment; NAME alone takes the value from this command's environment",
        takes: "table of texts, or of `{ hex = \"...\" }` for bytes that are not UTF-8",
        default: "the environment of the manager or container",
        example: "{ GREETING = \"hello world\" }",
        set: |s, i| {
            merge(&mut s.env, i.env()?, |a, b| a.name == b.name);
            Ok(())
        },
        get: |s| {
            let pair = |var: &anysvc_backend_api::EnvVar| (var.name.clone(), Out::Bytes(var.value.0.clone()));
            (!s.env.is_empty()).then(|| Out::Secrets(s.env.iter().map(pair).collect()))
        },
    },
];
