//! The s6 backend of anysvc: services as directories in the scandir of an s6-svscan. It speaks s6's own
//! client protocol, and needs nothing of anysvc once a service is registered.
//!
//! This file only says which verb is where; none of it knows the host, its store or the command line.
//!
//! # Where things are
//! | | |
//! |---|---|
//! | `scandir` | which scandir, its s6-svscan, its lock, the room in it |
//! | `state` | reading and judging `supervise/` |
//! | `control`, `slot` | the control FIFOs, and the `down` file |
//! | `listen`, `event`, `watch`, `waiting` | being told of changes; looking until all is as wanted |
//! | `build`, `register`, `supervise` | making a service directory, publishing it, getting it supervised |
//! | `removal`, `unregister` | taking one out, and sweeping left-overs |
//! | `verbs` | start, stop, restart, signal, status, list, wait |
//! | `scripts`, `logs` | what is in a service directory; reading what its logger wrote |
//! | `sys` | files by descriptor |
//!
//! # What holds everywhere
//! - Service directories appear and disappear by one rename, under the scandir's lock. Everything else in
//!   there that is ours begins with `.anysvc-`, and under the lock is a left-over: its makers hold the
//!   lock for as long as it exists.
//! - Nothing is believed that an event says: the status is read again after each.
//! - A service of ours has a `down` file exactly while it is wanted down, so that an s6-svscan that is
//!   started anew brings back what was wanted up. Those of others are left alone.
//! - What is replaced is stopped, taken out, pruned and only then followed by the new one: two loggers
//!   can't share a folder. If the new one is not taken by s6-svscan, the old one is put back. One that
//!   runs keeps running.
//! - A link is followed only if root or the caller made it, and never to what is ours.

mod boot_files;
mod build;
mod control;
mod event;
mod listen;
mod log_place;
mod probe;
mod register;
mod removal;
mod render;
mod scandir;
pub mod scripts;
mod slot;
mod state;
mod supervise;
mod sys;
mod tools;
mod unregister;
mod verbs;
mod waiting;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use anysvc_backend_api::{
    Backend, Batch, BootFiles, BootQuery, Capability, Context, Deadline, Description, Difference, Done,
    Error, ListQuery, LogQuery, LogStream, Named, Probe, Registration, Rendering, Result, ServiceSpec,
    SignalRequest, Status, Target, WaitRequest,
};
use anysvc_backend_support::{ceiling::Ceiling, logs};

use log_place::LogPlace;
use register::Site;
use scandir::{Choice, Scandir, Svscan, choose, unavailable};
use state::Depth;
use verbs::Mode;

/// The s6 of one caller.
#[derive(Debug)]
pub struct S6 {
    context: Context,
    /// Looked for when first needed: the machine is as it is for as long as we are open.
    choice: OnceLock<Choice>,
    /// Where else the s6 commands may be.
    search: Arc<[PathBuf]>,
}

anysvc_backend_api::export_backend!(S6);

impl S6 {
    fn choice(&self) -> Result<&Choice> {
        if let Some(choice) = self.choice.get() {
            return Ok(choice);
        }
        let choice = choose(&self.context)?;
        Ok(self.choice.get_or_init(|| choice))
    }

    fn scandir(&self) -> Result<Option<Scandir>> {
        Scandir::open(&self.choice()?.path, self.search.clone())
    }

    /// Where there is no scandir, there is no service.
    fn on_existing<T: Named, R>(
        &self,
        batch: &Batch<T>,
        act: impl FnOnce(&Scandir, &Batch<T>) -> Vec<Result<R>>,
    ) -> Vec<Result<R>> {
        match self.scandir() {
            Ok(Some(scandir)) => act(&scandir, batch),
            Ok(None) => batch.each(|item| Err(Error::not_registered(item.name()))),
            Err(error) => batch.all(|| Err(error.clone())),
        }
    }

    fn register_in(&self, batch: &Batch<Registration>) -> Result<Vec<Result<()>>> {
        let choice = self.choice()?;
        let scandir = self.scandir()?.ok_or_else(|| {
            unavailable(format!("there is no scandir {}", choice.path.display()), "start an s6-svscan on it")
        })?;
        let known = choice.arguments.clone();
        let site = Site {
            scandir: &scandir,
            owner: &self.context.user,
            tools: &tools::find(&self.context)?,
            ceiling: ceiling(&choice.path, batch),
            svscan_arguments: known.or_else(|| Svscan::new(&choice.path).arguments()).unwrap_or_default(),
        };
        Ok(register::register(&site, batch))
    }
}

/// What limits its s6-svscan can set, if any are asked for. One that is still to come is not known.
fn ceiling(scandir: &Path, batch: &Batch<Registration>) -> Ceiling {
    let pid = || Svscan::new(scandir).pid();
    let asked = batch.items.iter().any(|registration| !registration.spec.limits.is_empty());
    let of = |pid| Ceiling::of(pid, "the s6-svscan", "the service could not be started");
    asked.then(pid).flatten().map(of).unwrap_or_default()
}

impl Backend for S6 {
    fn describe() -> Description {
        let description = Description::new("s6", "services in an s6 scandir", env!("CARGO_PKG_VERSION"))
            .can(Capability::RuntimeRegistration)
            .can(Capability::Logs)
            .can(Capability::LogsFollow)
            .can(Capability::Signal)
            .can(Capability::Foreign)
            .can(Capability::Offline);
        scripts::fields(description)
    }

    fn open(context: Context) -> Result<S6> {
        let search = tools::search(&context).into();
        Ok(S6 { context, choice: OnceLock::new(), search })
    }

    fn probe(&self, _: Deadline) -> Result<Probe> {
        probe::probe(&self.context, self.choice()?, self.scandir()?)
    }

    fn check(&self, batch: &Batch<ServiceSpec>) -> Vec<Result<()>> {
        batch.each(scripts::check)
    }

    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>> {
        Done::plainly(self.register_in(batch).unwrap_or_else(|error| batch.all(|| Err(error.clone()))))
    }

    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>> {
        Done::plainly(match self.scandir() {
            Ok(Some(scandir)) => unregister::unregister(&scandir, batch),
            Ok(None) => batch.all(|| Ok(())),
            Err(error) => batch.all(|| Err(error.clone())),
        })
    }

    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        self.on_existing(batch, |scandir, batch| verbs::bring_up(scandir, batch, Mode::Start))
    }

    fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        self.on_existing(batch, verbs::stop)
    }

    fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        self.on_existing(batch, |scandir, batch| verbs::bring_up(scandir, batch, Mode::Restart))
    }

    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        self.on_existing(batch, |scandir, batch| verbs::all_status(scandir, batch, Depth::All))
    }

    fn glance(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        self.on_existing(batch, |scandir, batch| verbs::all_status(scandir, batch, Depth::Table))
    }

    fn list(&self, query: &ListQuery, deadline: Deadline) -> Result<Vec<Status>> {
        verbs::list(self.scandir()?.as_ref(), query, deadline)
    }

    fn wait(&self, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
        match self.scandir() {
            Ok(scandir) => verbs::wait(scandir.as_ref(), batch),
            Err(error) => batch.all(|| Err(error.clone())),
        }
    }

    fn render(&self, batch: &Batch<Registration>) -> Vec<Result<Rendering>> {
        let found = self.choice().and_then(|choice| Ok((choice, tools::find(&self.context)?)));
        batch.each(|registration| {
            let (choice, tools) = found.as_ref().map_err(Clone::clone)?;
            render::render(registration, &choice.path, &self.context.user, tools)
        })
    }

    fn compare(&self, batch: &Batch<Registration>) -> Vec<Result<Difference>> {
        match tools::find(&self.context) {
            Ok(tools) => self.on_existing(batch, |scandir, batch| {
                register::compare(scandir, &self.context.user, &tools, batch)
            }),
            Err(error) => batch.all(|| Err(error.clone())),
        }
    }

    fn boot_files(&self, query: &BootQuery) -> Result<BootFiles> {
        boot_files::boot_files(query)
    }

    fn signal(&self, batch: &Batch<SignalRequest>) -> Vec<Result<()>> {
        self.on_existing(batch, verbs::signal)
    }

    fn logs(&self, query: &LogQuery) -> Result<Box<dyn LogStream>> {
        let scandir = self.scandir()?;
        let source = |name: &String| match &scandir {
            Some(scandir) if scandir.has(name)? => {
                let service_directory = scandir.path().join(name);
                Ok(Box::new(LogPlace { service: name.clone(), service_directory }) as Box<dyn logs::Source>)
            }
            _ => Err(Error::not_registered(name)),
        };
        logs::open(query.names.iter().map(source).collect::<Result<_>>()?, query)
    }
}
