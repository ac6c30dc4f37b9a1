//! A plugin that panics, wherever it is called: an error for that item or call, with the panic's message,
//! and everything else goes on. Through a really loaded library, which has its own panic machinery.

#[path = "../plugins/support.rs"]
mod support;

use std::sync::Mutex;

use anysvc::{environment::Caller, loader};
use anysvc_backend_api::{
    Context, Deadline, Error, ErrorKind, Goal, ListQuery, LogQuery, Registration, Result, ServiceSpec,
    SignalRequest, Target, Value, WaitRequest, remote::Remote,
};
use support::{Installed, library};

/// What the plugin logged, by way of the host's log.
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collect;

impl log::Log for Collect {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        LOGGED.lock().expect("nobody panics here").push(line);
    }
    fn flush(&self) {}
}

fn open(trips: &[&str]) -> Result<Remote> {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Collect).expect("the first logger");
        log::set_max_level(log::LevelFilter::Info);
    });
    let installed = Installed::new(&library("unruly"));
    let loaded = installed.load(Caller::plain(0, 0)).expect("it can be loaded");
    let settings = trips.iter().map(|place| ((*place).to_owned(), Value::Bool(true))).collect();
    let context = Context { settings: Value::Map(settings), ..Context::for_tests() };
    Remote::open(loaded.module, loader::host_fns(), context)
}

#[track_caller]
fn panicked(error: &Error, message: &str) {
    assert_eq!(error.kind, ErrorKind::Panicked, "{error}");
    assert!(error.message.contains(message), "{error}");
}

#[track_caller]
fn only_the_bad_one<R: std::fmt::Debug>(verb: &str, answers: Vec<Result<R>>) {
    let [first, bad, last] = answers.try_into().unwrap_or_else(|_| panic!("{verb}: not three answers"));
    assert!(first.is_ok() && last.is_ok(), "{verb}: {first:?}, {last:?}");
    let error = bad.expect_err(verb);
    panicked(&error, "over bad");
    assert_eq!(error.service.as_deref(), Some("bad"), "{verb}");
}

#[test]
fn over_one_service_of_many() {
    let backend = open(&[]).expect("it opens");
    let names = ["a", "bad", "c"];
    let spec =
        |name: &str| ServiceSpec { name: name.into(), command: vec!["x".into()], ..Default::default() };
    let targets = || names.map(Target::new).to_vec();
    let registrations = || names.map(|name| Registration::new(spec(name))).to_vec();
    let by = Deadline::NONE;
    only_the_bad_one("check", backend.check(names.map(spec).to_vec(), by));
    only_the_bad_one("register", backend.register(registrations(), by));
    only_the_bad_one("unregister", backend.unregister(targets(), by));
    only_the_bad_one("start", backend.start(targets(), by));
    only_the_bad_one("stop", backend.stop(targets(), by));
    only_the_bad_one("restart", backend.restart(targets(), by));
    only_the_bad_one("status", backend.status(targets(), by));
    only_the_bad_one("render", backend.render(registrations(), by));
    let signal = |name: &str| SignalRequest { name: name.into(), signal: "TERM".parse().expect("a signal") };
    only_the_bad_one("signal", backend.signal(names.map(signal).to_vec(), by));
    let wait = |name: &str| WaitRequest { name: name.into(), goal: Goal::Up, pid: None };
    only_the_bad_one("wait", backend.wait(names.map(wait).to_vec(), by));
}

#[test]
fn in_calls_that_are_about_no_service() {
    panicked(&open(&["open"]).map(drop).expect_err("a panic"), "told to panic in open");
    let backend = open(&["probe", "list", "logs"]).expect("it opens");
    panicked(&backend.probe(Deadline::NONE).expect_err("a panic"), "in probe");
    panicked(&backend.list(ListQuery::default(), Deadline::NONE).expect_err("a panic"), "in list");
    panicked(&backend.logs(LogQuery::default()).map(drop).expect_err("a panic"), "in logs");
    let backend = open(&["next"]).expect("it opens");
    let mut stream = backend.logs(LogQuery::default()).expect("a stream");
    panicked(&stream.next(Deadline::NONE).expect_err("a panic"), "in next");
    panicked(&stream.next(Deadline::NONE).expect_err("a second panic"), "in next");
}

#[test]
fn records_and_panics_come_out_in_the_hosts_log() {
    open(&["probe"]).expect("it opens").probe(Deadline::NONE).expect_err("a panic");
    let logged = LOGGED.lock().expect("nobody panics here");
    assert!(logged.iter().any(|line| line == "INFO anysvc_test_unruly opened by 10000"), "{logged:?}");
    let panic = |line: &String| line.starts_with("ERROR panic ") && line.contains("told to panic in probe");
    assert!(logged.iter().any(panic), "{logged:?}");
}
