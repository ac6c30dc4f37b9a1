//! Doing what a state machine asks for: launching, signalling, looking. Knows nothing of why.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Bytes, Condition, LogTo, ServiceSpec, Signal};

use super::{Service, Supervisor, output::Log};
use crate::engine::{
    log::{Settings, Writer},
    machine::{Action, Event},
    os::{Account, Fault, Launch, Notify, Os, Run, environment, expand},
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
        let Service { spec, log_directory } = &entry.service;
        let name = spec.name.clone();
        let base = &self.config.environment;
        if spec.when.as_ref().is_some_and(|when| !holds(when, &environment(base, None, &spec.env))) {
            return Ok(None);
        }
        let account = self.os.account(spec.user.as_deref(), spec.group.as_deref())?;
        let log = log(spec, log_directory, base, account.clone())?;
        if let Some(folder) = log.writer.as_ref().map(|writer| &writer.settings().folder)
            && let Some(other) = self.output.other_writer(key, folder)
        {
            // Two that rotate one folder would throw away each other's files.
            let other = self.entry(other).map(|entry| &*entry.service.spec.name).unwrap_or_default();
            let what = format!("write a log in {}: that is where `{other}` writes", folder.display());
            return Err(Fault { what, errno: 0 });
        }
        let launch = Launch::new(spec, base, &self.config.directory, account)?;
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

/// Where the log files of a service are; `None` when it keeps none.
pub(super) fn log_folder(
    spec: &ServiceSpec,
    default: &Path,
    base: &[(Bytes, Bytes)],
    account: Option<&Account>,
) -> Result<Option<PathBuf>, Fault> {
    if spec.log.to == Some(LogTo::None) {
        return Ok(None);
    }
    let folder = match &spec.log.directory {
        Some(folder) => expand(folder, &environment(base, account, &spec.env), "log.directory")?,
        None => default.to_owned(),
    };
    Ok(Some(folder))
}

fn log(
    spec: &ServiceSpec,
    default: &Path,
    base: &[(Bytes, Bytes)],
    account: Option<Account>,
) -> Result<Log, Fault> {
    let folder = log_folder(spec, default, base, account.as_ref())?;
    let settings = folder.map(|folder| Settings { folder, size: spec.log_size(), keep: spec.log_keep() });
    Ok(Log {
        writer: settings.map(Writer::new),
        // The folder is the service user's to write, whether the spec names it or our owner made it for
        // him, and is used with his rights alone.
        account,
        console: spec.log.console == Some(true),
    })
}

fn holds(condition: &Condition, environment: &[(Bytes, Bytes)]) -> bool {
    let value = environment.iter().find(|(name, _)| name.0 == condition.env.as_bytes());
    let value = value.map(|(_, value)| &value.0[..]).unwrap_or_default();
    let truthy = || [&b"1"[..], b"true", b"yes", b"on"].iter().any(|w| value.eq_ignore_ascii_case(w));
    match condition.truthy {
        None => !value.is_empty(),
        Some(wanted) => truthy() == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_look_at_one_variable() {
        let env = [("Y", "YES"), ("N", "0"), ("E", "")].map(|(n, v)| (Bytes::from(n), Bytes::from(v)));
        let holds = |name: &str, truthy| holds(&Condition { env: name.to_owned(), truthy }, &env);
        let table = [("Y", true, true, false), ("N", true, false, true), ("E", false, false, true)];
        for (name, set, yes, no) in table.into_iter().chain([("UNSET", false, false, true)]) {
            let got = (holds(name, None), holds(name, Some(true)), holds(name, Some(false)));
            assert_eq!(got, (set, yes, no), "{name}");
        }
    }
}
