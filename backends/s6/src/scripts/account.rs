//! Which account a service runs as, and the commands that get there. Knows no script.

use std::os::unix::ffi::OsStrExt;

use anysvc_backend_api::{Error, ErrorKind, Result, ServiceSpec};
use anysvc_backend_support::shell::{line, word};

use super::{Owner, Tools};

/// Who runs the steps of a script.
pub(super) enum Account<'a> {
    /// The owner, who is not root; root's supervisor has to become him first.
    Owner,
    /// Root, to the end.
    Root,
    /// Root, and then this user and group.
    Other {
        /// Root itself if only a group is given.
        user: &'a str,
        group: Option<&'a str>,
    },
}

impl<'a> Account<'a> {
    pub(super) fn of(spec: &'a ServiceSpec, owner: &Owner) -> Result<Account<'a>> {
        let (user, group) = (spec.user.as_deref(), spec.group.as_deref());
        if owner.uid == 0 {
            return Ok(match (user, group) {
                (None, None) => Account::Root,
                (user, group) => Account::Other { user: user.unwrap_or("root"), group },
            });
        }
        let own = |text: &str| owner.name.as_deref() == Some(text) || text.parse() == Ok(owner.uid);
        match (user, group) {
            (Some(user), _) if !own(user) => Err(denied("user", user)),
            (_, Some(group)) if group.parse() != Ok(owner.gid) => Err(denied("group", group)),
            _ => Ok(Account::Owner),
        }
    }
}

fn denied(field: &str, wanted: &str) -> Error {
    let wanted = wanted.escape_debug();
    Error::new(ErrorKind::PermissionDenied, format!("{field}: only root may name another one (`{wanted}`)"))
        .with_hint(format!("leave `{field}` out, or register as root"))
}

/// The command, arguments open at its end, that becomes the owner for good.
pub(super) fn become_owner(tools: &Tools, owner: &Owner) -> Vec<u8> {
    let groups = owner.groups.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let ids = format!(
        " -u {} -g {} -G {} --",
        owner.uid,
        owner.gid,
        if groups.is_empty() { "''" } else { &groups }
    );
    line!(tool(tools, "s6-applyuidgid"), ids)
}

/// The command, arguments open at its end, by which root becomes the user of a service.
pub(super) fn become_user(tools: &Tools, user: &str, group: Option<&str>) -> Vec<u8> {
    let numeric = user.parse::<u32>().is_ok();
    match group {
        // The numbers of an account that need not exist.
        Some(group) if numeric => line!(tool(tools, "s6-setuidgid"), " ", user, ":", group),
        // s6-setuidgid knows no group by name; these two are what it consists of.
        Some(group) => line!(
            tool(tools, "s6-envuidgid"),
            " ",
            word(user),
            " ",
            tool(tools, "s6-envuidgid"),
            " -gn ",
            word(group),
            " ",
            tool(tools, "s6-applyuidgid"),
            " -Uz --",
        ),
        None => line!(tool(tools, "s6-setuidgid"), " ", word(user)),
    }
}

/// The lines that say in the environment whose process it is, but for what the spec says itself.
pub(super) fn identity(spec: &ServiceSpec, owner: &Owner, account: &Account<'_>) -> Vec<Vec<u8>> {
    let (home, name) = match account {
        Account::Other { user, .. } if user.parse::<u32>().is_ok() => (b"/".to_vec(), None),
        // The shell looks the home up, in whatever account database there is.
        Account::Other { user, .. } => (line!("~", user), Some(*user)),
        _ => (word(home(owner)), owner.name.as_deref()),
    };
    let mut lines = Vec::new();
    for (variable, value) in [("HOME", Some(home)), ("USER", name.map(word)), ("LOGNAME", name.map(word))] {
        if !spec.env.iter().any(|e| e.name == variable) {
            lines.push(match value {
                // Not in one: not every shell expands a `~` in an argument of `export`.
                Some(value) => line!(variable, "=", value, "; export ", variable),
                None => line!("unset ", variable),
            });
        }
    }
    lines
}

/// The owner's home, or `/`.
pub(super) fn home(owner: &Owner) -> &[u8] {
    owner.home.as_ref().map_or(b"/", |home| home.as_os_str().as_bytes())
}

/// A command of s6's, by its absolute path.
pub(super) fn tool(tools: &Tools, name: &str) -> Vec<u8> {
    word(tools.dir.join(name).as_os_str().as_bytes())
}
