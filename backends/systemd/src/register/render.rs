//! What registering would do, without doing it.

use anysvc_backend_api::{Boot, Registration, RenderedFile, Rendering, Result, Scope, User};

use super::plan;
use crate::{shelf, verbs::Services};

/// The files and the calls for one service.
///
/// # Errors
/// What registering it would refuse.
pub(crate) fn render(
    services: &Services<'_>,
    owner: &User,
    registration: &Registration,
) -> Result<Rendering> {
    let folder = services.place.folder(registration.spec.is_transient())?;
    let files = plan::render(services, owner, registration)?;
    let name = &registration.spec.name;
    let unit = format!("{name}.service");
    let values = files.environment.map(|text| RenderedFile {
        path: shelf::environment(folder, name),
        mode: 0o600,
        content: text.into_bytes().into(),
        secret: true,
    });
    let text = RenderedFile {
        path: folder.unit(&unit),
        mode: 0o644,
        content: files.unit.into_bytes().into(),
        secret: false,
    };
    let manager = if services.gate.scope() == Scope::System { "systemd" } else { "the user's systemd" };
    let mut calls = vec![format!("tell {manager}: Reload")];
    let at_boot = match registration.spec.boot() {
        Boot::Up => true,
        Boot::Restore => registration.start,
        _ => false,
    };
    if at_boot {
        let link = folder.link(&unit);
        let until = if folder.transient { "is enabled until the next boot" } else { "starts at boot" };
        calls.push(format!("link {} to it: it {until}", link.display()));
    }
    if registration.start {
        calls.push(format!("tell {manager}: ResetFailedUnit {unit}"));
        calls.push(format!("tell {manager}: StartUnit {unit}, and wait for the job's result"));
    }
    Ok(Rendering { files: values.into_iter().chain([text]).collect(), calls })
}
