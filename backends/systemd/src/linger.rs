//! Whether a user's manager runs without a login. It is only told of, never changed.

use std::path::Path;

use anysvc_backend_api::{Context, Scope};

/// logind's own note of it, which everybody may read.
const FOLDER: &str = "/var/lib/systemd/linger";

/// What a user ought to know whose services end with his last login.
pub(crate) fn warning(context: &Context) -> Option<String> {
    let name = context.user.name.as_ref().filter(|_| context.scope == Scope::User)?;
    let lingers = Path::new(FOLDER).join(name).symlink_metadata().is_ok();
    (!lingers).then(|| {
        format!(
            "services of `{name}` run while he is logged in, and not from boot on; \
             `loginctl enable-linger {name}` changes that"
        )
    })
}
