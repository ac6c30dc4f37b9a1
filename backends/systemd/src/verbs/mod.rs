//! One file for each verb that acts on services that exist. None of them knows D-Bus.

mod jobs;
mod judge;
mod links;
mod list;
mod outcome;
mod signal;
mod start;
mod status;
mod stop;
mod wait;

use std::{path::Path, time::Duration};

use anysvc_backend_api::{Batch, Deadline, Error, Named, Result, Target};

use crate::{
    manager::{EXISTENCE, Failure, Gate, Manager, Question, Unit, Work, recovery, unit_of},
    mark::Mark,
    place::{Folder, Place},
};

pub(crate) use list::list;
pub(crate) use signal::signal;
pub(crate) use start::{Mode, bring_up};
pub(crate) use status::status;
pub(crate) use stop::stop;
pub(crate) use wait::wait;

/// The services of a scope: how their manager is reached, and where their links are.
#[derive(Debug)]
pub(crate) struct Services<'a> {
    pub(crate) gate: &'a Gate,
    pub(crate) place: &'a Place,
}

impl Services<'_> {
    /// Connects for so many services, asks about each of a batch, and goes on with the answers.
    fn on_each<N: Named, R>(
        &self,
        batch: &Batch<N>,
        question: Question,
        act: impl FnOnce(Manager, Vec<Result<Unit>>) -> Vec<Result<R>>,
    ) -> Vec<Result<R>> {
        let work = Work::on(batch.items.len());
        let ask = |manager: &mut Manager| find(manager, batch, question);
        match recovery::asked(self.gate, work, ask, batch.deadline) {
            Ok((manager, found)) => act(manager, found),
            Err(error) => batch.all(|| Err(error.clone())),
        }
    }
}

/// Makes sure that all of them are there.
///
/// # Errors
/// `not-registered` for the first that is not.
pub(crate) fn exist(services: &Services<'_>, targets: Vec<Target>) -> Result<()> {
    let batch = Batch { items: targets, deadline: Deadline::after(PATIENCE) };
    services.on_each(&batch, EXISTENCE, |_, found| found).into_iter().try_for_each(|unit| unit.map(drop))
}

/// How long the manager may take to answer where nobody says.
const PATIENCE: Duration = Duration::from_secs(10);

/// A deadline that leaves time for something that is quickly done, also where nobody wants to wait.
fn at_least(time: Duration, deadline: Deadline) -> Deadline {
    match deadline.remaining() {
        Some(left) if left < time => Deadline::after(time),
        _ => deadline,
    }
}

/// Asks about each service of a batch. What is not there is `not-registered`.
fn find<N: Named>(
    manager: &mut Manager,
    batch: &Batch<N>,
    question: Question,
) -> Result<Vec<Result<Unit>>, Failure> {
    let names: Vec<Option<String>> = batch.items.iter().map(|item| unit_of(item.name())).collect();
    let asked: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let mut units = manager.units(&asked, question, batch.deadline)?.into_iter();
    let one = |(item, unit): (&N, &Option<String>)| {
        let unit = unit.as_ref().and_then(|_| units.next()).filter(|unit| !unit.listed.is_absent());
        unit.ok_or_else(|| Error::not_registered(item.name()))
    };
    Ok(batch.items.iter().zip(&names).map(one).collect())
}

/// What the file of a unit says, if we made it.
fn mark_of(place: &Place, unit: &Unit) -> Option<Mark> {
    // One that can't be read is none of ours: those can be read by everyone.
    let read = |path: &Path| Mark::read(path).ok().flatten();
    read(unit.facts.file.as_ref()).or_else(|| read(&folder_of(place, unit)?.unit(&unit.listed.id)))
}

/// The folder of ours that a unit is in. What was moved is not where the manager has read it until a reload: who
/// moved it may have been killed before that.
fn folder_of<'a>(place: &'a Place, unit: &Unit) -> Option<&'a Folder> {
    let is_in = |folder: &&Folder| folder.unit(&unit.listed.id).symlink_metadata().is_ok();
    let read = place.of_file(&unit.facts.file)?;
    Some(read).filter(is_in).or_else(|| place.folders().find(is_in))
}
