//! From what systemd starts to the program itself: directly where systemd can do all that the spec wants,
//! else through `env` or a short script of `/bin/sh`.

use std::{os::unix::ffi::OsStrExt, path::Path};

use anysvc_backend_api::ServiceSpec;
use anysvc_backend_support::shell::{self, Script, line};

use super::text::{command_line, is_plain};

/// What `ExecStart=` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Launch {
    /// The program.
    Direct,
    /// `env`, which looks it up in the service's own PATH. (systemd looks in a PATH that was compiled in,
    /// and takes no path with a quote or a backslash.)
    Env,
    /// A script: it reads the environment file, and enters the directory.
    Shell,
}

impl Launch {
    pub(super) fn of(spec: &ServiceSpec) -> Launch {
        let program: &[u8] = spec.command.first().map_or(b"", |program| program);
        let scripted = spec.env_file.is_some() || spec.directory.as_deref().is_some_and(|d| !is_literal(d));
        match () {
            () if scripted => Launch::Shell,
            // systemd takes no path that ends in a slash, and then not the unit.
            () if is_plain(program) && program.starts_with(b"/") && !program.ends_with(b"/") => {
                Launch::Direct
            }
            // `env` would take it for a variable or an option.
            () if program.contains(&b'=') || program.starts_with(b"-") => Launch::Shell,
            () => Launch::Env,
        }
    }
}

/// The value of `ExecStart=`.
pub(super) fn exec_start(spec: &ServiceSpec) -> String {
    let command = spec.command.iter().map(|argument| &argument[..]);
    match Launch::of(spec) {
        Launch::Direct => command_line(command),
        Launch::Env => command_line([&b"/usr/bin/env"[..], b"--"].into_iter().chain(command)),
        Launch::Shell => {
            let script = script(spec);
            let shell: [&[u8]; 4] = [b"/bin/sh", b"-c", &script, spec.name.as_bytes()];
            command_line(shell.into_iter().chain(command))
        }
    }
}

/// The value of `ExecCondition=`: it fails unless the condition holds. What is not wanted need not be
/// complete: an environment file that can't be used is told of when it is.
pub(super) fn exec_condition(spec: &ServiceSpec) -> Option<String> {
    let condition = spec.when.as_ref()?;
    let mut script = Script::default();
    if spec.env_file.is_some() {
        shell::fail(&mut script, &spec.name);
        shell::read_file(&mut script, spec, true);
    }
    script.text(&shell::unless(condition, "exit 1"));
    Some(command_line([&b"/bin/sh"[..], b"-c", &script.finish(), spec.name.as_bytes()]))
}

fn script(spec: &ServiceSpec) -> Vec<u8> {
    let mut script = Script::default();
    shell::fail(&mut script, &spec.name);
    shell::read_file(&mut script, spec, false);
    if let Some(path) = spec.directory.as_deref().filter(|path| !is_literal(path)) {
        shell::expand(&mut script, "anysvc_directory", "directory", path);
        script
            .text("cd -P -- \"$anysvc_directory\" || fail 111 \"directory: cannot enter $anysvc_directory\"");
    }
    // `exec` of some shells takes no `--`.
    script.raw(&line!("exec \"$@\""));
    script.finish()
}

/// Whether systemd can enter this directory as it is written.
pub(super) fn is_literal(path: &Path) -> bool {
    is_plain(path.as_os_str().as_bytes()) && !path.components().any(|part| part.as_os_str() == "..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::{Bytes, Condition};

    fn spec(command: &[&str]) -> ServiceSpec {
        let command = command.iter().map(|&argument| Bytes::from(argument)).collect();
        ServiceSpec { name: "web".into(), command, ..ServiceSpec::default() }
    }

    #[test]
    fn a_plain_command_is_started_as_it_is() {
        assert_eq!(exec_start(&spec(&["/bin/sleep", "1 0"])), "/bin/sleep \"1 0\"");
    }

    #[test]
    fn a_name_is_looked_up_in_the_service_s_own_path() {
        assert_eq!(exec_start(&spec(&["sleep", "10"])), "/usr/bin/env -- sleep 10");
        assert_eq!(exec_start(&spec(&["/a b/c"])), "/usr/bin/env -- \"/a b/c\"");
        assert_eq!(exec_start(&spec(&["/opt/"])), "/usr/bin/env -- /opt/");
    }

    #[test]
    fn what_systemd_can_t_do_a_script_does() {
        let mut spec = spec(&["/a=b c"]);
        assert_eq!(
            exec_start(&spec),
            r#"/bin/sh -c "fail() { printf 'anysvc: %%s: %%s\n' web \x22$$2\x22 >&2; exit \x22$$1\x22; }\nexec \x22$$@\x22\n" web "/a=b c""#
                .replace("%s\\n'", "%s\\x5cn'")
        );
        spec.directory = Some("/srv/${X}".into());
        assert!(exec_start(&spec).contains("cd -P -- "));
        spec.directory = Some("/srv".into());
        assert!(!exec_start(&spec).contains("cd -P -- "));
    }

    #[test]
    fn a_condition_is_a_command_that_fails() {
        let mut spec = spec(&["/a"]);
        assert_eq!(exec_condition(&spec), None);
        spec.when = Some(Condition { env: "X".into(), truthy: None });
        let line = exec_condition(&spec).unwrap();
        assert!(line.contains("case $${X-} in\\n'') exit 1 ;;"), "{line}");
    }
}
