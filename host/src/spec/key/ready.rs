//! The keys of readiness, and of the condition to run at all.

use anysvc_backend_api::{Condition, ServiceSpec};

use super::{Key, Out};

/// The condition of a spec; its variable is still empty where `truthy` came first.
fn when(spec: &mut ServiceSpec) -> &mut Condition {
    spec.when.get_or_insert_with(|| Condition { env: String::new(), truthy: None })
}

/// A row's `set` and `get` for a field of the readiness.
macro_rules! ready {
    ($field:ident = $method:ident $args:tt) => {
        |spec, input| {
            let value = input.$method $args?;
            spec.ready.get_or_insert_default().$field = Some(value);
            Ok(())
        }
    };
}

pub(super) static KEYS: &[Key] = &[
    Key {
        key: "ready.notify-fd",
        option: Some("ready-notify-fd"),
        value: Some("FD"),
        repeatable: false,
        help: "It is ready when it writes a line to this descriptor",
        takes: "number of a descriptor, 3 to 1023",
        default: "none",
        example: "3",
        set: ready!(notify_fd = integer(3..=1023)),
        get: |s| s.ready.as_ref()?.notify_fd.map(|fd| Out::Int(fd.into())),
    },
    Key {
        key: "ready.sd-notify",
        option: Some("ready-sd-notify"),
        value: None,
        repeatable: false,
        help: "It says that it is ready by sd_notify(3)",
        takes: "`true` or `false`",
        default: "`false`",
        example: "true",
        set: ready!(sd_notify = boolean()),
        get: |s| s.ready.as_ref()?.sd_notify.map(Out::Bool),
    },
    Key {
        key: "ready.check",
        option: Some("ready-check"),
        value: Some("COMMAND"),
        repeatable: false,
        help: "It is ready when this command succeeds; split into words as a shell would, nothing expanded",
        takes: "list of texts, like `command`",
        default: "none",
        example: "[\"/usr/bin/pg_isready\", \"-q\"]",
        set: ready!(check = command()),
        get: |s| s.ready.as_ref()?.check.as_deref().map(Out::command),
    },
    Key {
        key: "ready.port",
        option: Some("ready-port"),
        value: Some("PORT"),
        repeatable: false,
        help: "It is ready when this local TCP port accepts a connection",
        takes: "number of a port, 1 to 65535",
        default: "none",
        example: "8000",
        set: ready!(port = integer(1..=65535)),
        get: |s| s.ready.as_ref()?.port.map(|port| Out::Int(port.into())),
    },
    Key {
        key: "ready.http",
        option: Some("ready-http"),
        value: Some("URL"),
        repeatable: false,
        help: "It is ready when this http:// URL answers with a status below 400",
        takes: "URL that begins with `http://`",
        default: "none",
        example: "\"http://127.0.0.1:8000/health\"",
        set: ready!(http = text()),
        get: |s| s.ready.as_ref()?.http.clone().map(Out::Text),
    },
    Key {
        key: "ready.timeout",
        option: Some("ready-timeout"),
        value: Some("DURATION"),
        repeatable: false,
        help: "How long it may take to become ready",
        takes: "duration",
        default: "`30s`",
        example: "\"30s\"",
        set: ready!(timeout = duration()),
        get: |s| s.ready.as_ref()?.timeout.map(Out::duration),
    },
    Key {
        key: "when.env",
        option: Some("when-env"),
        value: Some("NAME"),
        repeatable: false,
        help: "It runs only while this variable is set and not empty, and reads as stopped otherwise",
        takes: "name of an environment variable, looked at on each start",
        default: "none",
        example: "\"DASHBOARD\"",
        set: |s, i| {
            when(s).env = i.text()?;
            Ok(())
        },
        get: |s| s.when.as_ref().map(|when| Out::Text(when.env.clone())),
    },
    Key {
        key: "when.truthy",
        option: Some("when-truthy"),
        value: None,
        repeatable: false,
        help: "The variable has to be a word for true (1, true, yes, on); with false, must not be one",
        takes: "`true` or `false`",
        default: "any value that is not empty will do",
        example: "true",
        set: |s, i| {
            when(s).truthy = Some(i.boolean()?);
            Ok(())
        },
        get: |s| s.when.as_ref()?.truthy.map(Out::Bool),
    },
];
