//! Whatever a bag holds: it is read, and then crosses again as it is, or it is refused for a reason that
//! names the attribute.

use std::fmt::Debug;

use abi_stable::std_types::{RStr, RVec};
use anysvc_fuzz::{Result, Unstructured, check};

use super::{Refusal, WireStruct};
use crate::{
    abi::{AbiValue, Attr, Bag, Entry},
    *,
};

/// Names of attributes from all over the API, some that are in none of its structures, and none.
const KEYS: [&str; 24] = [
    "name",
    "spec",
    "restart",
    "stop",
    "ready",
    "env",
    "command",
    "limits",
    "native",
    "policy",
    "delay",
    "pid",
    "state",
    "since",
    "last_exit",
    "kind",
    "message",
    "user",
    "facts",
    "scope",
    "records",
    "fields",
    "newer",
    "",
];

type Choices<'a, 'b> = &'a mut Unstructured<'b>;

/// One structure of each kind, with what nests deepest in it.
fn samples() -> Vec<Bag> {
    let spec = ServiceSpec {
        name: "web".into(),
        command: vec!["/bin/x".into(), Bytes(vec![0xff])],
        env: vec![EnvVar { name: "A".into(), value: "b".into() }],
        limits: vec![Limit { kind: LimitKind::Core, value: None }],
        restart: RestartSpec { policy: Some(RestartPolicy::Always), ..Default::default() },
        when: Some(Condition { env: "D".into(), truthy: Some(true) }),
        native: Value::Map(vec![("a".into(), Value::List(vec![Value::Float(1.5), Value::Null]))]),
        ..Default::default()
    };
    let mut status = Status::new("web", State::Running);
    status.since = Some(std::time::SystemTime::UNIX_EPOCH);
    status.last_exit = Some(Exit { code: Some(1), signal: None, at: None });
    let record = LogRecord { service: "web".into(), time: None, line: "x".into() };
    let file = RenderedFile { path: "/x".into(), mode: 0o600, content: "x".into(), secret: true };
    vec![
        Registration::new(spec).into_bag(),
        status.into_bag(),
        Context::for_tests().into_bag(),
        Error::timed_out("late").with_service("web").into_bag(),
        Description::new("a", "b", "c")
            .can(Capability::Logs)
            .supports(Support::Native, &[Field::Env])
            .into_bag(),
        LogChunk { records: vec![record], end: true }.into_bag(),
        BootFiles {
            form: "x".into(),
            files: vec![file.clone()],
            advice: vec!["y".into()],
            settings: Value::Map(vec![("k".into(), "v".into())]),
        }
        .into_bag(),
        Rendering { files: vec![file], calls: vec!["x".into()] }.into_bag(),
        WaitRequest { name: "web".into(), goal: Goal::Left, pid: Some(7) }.into_bag(),
        LogQuery::tail("web", 3).into_bag(),
    ]
}

fn value(choices: Choices<'_, '_>, depth: usize) -> Result<AbiValue> {
    let some = |choices: Choices<'_, '_>| choices.choose_index(4);
    Ok(match choices.choose_index(if depth == 0 { 6 } else { 9 })? {
        0 => AbiValue::Null,
        1 => AbiValue::Bool(choices.arbitrary()?),
        2 => AbiValue::Int(*choices.choose(&[0, 1, 2, 15, -1, i64::MAX, i64::MIN, 1 << 31, 1 << 32])?),
        3 => AbiValue::Float(choices.arbitrary()?),
        4 => AbiValue::Text((*choices.choose(&["KILL", "", "web", "RTMIN+3", "\0", "ä"])?).into()),
        5 => AbiValue::Bytes((*choices.choose(&[&b"\xff"[..], b"", b"KILL"])?).into()),
        6 => AbiValue::List((0..some(choices)?).map(|_| value(choices, depth - 1)).collect::<Result<_>>()?),
        7 => {
            let entry = |choices: Choices<'_, '_>| {
                Ok(Entry { key: (*choices.choose(&KEYS)?).into(), value: value(choices, depth - 1)? })
            };
            AbiValue::Map((0..some(choices)?).map(|_| entry(choices)).collect::<Result<_>>()?)
        }
        _ => AbiValue::Bag(Bag {
            attrs: (0..some(choices)?).map(|_| attr(choices, depth - 1)).collect::<Result<_>>()?,
        }),
    })
}

fn attr(choices: Choices<'_, '_>, depth: usize) -> Result<Attr> {
    Ok(Attr {
        key: (*choices.choose(&KEYS)?).into(),
        must: choices.arbitrary()?,
        value: value(choices, depth)?,
    })
}

/// Spoils one attribute, of the bag or of one that is in it.
fn spoil(bag: &mut Bag, choices: Choices<'_, '_>) -> Result<()> {
    if bag.attrs.is_empty() {
        bag.attrs.push(attr(choices, 3)?);
        return Ok(());
    }
    let at = choices.choose_index(bag.attrs.len())?;
    if let Some(inner) = inner(&mut bag.attrs[at].value)
        && choices.ratio(3, 4)?
    {
        return spoil(inner, choices);
    }
    match choices.choose_index(5)? {
        0 => drop(bag.attrs.remove(at)),
        1 => bag.attrs[at].key = (*choices.choose(&KEYS)?).into(),
        2 => bag.attrs[at].must ^= true,
        3 => bag.attrs.push(attr(choices, 3)?),
        _ => bag.attrs[at].value = value(choices, 3)?,
    }
    Ok(())
}

/// A bag in a value, also as the first of a list.
fn inner(value: &mut AbiValue) -> Option<&mut Bag> {
    match value {
        AbiValue::Bag(bag) => Some(bag),
        AbiValue::List(items) => inner(items.first_mut()?),
        _ => None,
    }
}

/// What holds for every structure and every bag.
fn holds<T: WireStruct + Clone + Debug>(bag: &Bag) {
    // By their texts: one that holds no number is unlike itself.
    let read = |bag: &Bag| T::from_bag(bag.clone()).map(|it| (format!("{it:?}"), it));
    let with = |must| {
        let mut more: RVec<Attr> = bag.attrs.clone();
        more.push(Attr { key: RStr::from_str("of a later version"), must, value: AbiValue::Null });
        Bag { attrs: more }
    };
    let outcome = read(bag);
    let text = outcome.as_ref().map(|(text, _)| text);
    assert_eq!(read(&with(false)).as_ref().map(|(text, _)| text), text, "news can be ignored");
    match &outcome {
        Ok((text, it)) => {
            let again = read(&it.clone().into_bag()).map(|(text, _)| text);
            assert_eq!(again.as_ref(), Ok(text), "what was read crosses again");
            assert_eq!(
                read(&with(true)).err(),
                Some(Refusal::Unknown("of a later version".to_owned())),
                "nothing that must be understood is dropped"
            );
        }
        Err(refusal) => {
            let (Refusal::Unknown(_) | Refusal::Missing(_) | Refusal::Malformed(_)) = refusal;
            let known =
                |key: &str| bag.attrs.iter().any(|attr| key.split('.').next() == Some(attr.key.as_str()));
            match refusal {
                Refusal::Unknown(key) => assert!(known(key), "{refusal:?}"),
                Refusal::Missing(key) | Refusal::Malformed(key) => assert!(!key.is_empty(), "{refusal:?}"),
            }
        }
    }
}

#[test]
fn bags() {
    let samples = samples();
    check(|choices| {
        let mut bag = choices.choose(&samples)?.clone();
        for _ in 0..=choices.choose_index(3)? {
            spoil(&mut bag, choices)?;
        }
        holds::<Registration>(&bag);
        holds::<ServiceSpec>(&bag);
        holds::<Status>(&bag);
        holds::<Context>(&bag);
        holds::<Error>(&bag);
        holds::<Description>(&bag);
        holds::<LogChunk>(&bag);
        holds::<Rendering>(&bag);
        holds::<BootFiles>(&bag);
        holds::<WaitRequest>(&bag);
        holds::<SignalRequest>(&bag);
        holds::<LogQuery>(&bag);
        holds::<ListQuery>(&bag);
        holds::<Probe>(&bag);
        Ok(())
    });
}
