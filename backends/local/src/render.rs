//! What registering would do, in files and words: pure. It must not know whether it is ever done.

use anysvc_backend_api::{Context, Registration, RenderedFile, Rendering, Result};

use crate::{check::check, records};

/// All that registering this would do.
///
/// # Errors
/// What registering it would refuse.
pub fn render(registration: &Registration, context: &Context) -> Result<Rendering> {
    check(&registration.spec)?;
    let spec = &registration.spec;
    let folder = context.state_dir.join("backend-local");
    let record = RenderedFile {
        path: folder.join("services").join(&spec.name),
        mode: 0o600,
        content: records::content(registration).into(),
        secret: true,
    };
    let words: Vec<String> = spec.command.iter().map(|word| format!("`{word}`")).collect();
    let mut calls = vec![format!("ask the supervisor behind {}/socket to register it", folder.display())];
    if registration.start {
        calls.push(format!("the supervisor runs, in a session of its own: {}", words.join(" ")));
    }
    Ok(Rendering { files: vec![record], calls })
}
