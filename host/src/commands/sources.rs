//! The services and templates that a command line describes: by its options, by a file, by a template.

use std::{io::Read as _, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::{select, template};
use crate::{
    cli::Source,
    session::Session,
    spec::{self, Origin, Spec, SpecFile, Template},
};

/// The largest spec that is read from standard input, in bytes.
const LARGEST: u64 = 16 << 20;

/// A service that is wanted.
pub struct Wanted {
    /// How it is to run.
    pub spec: Spec,
    /// What it was made from.
    pub origin: Option<Origin>,
}

impl From<Spec> for Wanted {
    fn from(spec: Spec) -> Wanted {
        Wanted { spec, origin: None }
    }
}

/// What a command line describes.
pub struct Described {
    /// Templates to be stored.
    pub templates: Vec<Template>,
    /// Services, in their order.
    pub services: Vec<Wanted>,
}

/// Reads it.
///
/// # Errors
/// What is wrong with it; `usage` for a file without anything in it; `not-registered` for a template that
/// is not there.
pub fn describe(session: &Session, source: Source) -> Result<Described> {
    let lookup = |variable: &str| session.env.variable_as_set(variable);
    match source {
        Source::Command { name, argv, options } => Ok(one(options.build(&name, argv, &lookup)?.into())),
        Source::File(path) => file(read(&path)?, &path),
        Source::Template { template, instance, options } => {
            let template = template::find(session, &template)?;
            refuse_second(session, &template, &instance)?;
            let spec = options.apply(template.instance(&instance)?, &lookup)?;
            Ok(one(Wanted { spec, origin: Some(template.origin(&instance)) }))
        }
    }
}

/// An instance that was registered while its template named services otherwise keeps that name, and must not
/// run twice.
fn refuse_second(session: &Session, template: &Template, instance: &str) -> Result<()> {
    let now = template.service_name(instance)?;
    match select::registered(session, &template.name, instance)? {
        Some(name) if name != now => {
            let (template, message) = (
                &template.name,
                format!("this instance of `{}` is registered as `{name}` already", template.name),
            );
            Err(Error::new(ErrorKind::AlreadyRegistered, message).with_service(&now).with_hint(format!(
                "its template names it `{now}` now: `anysvc unregister --template {template} --instance {instance}` \
                 makes place for that"
            )))
        }
        _ => Ok(()),
    }
}

fn one(service: Wanted) -> Described {
    Described { templates: Vec::new(), services: vec![service] }
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

fn file(file: SpecFile, path: &Path) -> Result<Described> {
    if file.services.is_empty() && file.templates.is_empty() {
        let from =
            if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        return Err(Error::new(ErrorKind::Usage, format!("{from} has no services"))
            .with_hint("write a [service.NAME] table into it"));
    }
    let services = file.services.into_iter().map(Wanted::from).collect();
    Ok(Described { templates: file.templates, services })
}
