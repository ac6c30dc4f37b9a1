//! What crossing into a backend's library costs; `./x bench boundary` makes rows of it. Prints one line of
//! JSON. Each load is in a process of its own, forked from one that has loaded nothing, by the host's way
//! and by a plain dlopen in turn.
#![allow(clippy::print_stdout, reason = "a program for ./x bench")]

use std::{ffi::CString, io, io::Read as _, os::fd::FromRawFd as _, path::Path, time::Instant};

use anysvc::{
    discovery::Catalog,
    environment::{Environment, Overrides},
    loader,
};
use anysvc_backend_api::{Deadline, ListQuery, Scope, Value, remote::Remote};

/// How often a library is loaded, each way.
const LOADS: usize = 300;
/// How many records that nobody wants are written.
const RECORDS: i64 = 20_000_000;

/// `boundary BACKENDS ID LOGGING`: the folder and id of the backend to load, and the folder of `unruly`.
fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [backends, id, logging] = &args[..] else { panic!("usage: boundary BACKENDS ID LOGGING") };
    let env = looking_in(backends);
    let found = Catalog::discover_only(&env, id);
    let library = found.get(id).expect("the backend").library().expect("its library");
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..LOADS {
        plain.push(elsewhere(|| dlopen(&library)));
        ours.push(elsewhere(|| drop(load(&env, id))));
    }
    println!("{{\"plain\": {plain:?}, \"ours\": {ours:?}, \"record\": {}}}", record(&looking_in(logging)));
}

fn looking_in(folder: &str) -> Environment {
    Environment::gather(Overrides { backend_path: vec![folder.into()], ..Overrides::default() })
}

/// All that is between an id and functions that may be called.
fn load(env: &Environment, id: &str) -> loader::Loaded {
    let catalog = Catalog::discover_only(env, id);
    let examined = loader::examine(catalog.get(id).expect("the backend"), env).expect("it is fit");
    loader::load(examined).expect("it can be loaded")
}

fn dlopen(path: &Path) {
    let path = CString::new(path.as_os_str().as_encoded_bytes()).expect("a path without NUL");
    // SAFETY: a library of ours, whose constructors do no harm.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    assert!(!handle.is_null(), "dlopen failed");
}

/// The microseconds that something takes in a child.
fn elsewhere(act: impl FnOnce()) -> f64 {
    let mut ends = [0; 2];
    // SAFETY: there is room for both ends.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "{}", io::Error::last_os_error());
    // SAFETY: there is one thread, so that the child is as good as its parent.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", io::Error::last_os_error()),
        0 => {
            let start = Instant::now();
            act();
            let took = (start.elapsed().as_secs_f64() * 1e6).to_ne_bytes();
            // SAFETY: writes bytes that are there, and ends the child at once.
            unsafe {
                libc::write(ends[1], took.as_ptr().cast(), took.len());
                libc::_exit(0)
            }
        }
        child => {
            let mut took = [0; 8];
            // SAFETY: both descriptors are ours, and used nowhere else from here on.
            let mut end = unsafe {
                libc::close(ends[1]);
                std::fs::File::from_raw_fd(ends[0])
            };
            end.read_exact(&mut took).expect("the child's time");
            // SAFETY: waits for our own child.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            f64::from_ne_bytes(took)
        }
    }
}

/// The nanoseconds that a record takes which the host does not want.
fn record(env: &Environment) -> f64 {
    let loaded = load(env, "unruly");
    let settings = |records| Value::Map(vec![("records".to_owned(), Value::Int(records))]);
    let time = |records| {
        let context = env.context(Scope::System, Path::new("/"), settings(records));
        let remote = Remote::open(loaded.module, loader::host_fns(), context).expect("it opens");
        let start = Instant::now();
        remote.list(ListQuery { foreign: false }, Deadline::NONE).expect("a list");
        start.elapsed().as_secs_f64() * 1e9
    };
    (time(RECORDS) - time(0)) / RECORDS as f64
}
