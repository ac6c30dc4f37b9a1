//! The status of services by name.

use anysvc_backend_api::{Batch, Boot, Named, Result, Status};

use super::{
    Services, find,
    judge::{self, Own},
    mark_of,
};
use crate::{
    manager::{Failure, Manager, STATUS, Unit},
    place::Place,
};

/// Reads them.
pub(crate) fn status<N: Named>(services: &Services<'_>, batch: &Batch<N>) -> Vec<Result<Status>> {
    services.on_each(batch, STATUS, |_, found| judged(services.place, batch, found))
}

/// Reads them by a connection that is there.
pub(super) fn status_by<N: Named>(
    manager: &mut Manager,
    place: &Place,
    batch: &Batch<N>,
) -> Result<Vec<Result<Status>>, Failure> {
    Ok(judged(place, batch, find(manager, batch, STATUS)?))
}

fn judged<N: Named>(place: &Place, batch: &Batch<N>, found: Vec<Result<Unit>>) -> Vec<Result<Status>> {
    batch.then(found, |item, unit| Ok(judge::status(item.name(), &unit, own(place, &unit))))
}

/// What our file and our link say.
pub(super) fn own(place: &Place, unit: &Unit) -> Own {
    let Some(mark) = mark_of(unit) else { return Own::default() };
    let enabled = place.enabled(&unit.listed.id);
    Own { ours: true, enabled, stopped: mark.boot == Boot::Restore && !enabled }
}
