//! The core: many services, one thread. Feeds events to the state machines and does what they answer.
//! Knows the operating system only through [`Os`].

mod act;
mod check;
mod output;
mod surroundings;
mod turn;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anysvc_backend_api::{Bytes, Error, ErrorKind, LogTo, Result, ServiceSpec, Signal, Status, Value};

use self::output::Output;
use super::{
    log::Console,
    machine::{Event, Machine},
    os::{Os, Run},
    policy::Policy,
    record::Records,
    timers::Timers,
};

pub use self::check::check;

/// What a supervisor is told once.
#[derive(Debug)]
pub struct Config {
    /// A folder of the supervisor's own, which nobody else can write: what must survive its death is
    /// kept there. Made with mode 0700 if it is absent.
    pub records: PathBuf,
    /// The environment that services start from.
    pub environment: Vec<(Bytes, Bytes)>,
    /// The working directory of services whose spec names none.
    pub directory: PathBuf,
    /// Where copies of the lines of services with `log.console` go.
    pub console: Option<File>,
}

/// A service as its owner hands it over.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// How to run it.
    pub spec: ServiceSpec,
    /// Where its log files go if the spec does not say. They are written with the rights of the account that
    /// the service runs as.
    pub log_directory: PathBuf,
}

/// Something about a service changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// The service.
    pub name: String,
    /// How it is after the change; `None` when it was removed.
    pub status: Option<Status>,
}

/// Many services under one thread.
#[derive(Debug)]
pub struct Supervisor<O: Os> {
    os: O,
    config: Config,
    records: Records,
    timers: Timers,
    output: Output,
    names: BTreeMap<String, u32>,
    entries: HashMap<u32, Entry>,
    last_key: u32,
    runs: HashMap<Run, u32>,
    last_run: u64,
    changes: VecDeque<Change>,
}

#[derive(Debug)]
struct Entry {
    service: Service,
    machine: Machine,
    run: Option<Run>,
    /// What it said of itself through sd_notify(3).
    says: Option<String>,
}

impl<O: Os> Supervisor<O> {
    /// A supervisor without services. Reads the records of one that was killed: `add` ends the old
    /// process of a service before it starts a new one.
    ///
    /// # Errors
    /// When the folder of records can't be made or read, or is somebody else's.
    pub fn new(os: O, mut config: Config) -> Result<Supervisor<O>> {
        Ok(Supervisor {
            records: Records::open(&config.records)?,
            output: Output::new(config.console.take().map(Console::new)),
            os,
            config,
            timers: Timers::default(),
            names: BTreeMap::new(),
            entries: HashMap::new(),
            last_key: 0,
            runs: HashMap::new(),
            last_run: 0,
            changes: VecDeque::new(),
        })
    }

    /// Takes a service over, and starts it if it is to be up. Where a process of it is left from a
    /// supervisor that was killed, that is stopped first.
    ///
    /// # Errors
    /// What [`check()`] refuses; `already-registered`; `permission-denied` when another than root names
    /// another user.
    pub fn add(&mut self, service: Service, up: bool) -> Result<()> {
        self.accept(&service)?;
        let name = service.spec.name.clone();
        if self.names.contains_key(&name) {
            return Err(Error::already_registered(&name));
        }
        self.last_key += 1;
        let key = self.last_key;
        let machine = Machine::new(Policy::from(&service.spec), self.os.now());
        self.entries.insert(key, Entry { service, machine, run: None, says: None });
        self.names.insert(name.clone(), key);
        if let Some(identity) = self.records.take(&name) {
            self.last_run += 1;
            let run = Run(self.last_run);
            if self.os.adopt(run, &identity) {
                log::info!("`{name}` has process {} from an earlier supervisor: stopping it", identity.pid);
                self.runs.insert(run, key);
                self.entry_mut(key).expect("just inserted").run = Some(run);
                self.feed(key, Event::Inherited { pid: identity.pid, up });
                return Ok(());
            }
            self.records.erase(&name);
        }
        if up {
            self.feed(key, Event::Start);
        } else {
            self.changed(key);
        }
        Ok(())
    }

    /// Replaces the spec of a service. What runs goes on; the next start uses the new spec.
    ///
    /// # Errors
    /// What [`check()`] refuses; `not-registered`; `permission-denied`.
    pub fn update(&mut self, service: Service) -> Result<()> {
        self.accept(&service)?;
        let key = self.key(&service.spec.name)?;
        if let Some(entry) = self.entry_mut(key) {
            entry.machine.set_policy(Policy::from(&service.spec));
            entry.service = service;
        }
        Ok(())
    }

    /// Forgets a service, which has to be down (state stopped or failed).
    ///
    /// # Errors
    /// `not-registered`; `command-failed` while its process lives.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        let key = self.key(name)?;
        if self.entry(key).is_some_and(|entry| !entry.machine.is_down()) {
            let message = format!("`{name}` is not down yet");
            return Err(Error::new(ErrorKind::CommandFailed, message).with_service(name));
        }
        self.release_run(key);
        self.timers.cancel(key);
        self.output.forget(&mut self.os, key);
        self.entries.remove(&key);
        self.names.remove(name);
        self.changes.push_back(Change { name: name.to_owned(), status: None });
        Ok(())
    }

    /// After every service was added: kills the old processes of services that exist no more.
    pub fn end_strays(&mut self) {
        while let Some((name, identity)) = self.records.stray() {
            self.last_run += 1;
            let run = Run(self.last_run);
            if self.os.adopt(run, &identity) {
                log::info!("killing process {} of `{name}`, which exists no more", identity.pid);
                self.os.kill_group(run);
            }
            // If it survives this moment, and this supervisor does not, nobody knows of it any more; but
            // it was sent a signal that it can't refuse.
            self.records.erase(&name);
        }
    }

    /// Wants a service up, and forgets its earlier failures. One that is up stays as it is; one that
    /// waits for its restart is started now.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn start(&mut self, name: &str) -> Result<()> {
        self.key(name).map(|key| self.feed(key, Event::Start))
    }

    /// Wants a service down. It is when its state is stopped or failed.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn stop(&mut self, name: &str) -> Result<()> {
        self.key(name).map(|key| self.feed(key, Event::Stop))
    }

    /// Stops and starts a service; starts one that is down.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn restart(&mut self, name: &str) -> Result<()> {
        self.key(name).map(|key| self.feed(key, Event::Restart))
    }

    /// Sends a signal to the main process. An end by it counts as one that nobody asked for.
    ///
    /// # Errors
    /// `not-registered`; `command-failed` when nothing runs.
    pub fn signal(&mut self, name: &str, signal: Signal) -> Result<()> {
        let key = self.key(name)?;
        let run = self.entry(key).filter(|entry| entry.machine.pid().is_some()).and_then(|entry| entry.run);
        let failed = |why: &str| {
            let message = format!("cannot send {signal} to `{name}`: {why}");
            Err(Error::new(ErrorKind::CommandFailed, message).with_service(name))
        };
        match run.map(|run| self.os.signal(run, signal)) {
            None => failed("it does not run"),
            Some(Err(error)) => failed(&error.to_string()),
            Some(Ok(())) => Ok(()),
        }
    }

    /// A service as it is now.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn status(&self, name: &str) -> Result<Status> {
        let key = self.key(name)?;
        self.entry(key).map(|entry| self.status_of(key, entry)).ok_or_else(|| Error::not_registered(name))
    }

    /// A service as it was handed over last.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.names.get(name).and_then(|key| self.entries.get(key)).map(|entry| &entry.service)
    }

    /// The names of all services, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Where the log files of a service are: where they were found at its last start, else where its spec says.
    /// `None` when it keeps none, or when only its start will tell.
    pub fn log_folder(&self, name: &str) -> Option<&Path> {
        let key = *self.names.get(name)?;
        let Service { spec, log_directory } = &self.entry(key)?.service;
        if spec.log.to == Some(LogTo::None) {
            return None;
        }
        let said = spec.log.directory.as_ref().unwrap_or(log_directory);
        let plain = || (!said.as_os_str().as_encoded_bytes().contains(&b'$')).then_some(&**said);
        self.output.folder(key).or_else(plain)
    }

    /// Whether nothing runs and nothing is about to.
    pub fn is_idle(&self) -> bool {
        self.entries.values().all(|entry| entry.machine.is_down())
    }

    /// When [`turn`](Supervisor::turn) has to be called although no descriptor is ready.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// How long until [`deadline`](Supervisor::deadline); `None` is for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.deadline().map(|at| at.saturating_duration_since(self.os.now().mono))
    }

    /// What changed since the last time, in order. To be taken after every call that acts.
    pub fn changes(&mut self) -> impl Iterator<Item = Change> {
        std::mem::take(&mut self.changes).into_iter()
    }

    fn changed(&mut self, key: u32) {
        if let Some(entry) = self.entry(key) {
            let name = entry.service.spec.name.clone();
            let status = Some(self.status_of(key, entry));
            self.changes.push_back(Change { name, status });
        }
    }

    fn status_of(&self, key: u32, entry: &Entry) -> Status {
        let mut status = entry.machine.status(&entry.service.spec.name);
        let text = |key: &str, value: &str| (key.to_owned(), Value::from(value));
        let trouble = self.output.trouble(key);
        if let Some(why) = trouble {
            let before = status.reason.map(|reason| format!("{reason}; "));
            status.reason = Some(before.unwrap_or_default() + why);
        }
        let trouble = trouble.map(|why| text("log_trouble", why));
        let says = entry.says.as_deref().map(|says| text("says", says));
        let native: Vec<_> = trouble.into_iter().chain(says).collect();
        if !native.is_empty() {
            status.native = Value::Map(native);
        }
        status
    }

    fn accept(&self, service: &Service) -> Result<()> {
        let spec = &service.spec;
        check(spec)?;
        // An account that does not exist yet may when it is needed; one that is not ours never will be.
        match self.os.account(spec.user.as_deref(), spec.group.as_deref()) {
            Err(fault) if fault.errno == NOT_PERMITTED => {
                Err(Error::new(ErrorKind::PermissionDenied, fault.to_string()).with_service(&spec.name))
            }
            _ => Ok(()),
        }
    }

    fn key(&self, name: &str) -> Result<u32> {
        self.names.get(name).copied().ok_or_else(|| Error::not_registered(name))
    }

    fn entry(&self, key: u32) -> Option<&Entry> {
        self.entries.get(&key)
    }

    fn entry_mut(&mut self, key: u32) -> Option<&mut Entry> {
        self.entries.get_mut(&key)
    }
}

/// EPERM, everywhere.
const NOT_PERMITTED: i32 = 1;

#[cfg(unix)]
impl<O: Os + std::os::fd::AsFd> std::os::fd::AsFd for Supervisor<O> {
    /// Readable when [`turn`](Supervisor::turn) has something to do.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.os.as_fd()
    }
}
