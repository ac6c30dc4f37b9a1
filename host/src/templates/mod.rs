//! The instances of a template that are on disk: found by a marker file in the folders of a data
//! directory, with what the application itself says of each; and what the last boot left there.
//!
//! Those folders are the service user's, who can put anything into them. So root looks as that user, in a
//! child that dropped to it for good (or, for what is root's own, at nothing that somebody else could have
//! made); no link is followed below the directory, nothing is waited for, and all that is read has a limit.
//! This module must not know the store, nor any service manager.

mod look;
mod state;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Deadline, Error, ErrorKind, Result};

use crate::{
    environment::Caller,
    session::{as_user, user::Account},
    spec::{Template, template::Discover},
    store::Desired,
    trust,
};
use look::{Look, Task};

/// So long may a look take: the user whom root becomes for it can hold it up.
const LONGEST_LOOK: Duration = Duration::from_secs(10);
/// The longest answer of who looks: some ten thousand instances.
const LONGEST_ANSWER: u64 = 4 << 20;

/// An instance that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The instance.
    pub instance: String,
    /// What its service is called, whether it is registered or not.
    pub service: String,
    /// What the application wants of it; `None` where the template does not say how that is read.
    pub desired: Option<Desired>,
    /// The application's word for its state.
    pub word: Option<String>,
}

/// The instances that are on disk.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// By name.
    pub found: Vec<Found>,
    /// What was passed over or could not be read, and why.
    pub problems: Vec<Error>,
}

/// What the last boot left in the folders of instances.
#[derive(Clone, Debug, Default)]
pub struct Stale {
    /// The files that were there.
    pub files: Vec<PathBuf>,
    /// What could not be removed, and why.
    pub problems: Vec<Error>,
}

/// Every instance that is on disk. None where the template does not say where to look.
///
/// # Errors
/// When the directory can't be looked into; one that is not there has no instances.
pub fn discover(template: &Template, caller: &Caller, deadline: Deadline) -> Result<Discovered> {
    let Some(discover) = &template.discover else { return Ok(Discovered::default()) };
    let seen = ask(template, discover, Task::Find(None), caller, deadline)?;
    let mut discovered = Discovered { found: Vec::new(), problems: problems(template, seen.problems) };
    for instance in seen.instances {
        match template.service_name(&instance.name) {
            Ok(service) => discovered.found.push(found(discover, instance, service)),
            Err(error) => discovered.problems.push(error),
        }
    }
    Ok(discovered)
}

/// One instance, if it is on disk.
///
/// # Errors
/// As [`discover`].
pub fn discover_one(
    template: &Template,
    instance: &str,
    caller: &Caller,
    deadline: Deadline,
) -> Result<Option<Found>> {
    let service = template.service_name(instance)?;
    let Some(discover) = &template.discover else { return Ok(None) };
    let seen = ask(template, discover, Task::Find(Some(instance.to_owned())), caller, deadline)?;
    let mut instances = seen.instances.into_iter();
    Ok(instances.find(|seen| seen.name == instance).map(|seen| found(discover, seen, service)))
}

/// The files of the last boot in the folders of these instances, by the template's `stale`. They are
/// removed, or only named. What was written since it was `looked` whether the instances run is left: one that
/// has started since wrote it. (One that replaces its file in the moment between the look at the file and its
/// removal loses the new one.)
///
/// # Errors
/// As [`discover`].
pub fn stale(
    template: &Template,
    instances: Vec<String>,
    looked: SystemTime,
    remove: bool,
    caller: &Caller,
    deadline: Deadline,
) -> Result<Stale> {
    match &template.discover {
        Some(discover) if !discover.stale.is_empty() && !instances.is_empty() => {
            let seen = ask(template, discover, Task::Stale { instances, looked, remove }, caller, deadline)?;
            let files = seen.files.iter().map(|file| discover.directory.join(file)).collect();
            Ok(Stale { files, problems: problems(template, seen.problems) })
        }
        _ => Ok(Stale::default()),
    }
}

fn found(discover: &Discover, seen: look::Instance, service: String) -> Found {
    let up = |state: &crate::spec::template::StateFile| {
        if seen.word.as_ref().is_some_and(|word| state.up.contains(word)) {
            Desired::Up
        } else {
            Desired::Down
        }
    };
    let desired = discover.state.as_ref().map(up);
    Found { instance: seen.name, service, desired, word: seen.word }
}

fn problems(template: &Template, problems: Vec<String>) -> Vec<Error> {
    let error = |problem| Error::new(ErrorKind::Io, format!("template `{}`: {problem}", template.name));
    problems.into_iter().map(error).collect()
}

/// Has the directory looked into by whoever may.
fn ask(
    template: &Template,
    discover: &Discover,
    task: Task,
    caller: &Caller,
    deadline: Deadline,
) -> Result<look::Seen> {
    let mut look = Look { discover, task, owner: None };
    let done = match looker(template, discover, caller)? {
        Looker::Caller => look.run(),
        Looker::Root => {
            trust::check_way(&discover.directory, trust::Owners::Root).map_err(|error| {
                let hint = "give the directory to root, or name its user with `discover.user`";
                Error { kind: ErrorKind::PermissionDenied, ..error }.with_hint(hint)
            })?;
            look.owner = Some(0);
            look.run()
        }
        Looker::User(user) => {
            let deadline = deadline.min(Deadline::after(LONGEST_LOOK));
            let work = || look.run().map(|seen| seen.to_bytes());
            as_user::run(&user, deadline, LONGEST_ANSWER, work).and_then(|bytes| look::Seen::parse(&bytes))
        }
    };
    done.map_err(|reason| {
        let message = format!("template `{}`: {}: {reason}", template.name, discover.directory.display());
        Error::new(ErrorKind::Io, message).with_path(&discover.directory)
    })
}

/// Who looks.
enum Looker {
    /// Who calls: an ordinary user, with no more rights than its own.
    Caller,
    /// Root, at what is root's.
    Root,
    /// A user whom root becomes.
    User(Account),
}

fn looker(template: &Template, discover: &Discover, caller: &Caller) -> Result<Looker> {
    if !caller.is_root() {
        return Ok(Looker::Caller);
    }
    match discover.user.as_deref().or(template.spec.service.user.as_deref()) {
        None => Ok(Looker::Root),
        Some(name) => match Account::find(name)? {
            Account { uid: 0, .. } => Ok(Looker::Root),
            account => Ok(Looker::User(account)),
        },
    }
}
