//! A backend behind the ABI, in one process: what a host sees of good answers, bad ones, panics, and of a
//! side that is newer or older.

use std::sync::atomic::{AtomicBool, Ordering};

use abi_stable::std_types::{RStr, RVec};
use anysvc_backend_api::{
    abi::{AbiValue, Attr, Bag, HostFns, VerbCode},
    export::module,
    remote::{Remote, describe},
    wire::WireStruct,
    *,
};

/// Panics over the service `bad`, everywhere; answers for the others.
struct Moody(AtomicBool);

fn moody<R>(name: &str, good: R) -> Result<R> {
    assert_ne!(name, "bad", "no mood for this one");
    Ok(good)
}

impl Backend for Moody {
    fn describe() -> Description {
        Description::new("moody", "panics at times", "1").can(Capability::Logs)
    }
    fn open(context: Context) -> Result<Self> {
        assert!(context.settings == Value::Null, "open panicked");
        Ok(Moody(AtomicBool::new(false)))
    }
    fn probe(&self, _: Deadline) -> Result<Probe> {
        panic!("probe panicked")
    }
    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>> {
        batch.each(|r| moody(&r.spec.name, Done::default()))
    }
    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>> {
        batch.each(|t| moody(&t.name, Done::default()))
    }
    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.each(|t| moody(&t.name, ()))
    }
    fn stop(&self, _: &Batch<Target>) -> Vec<Result<()>> {
        panic!("outside of any item")
    }
    fn restart(&self, _: &Batch<Target>) -> Vec<Result<()>> {
        Vec::new()
    }
    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        let running = self.0.swap(true, Ordering::Relaxed);
        batch.each(|t| {
            let state = if running { State::Running } else { State::Starting };
            let mut status = moody(&t.name, Status::new(&t.name, state))?;
            status.native = Value::Map(vec![("deep".into(), Value::List(vec![1.into(), "x".into()]))]);
            Ok(status)
        })
    }
    fn list(&self, _: &ListQuery, _: Deadline) -> Result<Vec<Status>> {
        panic!("list panicked")
    }
    fn logs(&self, _: &LogQuery) -> Result<Box<dyn LogStream>> {
        Ok(Box::new(Nothing))
    }
}

struct Nothing;

impl LogStream for Nothing {
    fn next(&mut self, _: Deadline) -> Result<LogChunk> {
        panic!("next panicked")
    }
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| panic!("cancel panicked"))
    }
}

fn open() -> Remote {
    Remote::open(module::<Moody>(), HostFns::silent(), Context::for_tests()).unwrap()
}

fn targets(names: &[&str]) -> Vec<Target> {
    names.iter().copied().map(Target::new).collect()
}

#[test]
fn a_panic_is_an_error_of_its_item_and_the_others_are_fine() {
    let remote = open();
    let mut specs = Vec::new();
    for name in ["a", "bad", "c"] {
        specs.push(Registration::new(ServiceSpec { name: name.into(), ..Default::default() }));
    }
    for answers in [
        remote.register(specs, Deadline::NONE),
        remote.unregister(targets(&["a", "bad", "c"]), Deadline::NONE),
        Done::plainly(remote.start(targets(&["a", "bad", "c"]), Deadline::NONE)),
    ] {
        assert_eq!((&answers[0], &answers[2]), (&Ok(Done::default()), &Ok(Done::default())));
        let error = answers[1].clone().unwrap_err();
        assert_eq!((error.kind, error.service.as_deref()), (ErrorKind::Panicked, Some("bad")));
        assert!(error.message.contains("no mood for this one"), "{}", error.message);
    }
}

#[test]
fn a_panic_outside_of_any_item_is_told_to_all() {
    let remote = open();
    for answer in remote.stop(targets(&["a", "b"]), Deadline::NONE) {
        assert_eq!(answer.unwrap_err().kind, ErrorKind::Panicked);
    }
    assert_eq!(remote.probe(Deadline::NONE).unwrap_err().kind, ErrorKind::Panicked);
    assert_eq!(remote.list(ListQuery::default(), Deadline::NONE).unwrap_err().kind, ErrorKind::Panicked);
    let mut stream = remote.logs(LogQuery::default()).unwrap();
    assert_eq!(stream.next(Deadline::NONE).unwrap_err().kind, ErrorKind::Panicked);
    stream.canceller().cancel();
    let context = Context { settings: Value::Map(Vec::new()), ..Context::for_tests() };
    let error = Remote::open(module::<Moody>(), HostFns::silent(), context).err().unwrap();
    assert!(error.message.contains("open panicked"), "{}", error.message);
}

#[test]
fn too_few_answers_are_an_error_for_those_without_one() {
    let error = open().restart(targets(&["a"]), Deadline::NONE).remove(0).unwrap_err();
    assert_eq!((error.kind, error.service.as_deref()), (ErrorKind::Plugin, Some("a")));
}

#[test]
fn waiting_without_a_watch_asks_again() {
    let request = WaitRequest { name: "a".into(), goal: Goal::Up, pid: None };
    let status = open().wait(vec![request], Deadline::NONE).remove(0).unwrap();
    assert_eq!(status.state, State::Running);
    assert_eq!(status.native.get("deep"), Some(&Value::List(vec![1.into(), "x".into()])));
}

#[test]
fn an_operation_of_a_newer_host_is_unsupported() {
    let context = Context::for_tests().into_bag();
    let module = module::<Moody>();
    let handle = module.open()(HostFns::silent(), context).unwrap();
    let items = RVec::from(vec![Target::new("a").into_bag()]);
    // SAFETY: the handle is this module's, and open.
    let mut answers = unsafe { module.call()(handle, VerbCode(4711), items, u64::MAX) };
    let error = Error::from_bag(answers.remove(0).unwrap_err()).unwrap();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    // SAFETY: as above; it is not used any more.
    unsafe { module.close()(handle) };
}

#[test]
fn what_must_be_understood_is_refused_by_name_and_the_rest_is_ignored() {
    let news = |must| Attr { key: RStr::from_str("colour"), must, value: AbiValue::Bool(true) };
    let mut bag = ServiceSpec { name: "a".into(), ..Default::default() }.into_bag();
    bag.attrs.push(news(false));
    assert_eq!(ServiceSpec::from_bag(bag.clone()).unwrap().name, "a");
    bag.attrs.push(news(true));
    let error = Error::from(ServiceSpec::from_bag(bag).unwrap_err());
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("`colour`"), "{}", error.message);
}

#[test]
fn codes_of_a_newer_side_read_as_unknown_where_there_is_such_a_thing() {
    let mut bag = Status::new("a", State::Running).into_bag();
    bag.attrs.iter_mut().find(|a| a.key.as_str() == "state").unwrap().value = AbiValue::Int(99);
    assert_eq!(Status::from_bag(bag).unwrap().state, State::Unknown);
    assert!(Status::from_bag(Bag::default()).is_err(), "a status without a name");
}

#[test]
fn a_backend_says_what_it_is_without_being_opened() {
    let description = describe(module::<Moody>(), HostFns::silent()).unwrap();
    assert_eq!(description.id, "moody");
    assert!(description.has(Capability::Logs) && !description.has(Capability::Signal));
    assert_eq!(description.support(Field::Env), Support::Refused);
}
