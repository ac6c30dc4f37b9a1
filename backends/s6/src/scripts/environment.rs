//! The environment of a service: the container's, and `env/`.

use std::path::Path;

use anysvc_backend_api::ServiceSpec;
use anysvc_backend_support::shell::{SHELLS_OWN, Script, line, word};

use super::{
    File, Plan,
    account::{self, Account, tool},
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

/// Where those of the variables are that shells keep for themselves: they are loaded when the shell is done.
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
