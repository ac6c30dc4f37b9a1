//! Doing what a state machine asks for: launching, signalling, looking. Knows nothing of why.

use std::path::Path;

use anysvc_backend_api::{Bytes, LogTo, ServiceSpec, Signal};

use super::{Service, Supervisor, output::Log};
use crate::engine::{
    log::{Settings, Writer},
    machine::{Action, Event},
    os::{Account, Fault, Launch, Notify, Os, Run, expand},
};

impl<O: Os> Supervisor<O> {
    /// Does one thing; gives the answer, if it has one.
    pub(super) fn act(&mut self, key: u32, action: Action) -> Option<Event> {
        let run = self.entry(key)?.run;
        match action {
            Action::Arm(at) => self.timers.arm(key, at),
            Action::Cancel => self.timers.cancel(key),
            Action::Launch => {
                return Some(match self.launch(key) {
                    Ok(Some(pid)) => Event::Launched { pid },
                    Ok(None) => Event::HeldBack,
                    Err(fault) => Event::Refused(fault.to_string()),
                });
            }
            Action::Signal(signal) => self.ask_to_stop(key, run?, signal),
            Action::KillGroup => self.os.kill_group(run?),
            Action::LookForGroup { closely } => {
                let left = run.is_some_and(|run| self.os.group_left(run, closely));
                if !left {
                    self.release_run(key);
                }
                return Some(Event::Group(left));
            }
        }
        None
    }

    /// The process of a service, its group and its record are no more.
    pub(super) fn release_run(&mut self, key: u32) {
        let Some(entry) = self.entry_mut(key) else { return };
        let Some(run) = entry.run.take() else { return };
        let name = entry.service.spec.name.clone();
        self.records.erase(&name);
        self.runs.remove(&run);
        self.os.forget(run);
    }

    fn ask_to_stop(&mut self, key: u32, run: Run, signal: Signal) {
        if let Err(error) = self.os.signal(run, signal) {
            let name = self.entry(key).map(|entry| &*entry.service.spec.name).unwrap_or_default();
            log::warn!("cannot send {signal} to `{name}`: {error}");
        }
        // One that was halted would not see it before it goes on.
        if let Ok(go_on) = "CONT".parse() {
            let _told_above = self.os.signal(run, go_on);
        }
    }

    /// The new process; `None` when the condition holds it back.
    fn launch(&mut self, key: u32) -> Result<Option<u32>, Fault> {
        // What could not be killed of the last one is left behind.
        self.release_run(key);
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let Service { spec, log_directory } = entry.service.clone();
        let (environment, account) = match self.surroundings(&spec)? {
            Some(surroundings) => surroundings,
            None => return Ok(None),
        };
        let log = log(&spec, &log_directory, &environment, account.clone())?;
        if let Some(folder) = log.writer.as_ref().map(|writer| &writer.settings().folder)
            && let Some(other) = self.output.other_writer(key, folder)
        {
            // Two that rotate one folder would throw away each other's files.
            let other = self.entry(other).map(|entry| &*entry.service.spec.name).unwrap_or_default();
            let what = format!("write a log in {}: that is where `{other}` writes", folder.display());
            return Err(Fault { what, errno: 0 });
        }
        let name = spec.name.clone();
        let launch = Launch::new(&spec, environment, &self.config.directory, account)?;
        let notifies = launch.notify != Notify::No;

        self.last_run += 1;
        let run = Run(self.last_run);
        let identity = self.os.launch(run, &launch)?;
        if let Err(error) = self.records.write(&name, &identity) {
            // Never let go, it ends without having done anything; that it did is heard of no more.
            self.os.close_output(run);
            self.os.kill_group(run);
            let errno = error.raw_os_error().unwrap_or(0);
            return Err(Fault { what: format!("record the process of `{name}`"), errno });
        }
        if launch.output {
            self.output.set_log(key, log);
            self.output.begin(&mut self.os, key, run);
        }
        if let Some(entry) = self.entry_mut(key) {
            entry.run = Some(run);
            entry.says = None;
            entry.machine.will_notify(notifies);
        }
        self.runs.insert(run, key);
        self.os.release(run);
        Ok(Some(identity.pid))
    }
}

fn log(
    spec: &ServiceSpec,
    default: &Path,
    environment: &[(Bytes, Bytes)],
    account: Option<Account>,
) -> Result<Log, Fault> {
    let folder = match &spec.log.directory {
        _ if spec.log.to == Some(LogTo::None) => None,
        Some(folder) => Some(expand(folder, environment, "log.directory")?),
        None => Some(default.to_owned()),
    };
    let settings = folder.map(|folder| Settings { folder, size: spec.log_size(), keep: spec.log_keep() });
    Ok(Log {
        writer: settings.map(Writer::new),
        // The folder is the service user's to write, whether the spec names it or our owner made it for
        // him, and is used with his rights alone.
        account,
        console: spec.log.console == Some(true),
    })
}
