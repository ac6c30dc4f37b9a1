//! The status of services by name.

use std::path::Path;

use anysvc_backend_api::{Batch, Boot, Named, Result, Scope, State, Status};

use super::{
    Services, find, folder_of,
    judge::{self, Own},
    mark_of,
};
use crate::{
    keep, logs,
    manager::{Failure, Manager, STATUS, Unit},
    place::Place,
};

/// Of so many the journal is asked why systemd could not start them.
const FEW: usize = 8;

/// Reads them.
pub(crate) fn status<N: Named>(services: &Services<'_>, batch: &Batch<N>) -> Vec<Result<Status>> {
    services.on_each(batch, STATUS, |manager, found| judged(manager.scope(), services.place, batch, found))
}

/// Reads them by a connection that is there.
pub(super) fn status_by<N: Named>(
    manager: &mut Manager,
    place: &Place,
    batch: &Batch<N>,
) -> Result<Vec<Result<Status>>, Failure> {
    let found = find(manager, batch, STATUS)?;
    Ok(judged(manager.scope(), place, batch, found))
}

fn judged<N: Named>(
    scope: Scope,
    place: &Place,
    batch: &Batch<N>,
    found: Vec<Result<Unit>>,
) -> Vec<Result<Status>> {
    let few = batch.items.len() <= FEW;
    let added = if few { None } else { place.units_added_to() };
    let may_be_added_to = |unit: &str| added.as_ref().is_none_or(|units| units.contains(unit));
    batch.then(found, |item, unit| {
        let own = own(place, &unit);
        let mut status = judge::status(item.name(), &unit, own);
        let not_started =
            matches!(status.state, State::Backoff | State::Failed) && unit.facts.result == judge::NOT_STARTED;
        if let (true, true, Some(since)) = (few, not_started, unit.facts.condition_at) {
            let why = logs::refusal(scope, &unit.listed.id, since);
            status.reason = Some(judge::not_started(status.state, why.as_deref()));
        }
        if own.ours && may_be_added_to(&unit.listed.id) {
            status.warnings = place.added_to(&unit.listed.id).iter().map(|added| changed_by(added)).collect();
        }
        Ok(status)
    })
}

/// What is said of a folder of drop-ins.
fn changed_by(added: &Path) -> String {
    format!("{} of somebody else changes what it is", added.display())
}

/// What our file and our link say.
pub(super) fn own(place: &Place, unit: &Unit) -> Own {
    let Some(mark) = mark_of(place, unit) else {
        let gone = is_gone(place, unit) && keep::remembers(place, &unit.listed.id);
        return Own { ours: gone, gone, ..Own::default() };
    };
    let enabled = folder_of(place, unit).is_some_and(|folder| folder.enabled(&unit.listed.id));
    let restores = mark.boot == Boot::Restore;
    let (restored, stopped) = (restores && enabled, restores && !enabled);
    Own { ours: true, enabled, restored, stopped, gone: false }
}

/// Whether its file is gone, which may have been in a folder of ours; the manager may not know that yet.
fn is_gone(place: &Place, unit: &Unit) -> bool {
    let file = &unit.facts.file;
    match file.is_empty() {
        true => unit.listed.load == "not-found",
        false => place.of_file(file).is_some() && Path::new(file).symlink_metadata().is_err(),
    }
}
