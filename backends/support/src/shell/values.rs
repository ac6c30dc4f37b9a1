//! Values that a script gets when it runs: the lines of an environment file, and paths that are expanded.

use std::{os::unix::ffi::OsStrExt, path::Path};

use anysvc_backend_api::{
    ServiceSpec,
    expand::{Piece, pieces},
};

use super::{Script, line, word};

/// Variables that shells keep for themselves: whatever comes in, something else goes out, and dash ends at
/// once when OPTIND is no number.
pub const SHELLS_OWN: &[&str] = &[
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

/// The function by which a script gives up with a message.
pub fn fail(script: &mut Script, name: &str) {
    script.raw(&line!("fail() { printf 'anysvc: %s: %s\\n' ", name, " \"$2\" >&2; exit \"$1\"; }"));
}

/// Reads the environment file: `NAME=value` lines, never evaluated. What the spec sets itself stays.
/// A `quiet` reader skips what it can't use, the whole file included.
pub fn read_file(script: &mut Script, spec: &ServiceSpec, quiet: bool) {
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
pub fn expand(script: &mut Script, variable: &str, field: &str, path: &Path) {
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
pub fn expands(path: &Path) -> bool {
    let pieces = pieces(path.as_os_str().as_bytes()).unwrap_or_default();
    pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }))
}
