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
/// A `quiet` reader skips what it can't use, the whole file included. The script's own variables are nobody
/// else's to set: in `$((...))` bash evaluates what is in them.
pub fn read_file(script: &mut Script, spec: &ServiceSpec, quiet: bool) {
    let Some(path) = &spec.env_file else { return };
    expand(script, "anysvc_file", "env-file", path);
    let (unreadable, bad, ours) = if quiet {
        ("anysvc_file=/dev/null", ":", ":")
    } else {
        (
            "fail 111 \"env-file: cannot read $anysvc_file\"",
            "fail 78 \"$anysvc_file, line $anysvc_number: not NAME=value\"",
            "fail 78 \"$anysvc_file, line $anysvc_number: a name of the scripts' own\"",
        )
    };
    let mut own = String::new();
    if !spec.env.is_empty() {
        let names: Vec<&str> = spec.env.iter().map(|e| &*e.name).collect();
        own = format!("    {}) ;;\n", names.join(" | "));
    }
    script.text(&format!(
        "# Its lines are NAME=value, and nothing in them is evaluated.\n\
         [ -r \"$anysvc_file\" ] && [ -f \"$anysvc_file\" ] || {unreadable}\n\
         anysvc_number=0\n\
         while IFS= read -r anysvc_line || [ -n \"$anysvc_line\" ]; do\n    \
         anysvc_number=$((anysvc_number + 1))\n    \
         case $anysvc_line in '' | '#'*) continue ;; *=*) ;; *) anysvc_line= ;; esac\n    \
         case ${{anysvc_line%%=*}} in\n    \
         '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) {bad} ;;\n    \
         anysvc_*) {ours} ;;\n\
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

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::OpenOptionsExt as _, path::PathBuf, process::Command};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("anysvc-shell-{test}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).expect("a folder");
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// What a reader of a file says, and its exit code.
    fn ran(path: &Path, quiet: bool) -> (String, Option<i32>) {
        let spec = ServiceSpec { env_file: Some(path.to_owned()), ..ServiceSpec::default() };
        let mut script = Script::default();
        fail(&mut script, "web");
        read_file(&mut script, &spec, quiet);
        script.text("echo \"A is ${A-}\"");
        let script = String::from_utf8(script.finish()).expect("text");
        let out = Command::new("/bin/sh").args(["-c", &script]).output().expect("there is a shell");
        (String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).trim().to_owned(), out.status.code())
    }

    #[test]
    fn a_file_does_not_reach_the_scripts_own_variables() {
        let folder = Folder::new("own");
        let (path, victim) = (folder.0.join("env"), folder.0.join("victim"));
        fs::write(&path, format!("anysvc_number=a[$(touch {})0]\nA=1\n", victim.display())).expect("written");
        let (said, code) = ran(&path, false);
        assert!(said.ends_with("line 1: a name of the scripts' own"), "{said}");
        assert_eq!(code, Some(78));
        assert_eq!(ran(&path, true), ("A is 1".to_owned(), Some(0)));
        assert!(!victim.exists());
    }

    #[test]
    fn nothing_is_waited_for_that_is_no_file() {
        let folder = Folder::new("fifo");
        let path = folder.0.join("env");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .expect("a FIFO");
        // Were it read, there would be a line that is none.
        let mut options = fs::File::options();
        let options = options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let mut held = options.open(&path).expect("it can be opened");
        std::io::Write::write_all(&mut held, b"none\n").expect("written");
        let (said, code) = ran(&path, false);
        assert!(said.contains("env-file: cannot read"), "{said}");
        assert_eq!(code, Some(111));
    }
}
