//! Everything that crosses comes back as it was; and whatever a bag holds, decoding ends in a value or a
//! refusal.

use std::time::{Duration, SystemTime};

use abi_stable::std_types::RVec;
use anysvc_backend_api::{
    abi::{AbiValue, Attr, Bag},
    wire::WireStruct,
    *,
};

/// A spec in which every field is set.
fn full() -> ServiceSpec {
    ServiceSpec {
        name: "web".into(),
        description: Some("Static files".into()),
        command: vec!["/bin/x".into(), Bytes(vec![0xff, b'\n', b' '])],
        env: vec![EnvVar { name: "A".into(), value: Bytes(vec![0xfe]) }],
        env_file: Some("/etc/${X}".into()),
        directory: Some("/srv".into()),
        user: Some("app".into()),
        group: Some("app".into()),
        umask: Some(0o27),
        limits: vec![
            Limit { kind: LimitKind::Nofile, value: Some(4096) },
            Limit { kind: LimitKind::Core, value: None },
        ],
        after: vec!["db".into()],
        requires: vec!["db".into()],
        boot: Some(Boot::Up),
        transient: Some(true),
        restart: RestartSpec {
            policy: Some(RestartPolicy::Always),
            delay: Some(Duration::from_millis(1500)),
            give_up: Some(GiveUp { after: 5, within: Duration::from_secs(60) }),
            never_on: Some(vec![]),
            always_on: Some(vec![75, 3]),
        },
        stop: StopSpec { signal: Signal::from_number(2), timeout: Some(Duration::ZERO) },
        ready: Some(ReadySpec { port: Some(8000), ..Default::default() }),
        log: LogSpec { to: Some(LogTo::None), console: Some(false), ..Default::default() },
        when: Some(Condition { env: "D".into(), truthy: Some(false) }),
        native: Value::Map(vec![("Service".into(), Value::Map(vec![("A".into(), Value::Float(1.5))]))]),
    }
}

#[test]
fn a_spec_with_everything_set_comes_back_as_it_was() {
    assert_eq!(ServiceSpec::from_bag(full().into_bag()), Ok(full()));
    let set = Field::set_by(&full());
    let unset: Vec<&str> = Field::ALL.iter().filter(|f| !set.contains(f)).map(|f| f.as_str()).collect();
    let expected = [
        "ready.notify-fd",
        "ready.sd-notify",
        "ready.check",
        "ready.http",
        "log.to=manager",
        "log.to=files",
        "log.directory",
        "log.size",
        "log.keep",
        "unknown",
    ];
    assert_eq!(unset, expected);
}

#[test]
fn an_empty_spec_sets_no_field() {
    let spec = ServiceSpec { name: "a".into(), command: vec!["a".into()], ..Default::default() };
    assert_eq!(Field::set_by(&spec), []);
    assert_eq!(ServiceSpec::from_bag(spec.clone().into_bag()), Ok(spec));
}

#[test]
fn a_status_and_an_error_come_back_as_they_were() {
    let mut status = Status::new("web", State::Backoff).made_by_us();
    status.since = Some(SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789));
    status.last_exit = Some(Exit { code: None, signal: Some("KILL".into()), at: None });
    status.ready = Some(false);
    assert_eq!(Status::from_bag(status.clone().into_bag()), Ok(status));
    let error = Error::timed_out("it took too long").with_service("web").with_code("x").with_path("/x");
    assert_eq!(Error::from_bag(error.clone().into_bag()), Ok(error));
}

/// A small generator of pseudo-random numbers (xorshift), so that a failure can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn value(&mut self, depth: u32) -> AbiValue {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => AbiValue::Null,
            1 => AbiValue::Bool(self.below(2) == 0),
            2 => AbiValue::Int([0, 1, -1, i64::MAX, i64::MIN, 99][self.below(6) as usize]),
            3 => AbiValue::Float(f64::NAN),
            4 => AbiValue::Text("KILL".into()),
            5 => AbiValue::Bytes(vec![0xff; self.below(3) as usize].into()),
            6 => AbiValue::List((0..self.below(4)).map(|_| self.value(depth - 1)).collect()),
            _ => AbiValue::Bag(Bag::default()),
        }
    }
}

#[test]
fn hostile_bags_are_values_or_refusals() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut attrs: RVec<Attr> = full().into_bag().attrs;
        for _ in 0..=random.below(2) {
            let at = random.below(attrs.len() as u64) as usize;
            match random.below(3) {
                0 => drop(attrs.remove(at)),
                1 => attrs[at].key = ["name", "restart", "else"][random.below(3) as usize].into(),
                _ => attrs[at].value = random.value(3),
            }
        }
        match ServiceSpec::from_bag(Bag { attrs: attrs.clone() }) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
        let _ = Status::from_bag(Bag { attrs: attrs.clone() });
        let _ = Context::from_bag(Bag { attrs });
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}

#[test]
fn times_before_1970_cross_as_they_are() {
    let mut status = Status::new("web", State::Running);
    for since in [SystemTime::UNIX_EPOCH - Duration::from_nanos(1), SystemTime::UNIX_EPOCH] {
        status.since = Some(since);
        assert_eq!(Status::from_bag(status.clone().into_bag()), Ok(status.clone()));
    }
}

/// A spec whose attribute of that path has another value.
fn changed(path: [&str; 2], value: AbiValue) -> Bag {
    let mut bag = full().into_bag();
    let outer = bag.attrs.iter_mut().find(|attr| attr.key == path[0]).unwrap();
    let AbiValue::Bag(inner) = &mut outer.value else { panic!("{} is no structure", path[0]) };
    inner.attrs.iter_mut().find(|attr| attr.key == path[1]).unwrap().value = value;
    bag
}

#[test]
fn a_choice_of_a_newer_version_is_unsupported_and_nonsense_is_not() {
    let refused =
        |value| Error::from(ServiceSpec::from_bag(changed(["restart", "policy"], value)).unwrap_err());
    let newer = refused(AbiValue::Int(99));
    assert_eq!(newer.kind, ErrorKind::Unsupported);
    assert!(newer.message.contains("`restart.policy`"), "{}", newer.message);
    assert_eq!(refused(AbiValue::Bool(true)).kind, ErrorKind::Plugin);
    let mut bag = WaitRequest { name: "a".into(), goal: Goal::Up, pid: None }.into_bag();
    bag.attrs.iter_mut().find(|attr| attr.key == "goal").unwrap().value = AbiValue::Int(99);
    let error = Error::from(WaitRequest::from_bag(bag).unwrap_err());
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("`goal`"), "{}", error.message);
}

#[test]
fn a_newer_way_to_support_a_field_does_not_hide_the_backend() {
    let mut bag = Description::new("a", "b", "c").supports(Support::Native, &[Field::Env]).into_bag();
    let fields = bag.attrs.iter_mut().find(|attr| attr.key == "fields").unwrap();
    let AbiValue::List(list) = &mut fields.value else { panic!("a list") };
    let AbiValue::Bag(field) = &mut list[0] else { panic!("a structure") };
    field.attrs.iter_mut().find(|attr| attr.key == "support").unwrap().value = AbiValue::Int(99);
    assert_eq!(Description::from_bag(bag).unwrap().support(Field::Env), Support::Refused);
}
