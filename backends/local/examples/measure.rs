//! What the supervisor costs: `measure [SERVICES] [SECONDS]` registers so many services that sleep, and
//! prints memory of the supervisor for each, its CPU time while nothing happens, and how long the verbs
//! take, as lines of `name value unit`. It needs `helper` beside it, and leaves nothing behind.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anysvc_backend_api::{
    Context, Deadline, Facts, LogTo, Registration, Result, Scope, ServiceSpec, Target, User, abi::HostFns,
    export::module, remote::Remote,
};
use anysvc_local::Local;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>().expect("a number"));
    let services = arguments.next().unwrap_or(1000);
    let seconds = arguments.next().unwrap_or(10);
    let state_dir = std::env::temp_dir().join(format!("anysvc-measure-{}", std::process::id()));
    let backend = open(&state_dir);
    measure(&backend, &state_dir, services, Duration::from_secs(seconds.into()));
    let _ = fs::remove_dir_all(state_dir);
}

fn open(state_dir: &Path) -> Remote {
    let own = std::env::current_exe().expect("this program has a path");
    let program = Some(own.with_file_name("helper"));
    let facts = Facts { program, ..Facts::default() };
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let user = User { uid, gid, groups: Vec::new(), name: None, home: None };
    let state_dir = state_dir.to_owned();
    let context = Context { scope: Scope::User, user, facts, state_dir, ..Context::for_tests() };
    Remote::open(module::<Local>(), HostFns::silent(), context).expect("it opens")
}

fn measure(backend: &Remote, state_dir: &Path, services: u32, idle: Duration) {
    let empty = registration(state_dir, "empty", false);
    all(backend.register(vec![empty], Deadline::NONE));
    let pid = supervisor(backend);
    let before = memory(pid);
    say("empty-supervisor", before, "KiB");

    let batch = (0..services).map(|n| registration(state_dir, &format!("s{n}"), true)).collect();
    timed("register-and-start-all", || all(backend.register(batch, Deadline::NONE)));
    let targets: Vec<_> = (0..services).map(|n| Target::new(format!("s{n}"))).collect();
    timed("status-of-all", || all(backend.status(targets.clone(), Deadline::NONE)));
    timed("status-of-one", || all(backend.status(vec![Target::new("s0")], Deadline::NONE)));
    timed("restart-one", || all(backend.restart(vec![Target::new("s0")], Deadline::NONE)));
    say("memory-per-service", (memory(pid) - before) / f64::from(services), "KiB");

    let busy = cpu(pid);
    let (_nobody, nothing) = std::sync::mpsc::channel::<()>();
    let _ = nothing.recv_timeout(idle);
    say("cpu-while-idle", (cpu(pid) - busy) / idle.as_secs_f64() * 100.0, "%");
    timed("stop-all", || all(backend.stop(targets.clone(), Deadline::NONE)));
    timed("unregister-all", || all(backend.unregister(targets, Deadline::NONE)));
}

fn registration(state_dir: &Path, name: &str, start: bool) -> Registration {
    let command = vec!["/bin/sleep".into(), "100000".into()];
    let mut spec = ServiceSpec { name: name.into(), command, ..ServiceSpec::default() };
    if std::env::var_os("MEASURE_WITHOUT_LOGS").is_some() {
        spec.log.to = Some(LogTo::None);
    }
    let log_directory = state_dir.join("log").join(name);
    Registration { start, log_directory, ..Registration::new(spec) }
}

fn all<T>(answers: Vec<Result<T>>) {
    for answer in answers {
        if let Err(error) = answer {
            panic!("{error}");
        }
    }
}

fn supervisor(backend: &Remote) -> u32 {
    let facts = backend.probe(Deadline::NONE).expect("a probe").facts;
    facts.iter().find_map(|fact| fact.strip_prefix("process ")?.parse().ok()).expect("its process")
}

/// The memory that is the process's own, in KiB: what it shares with others costs nothing more.
fn memory(pid: u32) -> f64 {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("its memory");
    let lines = smaps.lines().filter(|line| line.starts_with("Private_"));
    lines.filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<f64>().ok()).sum()
}

/// The CPU time of a process so far, in seconds.
fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("its times");
    let fields = stat.rsplit_once(')').expect("a name").1.split_ascii_whitespace();
    // User and system time, in ticks of 10 ms.
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn timed(name: &str, act: impl FnOnce()) {
    let begin = Instant::now();
    act();
    say(name, begin.elapsed().as_secs_f64() * 1000.0, "ms");
}

fn say(name: &str, value: f64, unit: &str) {
    let _ = writeln!(std::io::stdout(), "{name} {value:.3} {unit}");
}
