//! Everything that the API can say comes back as it was; nothing that arrives makes it panic.

use anysvc_backend_api::{
    Bytes, Condition, EnvVar, Error, ErrorKind, Limit, LimitKind, Registration, ServiceSpec, State, Status,
    Value,
};

use super::*;

fn registration() -> Registration {
    Registration::new(ServiceSpec {
        name: "web".into(),
        command: vec![Bytes(vec![0xff, b'a', b'\n']), "--x=ä".into()],
        env: vec![EnvVar { name: "A".into(), value: Bytes((1..=255).collect()) }],
        limits: vec![Limit { kind: LimitKind::Nofile, value: None }],
        when: Some(Condition { env: "E".into(), truthy: Some(true) }),
        native: Value::Map(vec![("k".into(), Value::List(vec![Value::Float(0.5), Value::Null]))]),
        ..ServiceSpec::default()
    })
}

#[test]
fn structures_come_back_as_they_were() {
    let there = to_bytes(registration());
    assert_eq!(from_bytes::<Registration>(&there, "it"), Ok(registration()));
    let status = Status::new("ä b", State::Backoff).made_by_us();
    assert_eq!(from_bytes(&to_bytes(status.clone()), "it"), Ok(status));
    let error = Error::new(ErrorKind::Died, "x".repeat(100_000)).with_hint("try");
    assert_eq!(from_bytes(&to_bytes(error.clone()), "it"), Ok(error));
}

#[test]
fn a_value_that_is_cut_or_changed_never_panics() {
    let whole = to_bytes(registration());
    for cut in 0..whole.len() {
        assert!(from_bytes::<Registration>(&whole[..cut], "it").is_err(), "cut at {cut}");
    }
    // A fixed sequence of pseudo-random changes: the same on every run.
    let mut seed = 1u64;
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 16) as u8;
        }
        let _ = from_bytes::<Registration>(&bytes, "it");
    }
}

#[test]
fn lies_about_sizes_cost_nothing() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0x7f];
    for kind in [kind::TEXT, kind::BYTES, kind::LIST, kind::MAP, kind::BAG] {
        let mut bytes = vec![kind];
        bytes.extend(huge);
        assert_eq!(decode(&bytes), Err(Damaged::Truncated));
    }
    assert_eq!(decode(&[kind::LIST, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), Err(Damaged::Truncated));
}

#[test]
fn depth_names_and_leftovers_are_limited() {
    let nested = |depth| [[kind::LIST, 1].repeat(depth), vec![kind::NULL]].concat();
    assert!(decode(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(decode(&nested(MAX_DEPTH + 1)), Err(Damaged::Depth));
    assert_eq!(decode(&nested(1_000_000)), Err(Damaged::Depth));
    let many = [vec![kind::LIST, 0x80, 0x80, 0x80, 1], vec![kind::NULL; MOST_VALUES + 1]].concat();
    assert_eq!(decode(&many), Err(Damaged::Many));
    assert_eq!(decode(&[kind::NULL, kind::NULL]), Err(Damaged::Trailing));
    assert_eq!(decode(&[99]), Err(Damaged::Kind(99)));
    assert_eq!(decode(&[kind::TEXT, 1, 0xff]), Err(Damaged::Text));
    let long = [vec![kind::BAG, 1, 0, MAX_KEY as u8 + 1], vec![b'x'; MAX_KEY + 1], vec![kind::NULL]].concat();
    assert_eq!(decode(&long), Err(Damaged::Key));
}
