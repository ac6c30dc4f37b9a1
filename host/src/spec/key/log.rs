//! The keys of a service's output.

use anysvc_backend_api::LogTo;

use super::{Key, Out, set};
use crate::spec::validate::MOST_LOGS;

const TO: &[(&str, LogTo)] = &[("manager", LogTo::Manager), ("files", LogTo::Files), ("none", LogTo::None)];

pub(super) static KEYS: &[Key] = &[
    Key {
        key: "log.to",
        option: Some("log"),
        value: Some("WHERE"),
        repeatable: false,
        help: "Where its output goes: manager, files or none",
        takes: "`manager`, `files` or `none`",
        default: "`files`; `manager` on a manager that keeps logs itself",
        example: "\"files\"",
        set: set!(log.to = choice(TO)),
        get: |s| s.log.to.map(|to| Out::Text(to.as_str().to_owned())),
    },
    Key {
        key: "log.directory",
        option: Some("log-directory"),
        value: Some("DIR"),
        repeatable: false,
        help: "The folder of its log files",
        takes: "absolute path; `${VAR}` is expanded at each start",
        default: "`logs/NAME` in the state folder",
        example: "\"/var/log/web\"",
        set: set!(log.directory = path()),
        get: |s| s.log.directory.as_deref().map(Out::path),
    },
    Key {
        key: "log.size",
        option: Some("log-size"),
        value: Some("SIZE"),
        repeatable: false,
        help: "A log file is rotated at this size",
        takes: "size: a number of bytes, or a text like `\"1MiB\"`",
        default: "`1MiB`",
        example: "\"1MiB\"",
        set: set!(log.size = size()),
        get: |s| s.log.size.map(Out::size),
    },
    Key {
        key: "log.keep",
        option: Some("log-keep"),
        value: Some("COUNT"),
        repeatable: false,
        help: "How many rotated log files are kept",
        takes: "whole number, from 0",
        default: "`10`",
        example: "10",
        set: set!(log.keep = integer(0..=MOST_LOGS.into())),
        get: |s| s.log.keep.map(|keep| Out::Int(keep.into())),
    },
    Key {
        key: "log.console",
        option: Some("log-console"),
        value: None,
        repeatable: false,
        help: "Its output goes to the console of the manager as well (a container's output)",
        takes: "`true` or `false`",
        default: "`false`",
        example: "true",
        set: set!(log.console = boolean()),
        get: |s| s.log.console.map(Out::Bool),
    },
];
