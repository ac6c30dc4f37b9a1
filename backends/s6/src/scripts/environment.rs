//! The environment of a service: the container's, `env/`, the lines of an environment file, and paths
//! that are expanded from all of these.

use std::{os::unix::ffi::OsStrExt, path::Path};

use anysvc_backend_api::{
    ServiceSpec,
    expand::{Piece, pieces},
};

use super::{
    File, Plan,
    account::{self, Account, tool},
    script::{Script, line, word},
};

/// `env/`: a file for each variable, which s6-envdir reads as the account that the service runs as.
pub(super) fn files(spec: &ServiceSpec) -> Vec<File> {
    let file = |name: &str, value: &[u8]| File {
        path: Path::new(if is_late(name) { LATE } else { "env" }).join(name),
        mode: 0o600,
        // s6-envdir -f takes one newline off the end, and an empty file would unset the variable.
        content: [value, b"\n"].concat(),
        secret: true,
    };
    spec.env.iter().map(|e| file(&e.name, &e.value)).collect()
}

/// Variables that shells keep for themselves: whatever comes in, something else goes out, and dash ends at
/// once when OPTIND is no number. They are loaded when the shell is done.
const SHELLS_OWN: &[&str] = &[
    "BASHOPTS",
    "BASHPID",
    "BASH_ENV",
    "BASH_VERSINFO",
    "ENV",
    "EUID",
    "GROUPS",
    "IFS",
    "LINENO",
    "OLDPWD",
    "OPTIND",
    "POSIXLY_CORRECT",
    "PPID",
    "PS4",
    "PWD",
    "SHELLOPTS",
    "SHLVL",
    "UID",
    "_",
];

/// Where they are.
pub(super) const LATE: &str = "data/env";

fn is_late(name: &str) -> bool {
    SHELLS_OWN.contains(&name)
}

/// The names that are loaded before the shell, or after it.
pub(super) fn names(spec: &ServiceSpec, late: bool) -> Vec<&str> {
    spec.env.iter().map(|e| &*e.name).filter(|name| is_late(name) == late).collect()
}

/// The first stage of a script: it calls itself again, as whom and with what environment it ought to.
/// `above` leads to the service directory. Root that is to become another user loads no `env/` here: what
/// the loader and the shell would make of it is the user's affair (LD_LIBRARY_PATH, PATH).
pub(super) fn enter(script: &mut Script, plan: &Plan<'_>, above: &str) {
    script.text("if [ $# -lt 2 ]; then\n    set -- ./run \"${1-}\" go");
    if !matches!(plan.account, Account::Other { .. }) {
        script.raw(&line!("    set -- ", envdir(plan, above), "\"$@\""));
    }
    if let Account::Owner = plan.account {
        script.text("    # Where root's supervisor runs this, it becomes the owner for good.");
        let become_owner = account::become_owner(plan.tools, plan.owner);
        script.raw(&line!("    [ -O run ] || set -- ", become_owner, " \"$@\""));
    }
    script.text(
        "    # Under s6-overlay the environment is the container's.\n    \
         for anysvc_with in /command/with-contenv /usr/bin/with-contenv; do\n        \
         if [ -x \"$anysvc_with\" ]; then exec \"$anysvc_with\" \"$@\"; fi\n    \
         done\n    \
         exec \"$@\"\n\
         fi",
    );
}

/// The last step of root's part: the script calls itself once more, as the service's user. The folder
/// `env/` is root's, its files become the user's, who gets to know what they hold anyhow.
pub(super) fn leave_root(script: &mut Script, plan: &Plan<'_>, above: &str, limits: &[u8], drop: &[u8]) {
    if let Account::Other { user, .. } = &plan.account {
        for (late, folder) in [(false, "env"), (true, LATE)] {
            if !names(plan.spec, late).is_empty() {
                script.raw(&line!("command -p chown ", word(user), " ", above, folder, "/* || exit 111"));
            }
        }
    }
    script.raw(&line!("exec ", limits, drop, " ", envdir(plan, above), "./run \"${1-}\" user"));
}

/// The command that loads `env/`, or nothing.
fn envdir(plan: &Plan<'_>, above: &str) -> Vec<u8> {
    if names(plan.spec, false).is_empty() {
        return Vec::new();
    }
    line!(tool(plan.tools, "s6-envdir"), " -f -L -- ", above, "env ")
}

/// The function by which a script gives up with a message.
pub(super) fn fail(script: &mut Script, name: &str) {
    script.raw(&line!("fail() { printf 'anysvc: %s: %s\\n' ", name, " \"$2\" >&2; exit \"$1\"; }"));
}

/// Reads the environment file: `NAME=value` lines, never evaluated. What the spec sets itself stays.
/// A `quiet` reader skips what it can't use, the whole file included.
pub(super) fn read_file(script: &mut Script, spec: &ServiceSpec, quiet: bool) {
    let Some(path) = &spec.env_file else { return };
    expand(script, "anysvc_file", "env-file", path);
    let (unreadable, bad) = if quiet {
        ("anysvc_file=/dev/null", ":")
    } else {
        (
            "fail 111 \"env-file: cannot read $anysvc_file\"",
            "fail 78 \"$anysvc_file, line $anysvc_number: not NAME=value\"",
        )
    };
    let mut own = String::new();
    if !spec.env.is_empty() {
        let names: Vec<&str> = spec.env.iter().map(|e| &*e.name).collect();
        own = format!("    {}) ;;\n", names.join(" | "));
    }
    script.text(&format!(
        "# Its lines are NAME=value, and nothing in them is evaluated.\n\
         [ -r \"$anysvc_file\" ] && [ ! -d \"$anysvc_file\" ] || {unreadable}\n\
         anysvc_number=0\n\
         while IFS= read -r anysvc_line || [ -n \"$anysvc_line\" ]; do\n    \
         anysvc_number=$((anysvc_number + 1))\n    \
         case $anysvc_line in '' | '#'*) continue ;; *=*) ;; *) anysvc_line= ;; esac\n    \
         case ${{anysvc_line%%=*}} in\n    \
         '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) {bad} ;;\n\
         {own}    \
         *) export \"$anysvc_line\" ;;\n    \
         esac\n\
         done <\"$anysvc_file\""
    ));
}

/// Sets a variable of the script to a path, expanded.
pub(super) fn expand(script: &mut Script, variable: &str, field: &str, path: &Path) {
    let pieces = pieces(path.as_os_str().as_bytes()).unwrap_or_default();
    let mut value = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Literal(text) => value.extend(word(text)),
            Piece::Variable { name, default: None } => {
                script.text(&format!("[ -n \"${{{name}-}}\" ] || fail 78 '{field}: {name} is not set'"));
                value.extend(line!("${", name, "}"));
            }
            Piece::Variable { name, default: Some(text) } => {
                value.extend(line!("${", name, ":-", word(text), "}"))
            }
        }
    }
    // An assignment is neither split nor globbed.
    script.raw(&line!(variable, "=", value));
    if !matches!(pieces.first(), Some(Piece::Literal(_))) {
        script.text(&format!(
            "case ${variable} in /*) ;; *) fail 78 \"{field}: not an absolute path: ${variable}\" ;; esac"
        ));
    }
}

/// Whether a path has anything to be expanded.
pub(super) fn expands(path: &Path) -> bool {
    let pieces = pieces(path.as_os_str().as_bytes()).unwrap_or_default();
    pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }))
}
