//! The keys of a service's life: order, boot, restarting, stopping.

use anysvc_backend_api::{Boot, RestartPolicy};

use super::{Key, Out, set};

const BOOT: &[(&str, Boot)] = &[("restore", Boot::Restore), ("up", Boot::Up), ("down", Boot::Down)];
const POLICY: &[(&str, RestartPolicy)] = &[
    ("never", RestartPolicy::Never),
    ("on-failure", RestartPolicy::OnFailure),
    ("always", RestartPolicy::Always),
];

fn codes(codes: &[i32]) -> Out {
    Out::List(codes.iter().map(|code| Out::Int((*code).into())).collect())
}

pub(super) static KEYS: &[Key] = &[
    Key {
        key: "after",
        option: Some("after"),
        value: Some("NAME"),
        repeatable: true,
        help: "A service that is started before this one where both are",
        takes: "list of names",
        default: "none",
        example: "[\"db\"]",
        set: |s, i| {
            s.after = i.names()?;
            Ok(())
        },
        get: |s| Out::names(&s.after),
    },
    Key {
        key: "requires",
        option: Some("requires"),
        value: Some("NAME"),
        repeatable: true,
        help: "A service that has to be started before this one",
        takes: "list of names",
        default: "none",
        example: "[\"db\"]",
        set: |s, i| {
            s.requires = i.names()?;
            Ok(())
        },
        get: |s| Out::names(&s.requires),
    },
    Key {
        key: "boot",
        option: Some("boot"),
        value: Some("WHAT"),
        repeatable: false,
        help: "What happens at boot: restore (as the operator left it), up or down",
        takes: "`restore`, `up` or `down`",
        default: "`restore`",
        example: "\"restore\"",
        set: set!(boot = choice(BOOT)),
        get: |s| s.boot.map(|boot| Out::Text(boot.as_str().to_owned())),
    },
    Key {
        key: "transient",
        option: Some("transient"),
        value: None,
        repeatable: false,
        help: "It is gone at the next boot, and nothing brings it back",
        takes: "`true` or `false`",
        default: "`false`",
        example: "true",
        set: set!(transient = boolean()),
        get: |s| s.transient.map(Out::Bool),
    },
    Key {
        key: "restart.policy",
        option: Some("restart"),
        value: Some("POLICY"),
        repeatable: false,
        help: "When it is started again: never, on-failure or always",
        takes: "`never`, `on-failure` or `always`",
        default: "`on-failure`",
        example: "\"on-failure\"",
        set: set!(restart.policy = choice(POLICY)),
        get: |s| s.restart.policy.map(|policy| Out::Text(policy.as_str().to_owned())),
    },
    Key {
        key: "restart.delay",
        option: Some("restart-delay"),
        value: Some("DURATION"),
        repeatable: false,
        help: "How long after the end of the process it is started again",
        takes: "duration",
        default: "`1s`",
        example: "\"1s\"",
        set: set!(restart.delay = duration()),
        get: |s| s.restart.delay.map(Out::duration),
    },
    Key {
        key: "restart.give-up",
        option: Some("give-up"),
        value: Some("COUNT/DURATION"),
        repeatable: false,
        help: "Stop restarting at the COUNTth failure within DURATION",
        takes: "table of `after` (the failure that is the last) and `within` (a duration)",
        default: "never",
        example: "{ after = 5, within = \"60s\" }",
        set: set!(restart.give_up = give_up()),
        get: |s| {
            s.restart.give_up.as_ref().map(|rule| {
                Out::Inline(vec![
                    ("after".to_owned(), Out::Int(rule.after.into())),
                    ("within".to_owned(), Out::duration(rule.within)),
                ])
            })
        },
    },
    Key {
        key: "restart.never-on",
        option: Some("never-on"),
        value: Some("CODES"),
        repeatable: false,
        help: "Exit codes that mean: do not restart; separated by commas, or `none`",
        takes: "list of exit codes, 0 to 255",
        default: "`[78]`",
        example: "[78]",
        set: set!(restart.never_on = codes()),
        get: |s| s.restart.never_on.as_deref().map(codes),
    },
    Key {
        key: "restart.always-on",
        option: Some("always-on"),
        value: Some("CODES"),
        repeatable: false,
        help: "Exit codes that mean a planned restart, which is not counted; separated by commas, or `none`",
        takes: "list of exit codes, 0 to 255",
        default: "`[75]`",
        example: "[75]",
        set: set!(restart.always_on = codes()),
        get: |s| s.restart.always_on.as_deref().map(codes),
    },
    Key {
        key: "stop.signal",
        option: Some("stop-signal"),
        value: Some("SIGNAL"),
        repeatable: false,
        help: "The signal that asks its main process to stop",
        takes: "name or number of a signal",
        default: "`TERM`",
        example: "\"TERM\"",
        set: set!(stop.signal = signal()),
        get: |s| s.stop.signal.map(|signal| Out::Text(signal.name())),
    },
    Key {
        key: "stop.timeout",
        option: Some("stop-timeout"),
        value: Some("DURATION"),
        repeatable: false,
        help: "How long it may take to stop; then its whole group is killed",
        takes: "duration",
        default: "`10s`",
        example: "\"10s\"",
        set: set!(stop.timeout = duration()),
        get: |s| s.stop.timeout.map(Out::duration),
    },
];
