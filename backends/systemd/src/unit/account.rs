//! Which account a service runs as.

use anysvc_backend_api::{Error, ErrorKind, Result, Scope, ServiceSpec, User};

/// The values of `User=` and `Group=`, where they are to be written.
///
/// # Errors
/// `permission-denied` where a user names another account; `unsupported` for a name that systemd does not take.
pub(super) fn account<'a>(
    spec: &'a ServiceSpec,
    scope: Scope,
    owner: &User,
) -> Result<(Option<&'a str>, Option<&'a str>)> {
    let (user, group) = (spec.user.as_deref(), spec.group.as_deref());
    for (field, name) in [("user", user), ("group", group)] {
        if let Some(name) = name.filter(|name| !is_name(name)) {
            let name = name.escape_debug();
            return Err(Error::unsupported(format!("{field}: `{name}` is no name that systemd takes")));
        }
    }
    if scope == Scope::System {
        // Said of root as well: with it systemd sets HOME, USER and LOGNAME.
        return Ok((Some(user.unwrap_or("root")), group));
    }
    let own = |text: &str| owner.name.as_deref() == Some(text) || text.parse() == Ok(owner.uid);
    match (user, group) {
        (Some(user), _) if !own(user) => Err(denied("user", user)),
        (_, Some(group)) if group.parse() != Ok(owner.gid) => Err(denied("group", group)),
        _ => Ok((None, None)),
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(allowed)
}

fn denied(field: &str, wanted: &str) -> Error {
    let message = format!("{field}: only root may name another one (`{wanted}`)");
    Error::new(ErrorKind::PermissionDenied, message)
        .with_hint(format!("leave `{field}` out, or register as root"))
}
