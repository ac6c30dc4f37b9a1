//! Which services the words of a command line mean: names, those of a template, or all. It must not know what
//! is done with them.

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::{
    subject::{self, Subject},
    template,
};
use crate::{cli::Selected, session::Session, spec::Origin, store::Header};

/// The services that a verb is for.
///
/// # Errors
/// As [`subject::named`] and [`subject::all`]; `not-registered` for a template that is not there,
/// `invalid-name` for an instance that none can be called.
pub fn services(session: &Session, which: &Selected) -> Result<Vec<Subject>> {
    match (&which.template, &which.instance) {
        _ if which.all => subject::all(session),
        (None, _) => subject::named(session, &which.names),
        (Some(template), Some(instance)) => {
            let mut subjects = subject::named(session, &[instance_name(session, template, instance)?])?;
            for subject in &mut subjects {
                subject.origin = Some(Origin { template: template.clone(), instance: instance.clone() });
            }
            Ok(subjects)
        }
        (Some(template), None) => {
            let found = subject::all_that(session, |header| header.template.as_ref() == Some(template))?;
            if found.is_empty() {
                template::find(session, template)?;
                session.warn(format!("the template `{}` has no instance here", template.escape_debug()));
            }
            Ok(found)
        }
    }
}

/// The name of the one service that is meant.
///
/// # Errors
/// As [`services`].
pub fn name_of(session: &Session, which: &Selected) -> Result<String> {
    match (&which.names[..], &which.template, &which.instance) {
        ([name], ..) => Ok(name.clone()),
        (_, Some(template), Some(instance)) => instance_name(session, template, instance),
        _ => Err(Error::new(ErrorKind::Usage, "one service is wanted")),
    }
}

/// What an instance is called, or would be.
fn instance_name(session: &Session, template: &str, instance: &str) -> Result<String> {
    match registered(session, template, instance)? {
        Some(name) => Ok(name),
        None => template::find(session, template)?.service_name(instance),
    }
}

/// What an instance that is registered is called. Its template may be gone, or name its services otherwise
/// by now.
pub fn registered(session: &Session, template: &str, instance: &str) -> Result<Option<String>> {
    let headers = session.store()?.headers()?.headers;
    let is_it = |header: &Header| {
        header.template.as_deref() == Some(template) && header.instance.as_deref() == Some(instance)
    };
    Ok(headers.into_iter().find(is_it).map(|header| header.name))
}

/// The services that are to be looked at: all, unless something was said. What can't be read of all in the
/// store has failed, as one that is named has.
///
/// # Errors
/// As [`services`].
pub fn looked_at(session: &Session, which: &Selected) -> Result<Vec<Subject>> {
    if !which.is_empty() {
        return services(session, which);
    }
    let (mine, problems) = subject::headers(session, |_| true)?;
    let mut subjects = subject::of_headers(session, mine)?;
    subjects.extend(problems.into_iter().map(|problem| Subject::new(&problem.name, Err(problem.error))));
    Ok(subjects)
}
