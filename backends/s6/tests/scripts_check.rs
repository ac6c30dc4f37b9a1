//! What is refused, by the name of its field; and that what a spec does not set never is.

use std::time::Duration;

use anysvc_backend_api::{
    EnvVar, ErrorKind, Field, GiveUp, ReadySpec, Registration, ServiceSpec, Support, Value, defaults,
};
use anysvc_s6::scripts::{Owner, Tools, check, fields, service_directory};

fn minimal() -> ServiceSpec {
    ServiceSpec { name: "web".into(), command: vec!["/bin/true".into()], ..ServiceSpec::default() }
}

#[test]
fn what_s6_can_not_do_is_refused_by_name() {
    use ErrorKind::{InvalidSpec, Unsupported};
    type Change = fn(&mut ServiceSpec);
    let cases: [(&str, ErrorKind, Change); 32] = [
        ("command", InvalidSpec, |s| s.command.clear()),
        ("command", InvalidSpec, |s| s.command = vec!["".into()]),
        ("command", InvalidSpec, |s| s.command.push("a\0b".into())),
        ("command", Unsupported, |s| s.command = vec!["-x".into()]),
        ("env", InvalidSpec, |s| s.env = vec![EnvVar { name: "A B".into(), value: "".into() }]),
        ("env", InvalidSpec, |s| s.env = vec![EnvVar { name: "A".into(), value: "\0".into() }]),
        ("env", Unsupported, |s| s.env = vec![EnvVar { name: "A".repeat(256), value: "".into() }]),
        ("when.env", InvalidSpec, |s| {
            s.when = Some(anysvc_backend_api::Condition { env: "a b".into(), truthy: None });
        }),
        ("user", Unsupported, |s| s.user = Some("a b".into())),
        ("user", Unsupported, |s| s.user = Some("$(id)".into())),
        ("user", Unsupported, |s| s.user = Some("-x".into())),
        ("user", Unsupported, |s| s.user = Some("1000".into())),
        ("group", Unsupported, |s| s.group = Some("a:b".into())),
        ("directory", InvalidSpec, |s| s.directory = Some("srv".into())),
        ("directory", InvalidSpec, |s| s.directory = Some("/srv/${".into())),
        ("env-file", InvalidSpec, |s| s.env_file = Some("./x".into())),
        ("log.directory", InvalidSpec, |s| s.log.directory = Some("${A-b}".into())),
        ("restart.delay", Unsupported, |s| s.restart.delay = Some(Duration::from_millis(999))),
        ("restart.never-on", InvalidSpec, |s| s.restart.never_on = Some(vec![256])),
        ("restart.always-on", InvalidSpec, |s| s.restart.always_on = Some(vec![-1])),
        ("restart.give-up.after", InvalidSpec, |s| s.restart.give_up = give_up(0, 60)),
        ("restart.give-up.after", Unsupported, |s| s.restart.give_up = give_up(4097, 6000)),
        ("restart.give-up.within", Unsupported, |s| s.restart.give_up = give_up(1, 0)),
        ("restart.give-up", InvalidSpec, |s| s.restart.give_up = give_up(5, 3)),
        ("stop.timeout", Unsupported, |s| s.stop.timeout = Some(Duration::from_secs(5_000_000))),
        ("transient", Unsupported, |s| s.transient = Some(true)),
        ("ready.sd-notify", Unsupported, |s| {
            s.ready = Some(ReadySpec { sd_notify: Some(true), ..ReadySpec::default() });
        }),
        ("ready.notify-fd", Unsupported, |s| {
            s.ready = Some(ReadySpec { notify_fd: Some(2), ..ReadySpec::default() });
        }),
        ("log.size", Unsupported, |s| s.log.size = Some(4095)),
        ("log.size", Unsupported, |s| s.log.size = Some(268_435_456)),
        ("umask", InvalidSpec, |s| s.umask = Some(0o1000)),
        ("native.s6", Unsupported, |s| s.native = Value::Map(vec![("x".into(), Value::Bool(true))])),
    ];
    for (field, kind, change) in cases {
        let mut spec = minimal();
        change(&mut spec);
        let error = check(&spec).expect_err(field);
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.message.starts_with(&format!("{field}: ")), "{field}: {error:?}");
    }
}

fn give_up(after: u32, within: u64) -> Option<GiveUp> {
    Some(GiveUp { after, within: Duration::from_secs(within) })
}

#[test]
fn defaults_are_never_refused() {
    assert_eq!(check(&minimal()), Ok(()));
    let mut spec = minimal();
    spec.restart.delay = Some(defaults::RESTART_DELAY);
    spec.restart.give_up = give_up(5, 4);
    spec.log.size = Some(defaults::LOG_SIZE);
    spec.stop.timeout = Some(Duration::ZERO);
    assert_eq!(check(&spec), Ok(()));
}

#[test]
fn what_the_table_refuses_check_refuses() {
    let description = fields(anysvc_backend_api::Description::new("s6", "", ""));
    let refused: Vec<Field> =
        Field::ALL.iter().copied().filter(|f| description.support(*f) == Support::Refused).collect();
    assert_eq!(refused, [Field::ReadySdNotify, Field::Transient, Field::Unknown]);
}

#[test]
fn only_root_names_another_account() {
    let owner = |uid| Owner { uid, gid: uid, groups: vec![], name: Some("app".into()), home: None };
    let tools = Tools { dir: "/command".into(), version: None };
    let render = |uid, user: Option<&str>, group: Option<&str>| {
        let mut spec = minimal();
        (spec.user, spec.group) = (user.map(Into::into), group.map(Into::into));
        let registration = Registration { log_directory: "/x".into(), ..Registration::new(spec) };
        service_directory(&registration, &owner(uid), &tools).map(|_| ()).map_err(|error| error.kind)
    };
    for (user, group) in
        [(None, None), (Some("app"), None), (None, Some("10000")), (Some("app"), Some("10000"))]
    {
        assert_eq!(render(10_000, user, group), Ok(()), "{user:?} {group:?}");
    }
    for (user, group) in [(Some("root"), None), (Some("other"), None), (None, Some("adm")), (None, Some("0"))]
    {
        assert_eq!(render(10_000, user, group), Err(ErrorKind::PermissionDenied), "{user:?} {group:?}");
        assert_eq!(render(0, user, group), Ok(()));
    }
}
