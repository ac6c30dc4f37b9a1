//! The specs that a command line describes: from its options, from a file, from a template.

use std::{io::Read as _, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result};

use crate::{
    cli::Source,
    session::Session,
    spec::{self, Spec, SpecFile},
};

/// The largest spec that is read from standard input, in bytes.
const LARGEST: u64 = 16 << 20;

/// The specs, in their order.
///
/// # Errors
/// What is wrong with them; `usage` for a file without services.
pub fn specs(session: &Session, source: Source) -> Result<Vec<Spec>> {
    match source {
        Source::Command { name, argv, options } => {
            let lookup = |variable: &str| session.env.variable_as_set(variable);
            Ok(vec![options.build(&name, argv, &lookup)?])
        }
        Source::File(path) => services(read(&path)?, &path),
        Source::Template { template, instance, .. } => Err(Error::unsupported(format!(
            "`{}` can't be made from the template `{}`: templates can't be used yet",
            instance.escape_debug(),
            template.escape_debug(),
        ))
        .with_hint("write a [service.NAME] for it")),
    }
}

fn read(path: &Path) -> Result<SpecFile> {
    if path != Path::new("-") {
        return spec::read(path);
    }
    let mut text = String::new();
    let failed = |cause: std::io::Error| Error::io("read", "standard input", &cause);
    std::io::stdin().lock().take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    spec::parse(&text, Path::new("standard input"))
}

fn services(file: SpecFile, path: &Path) -> Result<Vec<Spec>> {
    if file.services.is_empty() {
        let from =
            if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        let message = match file.templates.is_empty() {
            true => format!("{from} has no services"),
            false => format!("{from} has only templates, and services can't be made from them yet"),
        };
        return Err(Error::new(ErrorKind::Usage, message).with_hint("write a [service.NAME] table into it"));
    }
    Ok(file.services)
}
