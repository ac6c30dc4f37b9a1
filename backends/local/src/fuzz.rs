//! Whatever arrives on the socket or lies in a record: it is read, and written again the same, or refused.

use anysvc_backend_api::{
    Bytes, EnvVar, Error, ErrorKind, Registration, ServiceSpec, State, Status, Target, Value, abi::AbiValue,
    wire::WireStruct,
};
use anysvc_fuzz::{Corpus, fuzz};

use crate::{
    codec,
    protocol::{Ask, GREETING, Greeting, Reply, Request, Verdict, WELCOME, Welcome},
    records::{Kept, Session},
};

fn registration() -> Registration {
    Registration::new(ServiceSpec {
        name: "web".into(),
        command: vec![Bytes(vec![0xff, b'a'])],
        env: vec![EnvVar { name: "A".into(), value: "b".into() }],
        native: Value::Map(vec![("k".into(), Value::List(vec![Value::Float(0.5), Value::Null]))]),
        ..ServiceSpec::default()
    })
}

/// A value of every kind, and every message.
fn corpus() -> Corpus {
    let status = Status::new("web", State::Running);
    let kept = Kept { up: true, status: Some(status.clone()) };
    let request = Request { ask: Some(Ask::Verb(3)), items: vec![Target::new("web").into_bag()], time: None };
    let reply = Reply { answers: Ok(vec![Ok(status.into_bag()), Err(Error::not_registered("x"))]) };
    let session = Session { boot: "b".into(), left: true, environment: Vec::new() };
    Corpus::of("message")
        .with(codec::to_bytes(registration()))
        .with(codec::to_bytes(request))
        .with(codec::to_bytes(reply))
        .with(codec::to_bytes(kept))
        .with(codec::to_bytes(session))
}

/// How deep a value is nested.
fn depth(value: &AbiValue) -> usize {
    let below: Vec<&AbiValue> = match value {
        AbiValue::List(items) => items.iter().collect(),
        AbiValue::Map(entries) => entries.iter().map(|entry| &entry.value).collect(),
        AbiValue::Bag(bag) => bag.attrs.iter().map(|attr| &attr.value).collect(),
        _ => return 0,
    };
    below.into_iter().map(|value| depth(value) + 1).max().unwrap_or(0)
}

/// What is read of a structure is written and read again the same; what is not is said to be damaged, or
/// of a newer version.
fn holds<T: WireStruct + Clone + std::fmt::Debug>(document: &[u8]) {
    match codec::from_bytes::<T>(document, "it") {
        Ok(read) => {
            let again = codec::from_bytes::<T>(&codec::to_bytes(read.clone()), "it").expect("our own bytes");
            assert_eq!(format!("{again:?}"), format!("{read:?}"));
        }
        Err(error) if error.kind == ErrorKind::Io => {
            assert!(error.message.starts_with("it is damaged: "), "{error}");
        }
        Err(error) => assert_eq!(error.kind, ErrorKind::Unsupported, "{error}"),
    }
}

#[test]
fn values_and_messages() {
    fuzz(corpus(), |document| {
        if let Ok(value) = codec::decode(document) {
            let bytes = codec::encode(&value);
            assert!(bytes.len() <= document.len(), "lengths have one shortest form");
            assert!(depth(&value) <= codec::MAX_DEPTH);
            let again = codec::decode(&bytes).expect("what was read can be read again");
            assert_eq!(codec::encode(&again), bytes);
            for cut in [bytes.len() - 1, bytes.len() / 2] {
                assert!(codec::decode(&bytes[..cut]).is_err(), "cut at {cut}");
            }
        }
        holds::<Request>(document);
        holds::<Reply>(document);
        holds::<Registration>(document);
        holds::<Kept>(document);
        holds::<Session>(document);
    });
}

#[test]
fn greetings() {
    let welcome = |verdict| Welcome::ours(verdict).to_bytes();
    let corpus = Corpus::of("greeting")
        .with(Greeting::OURS.to_bytes())
        .with(welcome(Verdict::Speak(1)))
        .with(welcome(Verdict::NotYours))
        .with(welcome(Verdict::NoCommonVersion));
    fuzz(corpus, |document| {
        if let Some(bytes) = document.first_chunk::<GREETING>()
            && let Some(greeting) = Greeting::from_bytes(*bytes)
        {
            assert_eq!(greeting.to_bytes(), *bytes);
            if let Verdict::Speak(version) = greeting.in_common() {
                assert!((greeting.oldest..=greeting.newest).contains(&version));
                assert!((Greeting::OURS.oldest..=Greeting::OURS.newest).contains(&version));
            }
        }
        if let Some(bytes) = document.first_chunk::<WELCOME>()
            && let Some(welcome) = Welcome::from_bytes(*bytes)
        {
            assert_eq!(Welcome::from_bytes(welcome.to_bytes()), Some(welcome));
        }
    });
}
