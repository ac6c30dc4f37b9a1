//! The core: many services, one thread. Feeds events to the state machines and does what they answer.
//! Knows the operating system only through [`Os`].

use std::{
    fs::File,
    path::PathBuf,
    time::{Duration, Instant},
};

use anysvc_backend_api::{Bytes, Error, Result, ServiceSpec, Signal, Status};

use super::os::Os;

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
    /// Where its log files go if the spec does not say.
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

/// Refuses, by the name of the field, what the engine can't do. Reads nothing.
///
/// # Errors
/// `invalid-spec` or `unsupported`.
pub fn check(spec: &ServiceSpec) -> Result<()> {
    let _ = spec;
    Ok(())
}

/// Many services under one thread.
#[derive(Debug)]
pub struct Supervisor<O: Os> {
    os: O,
    config: Config,
}

impl<O: Os> Supervisor<O> {
    /// A supervisor without services. Reads the records of one that was killed: `add` ends the old
    /// process of a service before it starts a new one.
    ///
    /// # Errors
    /// When the folder of records can't be made or read, or is somebody else's.
    pub fn new(os: O, config: Config) -> Result<Supervisor<O>> {
        Ok(Supervisor { os, config })
    }

    /// Takes a service over, and starts it if it is to be up. Where a process of it is left from a
    /// supervisor that was killed, that is stopped first.
    ///
    /// # Errors
    /// What [`check`] refuses; `already-registered`; `permission-denied` when another than root names
    /// another user.
    pub fn add(&mut self, service: Service, up: bool) -> Result<()> {
        let _ = (service, up, &self.os, &self.config);
        Err(Error::unsupported("to be written"))
    }

    /// Replaces the spec of a service. What runs goes on; the next start uses the new spec.
    ///
    /// # Errors
    /// What [`check`] refuses; `not-registered`; `permission-denied`.
    pub fn update(&mut self, service: Service) -> Result<()> {
        let _ = service;
        Err(Error::unsupported("to be written"))
    }

    /// Forgets a service, which has to be down (state stopped or failed).
    ///
    /// # Errors
    /// `not-registered`; `command-failed` while its process lives.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        Err(Error::not_registered(name))
    }

    /// After every service was added: ends the old processes of services that exist no more.
    pub fn end_strays(&mut self) {}

    /// Wants a service up, and forgets its earlier failures. One that is up stays as it is; one that
    /// waits for its restart is started now.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn start(&mut self, name: &str) -> Result<()> {
        Err(Error::not_registered(name))
    }

    /// Wants a service down. It is when its state is stopped or failed.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn stop(&mut self, name: &str) -> Result<()> {
        Err(Error::not_registered(name))
    }

    /// Stops and starts a service; starts one that is down.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn restart(&mut self, name: &str) -> Result<()> {
        Err(Error::not_registered(name))
    }

    /// Sends a signal to the main process.
    ///
    /// # Errors
    /// `not-registered`; `command-failed` when nothing runs.
    pub fn signal(&mut self, name: &str, signal: Signal) -> Result<()> {
        let _ = signal;
        Err(Error::not_registered(name))
    }

    /// A service as it is now.
    ///
    /// # Errors
    /// `not-registered`.
    pub fn status(&self, name: &str) -> Result<Status> {
        Err(Error::not_registered(name))
    }

    /// A service as it was handed over last.
    pub fn service(&self, name: &str) -> Option<&Service> {
        let _ = name;
        None
    }

    /// The names of all services, sorted.
    pub fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Where the log files of a service are: its folder as it is expanded now. `None` when it keeps none.
    ///
    /// # Errors
    /// `not-registered`; `invalid-spec` when a variable in it is not set.
    pub fn log_folder(&self, name: &str) -> Result<Option<PathBuf>> {
        Err(Error::not_registered(name))
    }

    /// Whether nothing runs and nothing is about to.
    pub fn is_idle(&self) -> bool {
        true
    }

    /// When [`turn`](Supervisor::turn) has to be called although no descriptor is ready.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// How long until [`deadline`](Supervisor::deadline); `None` is for ever.
    pub fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Handles everything that happened. Never waits; may be called at any time.
    ///
    /// # Errors
    /// Only when the operating system can't be asked at all.
    pub fn turn(&mut self) -> Result<()> {
        Ok(())
    }

    /// What changed since the last time, in order. To be taken after every call that acts.
    pub fn changes(&mut self) -> impl Iterator<Item = Change> {
        std::iter::empty()
    }
}

#[cfg(unix)]
impl<O: Os + std::os::fd::AsFd> std::os::fd::AsFd for Supervisor<O> {
    /// Readable when [`turn`](Supervisor::turn) has something to do.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.os.as_fd()
    }
}
