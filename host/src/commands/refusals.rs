//! What is refused before anything is changed: fields that a backend does not honour, specs that it would
//! not take, users that the caller may not name.

use anysvc_backend_api::{Deadline, Description, Error, ErrorKind, Field, Result, ServiceSpec, Support};

use super::subject::{self, Subject};
use crate::{
    environment,
    session::{Opened, Session, user, user::Account},
};

/// Fails every subject whose spec can't be registered.
pub fn refuse(session: &Session, subjects: &mut [Subject], deadline: Deadline) {
    refuse_those(session, subjects, |_| true, deadline);
}

/// The same for some of them.
pub fn refuse_those(
    session: &Session,
    subjects: &mut [Subject],
    wanted: impl Fn(&Subject) -> bool,
    deadline: Deadline,
) {
    for subject in subjects.iter_mut().filter(|subject| subject.fine() && wanted(subject)) {
        if let Err(error) = plainly(session, subject) {
            subject.fail(error);
        }
    }
    subject::each(
        subjects,
        |subject| subject.spec.is_some() && wanted(subject),
        |backend: &Opened, asked: &[&Subject]| {
            backend.remote.check(asked.iter().filter_map(|s| for_backend(s)).collect(), deadline)
        },
        |subject, answer| {
            if let Err(error) = answer {
                subject.fail(error);
            }
        },
    );
}

/// The spec as its backend is given it.
pub fn for_backend(subject: &Subject) -> Option<ServiceSpec> {
    let (spec, backend) = (subject.spec.as_ref()?, subject.backend.as_ref()?);
    Some(spec.for_backend(&backend.id))
}

/// What the host can tell without asking.
fn plainly(session: &Session, subject: &Subject) -> Result<()> {
    let (Some(spec), Some(backend)) = (for_backend(subject), subject.backend.as_ref()) else { return Ok(()) };
    fields(&spec, backend.description()?)?;
    if spec.is_transient() && environment::boot().is_empty() {
        return Err(Error::unsupported("transient: nothing here tells this boot from the next")
            .with_hint("mount /proc, or leave it out"));
    }
    let invalid = |error| Error { kind: ErrorKind::InvalidSpec, ..error };
    let caller = session.env.caller();
    if let Some(user) = &spec.user {
        let uid = Account::find(user).map_err(invalid)?.uid;
        may_name("user", user, caller.is_root() || uid == caller.euid)?;
    }
    if let Some(group) = &spec.group {
        let gid = user::group(group).map_err(invalid)?;
        may_name("group", group, caller.is_root() || gid == caller.egid)?;
    }
    Ok(())
}

/// `unsupported`, naming the field that the spec sets and the backend does not honour.
fn fields(spec: &ServiceSpec, description: &Description) -> Result<()> {
    let refused =
        Field::set_by(spec).into_iter().find(|&field| description.support(field) == Support::Refused);
    let Some(field) = refused else { return Ok(()) };
    let note = description.fields.iter().rfind(|f| f.field == field).and_then(|f| f.note.as_deref());
    let why = note.map(|note| format!(": {note}")).unwrap_or_default();
    let message = format!("{} can't honour `{field}`{why}", description.id);
    Err(Error::unsupported(message)
        .with_hint("leave it out; `anysvc backends --matrix` shows who can do what"))
}

/// Only root may run services as somebody else.
fn may_name(field: &str, named: &str, may: bool) -> Result<()> {
    if may {
        return Ok(());
    }
    let message = format!("only root may run a service as the {field} `{}`", named.escape_debug());
    Err(Error::new(ErrorKind::PermissionDenied, message)
        .with_hint(format!("leave `{field}` out to run it as yourself, or register it with sudo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_field_is_named_with_the_reason() {
        let description = Description::new("mock", "", "1").supports(Support::Native, &[Field::Env]).noted(
            Support::Refused,
            Field::Umask,
            "it has no mask",
        );
        let mut spec = ServiceSpec::default();
        assert_eq!(fields(&spec, &description), Ok(()));
        spec.umask = Some(0o77);
        let error = fields(&spec, &description).expect_err("it is refused");
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert_eq!(error.message, "mock can't honour `umask`: it has no mask");
    }
}
