//! In what services of ours differ from what would be made now: what somebody edited shows, and is told from
//! what an older version wrote.

use anysvc_backend_api::{Batch, Boot, Difference, Error, Registration, Result, User};

use super::plan;
use crate::{
    shelf::{self, Found, Shelf},
    unit,
    verbs::Services,
};

/// Compares them; one answer each.
pub(crate) fn compare(
    services: &Services<'_>,
    owner: &User,
    batch: &Batch<Registration>,
) -> Vec<Result<Difference>> {
    batch.each(|registration| {
        let name = &registration.spec.name;
        let kept = match Shelf::find(services.place, name)? {
            Found::Ours(kept) => kept,
            Found::Foreign(path) => return Err(Error::not_ours(name).with_path(path)),
            Found::Nothing => return Err(Error::not_registered(name)),
        };
        let files = plan::render(services, owner, registration)?;
        let moved = kept.transient != registration.spec.is_transient();
        let values = kept.environment.as_deref() != files.environment.as_deref().map(str::as_bytes);
        let unit = moved || kept.unit != files.unit.as_bytes();
        let folder = services.place.folder(kept.transient)?;
        let at_boot = match registration.spec.boot() {
            Boot::Restore => registration.start,
            boot => boot == Boot::Up,
        };
        let link = folder.enabled(&format!("{name}.service")) != at_boot;
        let parts = [
            (unit, format!("{name}.service")),
            (values, format!("{name}.service.env")),
            (link, folder.link_name(name)),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter_map(|(differs, part)| differs.then_some(part)).collect();
        let outdated = unit
            && !values
            && !link
            && unit::is_from(&kept.unit, &registration.spec)
            && shelf::theirs(folder, name)?.is_empty();
        Ok(Difference { parts, outdated })
    })
}
