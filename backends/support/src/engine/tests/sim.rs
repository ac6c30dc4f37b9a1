//! A simulated operating system: processes that do what a test says, and a clock that it moves. It checks
//! by itself what must never happen: two processes of one service at a time.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io,
    rc::Rc,
    time::{Duration, Instant, SystemTime},
};

use anysvc_backend_api::{ServiceSpec, Signal, State, Status};

use super::scratch::Scratch;
use crate::engine::{
    Config, Os, Service, Supervisor,
    machine::Moment,
    os::{Account, Fault, Identity, Launch, Occurrence, Run},
    policy::Ending,
};

/// What is behind a simulated system, for the test to look at and change.
#[derive(Debug)]
pub(super) struct World {
    zero: Instant,
    pub(super) time: Duration,
    pub(super) living: BTreeMap<Run, (String, u32)>,
    pub(super) launched: Vec<(Duration, String)>,
    pub(super) signals: Vec<(Duration, String, Signal)>,
    pub(super) kills: Vec<(Duration, String)>,
    pub(super) occurrences: Vec<Occurrence>,
    /// The next launches fail.
    pub(super) refuse: bool,
    /// Processes end with 0 on a signal that asks them to.
    pub(super) obedient: bool,
    /// Somebody of the group survives the main process, until this is false.
    pub(super) group_left: bool,
    next_pid: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Sim(Rc<RefCell<World>>);

impl World {
    /// A process ends.
    pub(super) fn end(&mut self, run: Run, ending: Ending) {
        if self.living.remove(&run).is_some() {
            self.occurrences.push(Occurrence::Ended(run, ending));
        }
    }

    fn name(&self, run: Run) -> String {
        self.living.get(&run).map(|(name, _)| name.clone()).unwrap_or_default()
    }
}

impl Os for Sim {
    fn now(&self) -> Moment {
        let world = self.0.borrow();
        Moment { mono: world.zero + world.time, wall: SystemTime::UNIX_EPOCH + world.time }
    }

    fn launch(&mut self, run: Run, launch: &Launch) -> Result<Identity, Fault> {
        let mut world = self.0.borrow_mut();
        let name = launch.command[0].to_string();
        let time = world.time;
        if world.refuse {
            return Err(Fault { what: format!("execute `{name}`"), errno: 2 });
        }
        assert!(!world.living.values().any(|(n, _)| *n == name), "two processes of {name}");
        world.next_pid += 1;
        let pid = world.next_pid;
        world.living.insert(run, (name.clone(), pid));
        world.launched.push((time, name));
        Ok(Identity { pid, started: Some(1), uid: 0 })
    }

    fn release(&mut self, run: Run) {
        self.0.borrow_mut().occurrences.push(Occurrence::Executed(run));
    }

    fn adopt(&mut self, _: Run, _: &Identity) -> bool {
        false
    }

    fn signal(&mut self, run: Run, signal: Signal) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let (time, name) = (world.time, world.name(run));
        if signal.name() != "CONT" {
            world.signals.push((time, name, signal));
            if world.obedient {
                world.end(run, Ending::Code(0));
            }
        }
        Ok(())
    }

    fn kill_group(&mut self, run: Run) {
        let mut world = self.0.borrow_mut();
        let (time, name) = (world.time, world.name(run));
        world.kills.push((time, name));
        world.end(run, Ending::Signal("KILL".parse().unwrap()));
    }

    fn group_left(&mut self, _: Run, _: bool) -> bool {
        self.0.borrow().group_left
    }

    fn read(&mut self, _: Run, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn close_output(&mut self, _: Run) {}

    fn forget(&mut self, _: Run) {}

    fn poll(&mut self, occurrences: &mut Vec<Occurrence>) -> io::Result<()> {
        occurrences.append(&mut self.0.borrow_mut().occurrences);
        Ok(())
    }

    fn as_account(&mut self, _: Option<&Account>, act: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        act()
    }

    fn account(&self, _: Option<&str>, _: Option<&str>) -> Result<Option<Account>, Fault> {
        Ok(None)
    }
}

/// A supervisor on a simulated system.
pub(super) struct Bench {
    pub(super) supervisor: Supervisor<Sim>,
    world: Rc<RefCell<World>>,
    _folder: Scratch,
}

impl Bench {
    pub(super) fn new() -> Bench {
        let folder = Scratch::new();
        let world = Rc::new(RefCell::new(World {
            zero: Instant::now(),
            time: Duration::ZERO,
            living: BTreeMap::new(),
            launched: Vec::new(),
            signals: Vec::new(),
            kills: Vec::new(),
            occurrences: Vec::new(),
            refuse: false,
            obedient: true,
            group_left: false,
            next_pid: 100,
        }));
        let config = Config {
            records: folder.path().join("records"),
            environment: Vec::new(),
            directory: "/".into(),
            console: None,
        };
        let supervisor = Supervisor::new(Sim(Rc::clone(&world)), config).unwrap();
        Bench { supervisor, world, _folder: folder }
    }

    /// One service, called `web`, that is up.
    pub(super) fn up(spec: ServiceSpec) -> Bench {
        let mut bench = Bench::new();
        bench.add(spec, true);
        bench
    }

    pub(super) fn add(&mut self, mut spec: ServiceSpec, up: bool) {
        if spec.name.is_empty() {
            spec.name = "web".to_owned();
        }
        spec.command = vec![spec.name.as_str().into()];
        self.supervisor.add(Service { spec, log_directory: "/nonexistent".into() }, up).unwrap();
        self.settle();
    }

    /// Changes the world.
    pub(super) fn world(&mut self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.borrow_mut());
    }

    /// The process of `web` ends.
    #[track_caller]
    pub(super) fn end(&mut self, ending: Ending) {
        let run = *self.world.borrow().living.keys().next().expect("it runs");
        self.world(|world| world.end(run, ending));
        self.settle();
    }

    /// Handles what happens without time passing. What does not come to rest is a busy loop.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            self.supervisor.turn().unwrap();
            if self.world.borrow().occurrences.is_empty()
                && self.supervisor.timeout().is_none_or(|left| !left.is_zero())
            {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.world.borrow());
    }

    /// Lets time pass, stopping at each deadline.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.world.borrow().time + time;
        loop {
            let now = self.world.borrow().time;
            let Some(wait) = self.supervisor.timeout().filter(|wait| now + *wait <= end) else { break };
            self.world.borrow_mut().time = now + wait;
            self.settle();
        }
        self.world.borrow_mut().time = end;
    }

    pub(super) fn status(&self) -> Status {
        self.supervisor.status("web").unwrap()
    }

    pub(super) fn state(&self) -> State {
        self.status().state
    }

    pub(super) fn reason(&self) -> String {
        self.status().reason.unwrap_or_default()
    }

    /// When `web` was launched, in milliseconds.
    pub(super) fn launches(&self) -> Vec<u128> {
        self.world.borrow().launched.iter().map(|(at, _)| at.as_millis()).collect()
    }

    /// What is asked of the operator's verbs.
    pub(super) fn verb(&mut self, verb: &str) {
        let done = match verb {
            "start" => self.supervisor.start("web"),
            "stop" => self.supervisor.stop("web"),
            "restart" => self.supervisor.restart("web"),
            other => panic!("{other} is no verb"),
        };
        done.unwrap();
        self.settle();
    }
}
