//! `log/`: the s6-log that keeps a service's output in rotated files.

use std::os::unix::ffi::OsStrExt;

use anysvc_backend_api::LogTo;
use anysvc_backend_support::shell::{self, Script, line, word};

use super::{
    File, Plan,
    account::{self, Account, tool},
    environment, marker,
};

/// The most that s6-log writes at once: 8192 empty lines, each with a time in front of it.
const BURST: u64 = 8192 * 33;

pub(super) fn files(plan: &Plan<'_>) -> Vec<File> {
    if plan.spec.log.to.unwrap_or(LogTo::Files) != LogTo::Files {
        return Vec::new();
    }
    let file = |path: &str, mode, content| File { path: path.into(), mode, content, secret: false };
    let mut files =
        vec![file("log/type", 0o644, b"longrun\n".to_vec()), file("log/run", 0o755, render(plan))];
    let folder = plan.spec.log.directory.as_ref().unwrap_or(&plan.registration.log_directory);
    if plan.spec.log.directory.is_none() || !shell::expands(folder) {
        files.push(file(marker::LOG_FOLDER, 0o644, line!(folder.as_os_str().as_bytes(), "\n")));
    }
    if let Account::Other { user, .. } = plan.account {
        files.push(file(marker::LOG_USER, 0o644, line!(user, "\n")));
    }
    files
}

fn render(plan: &Plan<'_>) -> Vec<u8> {
    let spec = plan.spec;
    let mut script =
        Script::new(&format!("# Keeps what `{}` prints. Made by anysvc: see ../run.", spec.name));
    let path = spec.log.directory.as_deref();
    let expands = path.is_some_and(shell::expands);
    if let Account::Other { user, group } = plan.account {
        let drop = account::become_user(plan.tools, user, group);
        script.text("# For readers: they are not to trust all that is in a folder of that user's.");
        script.raw(&line!("if [ $# -lt 2 ]; then command -p id -u ", word(user), " >data/uid; fi"));
        if path.is_none() {
            inherited_folder(&mut script, plan, &drop);
            return script.finish();
        }
        if expands {
            script.text("# Whoever gets there notes where the log is, in a file of root's.");
            script.text("if [ $# -lt 2 ]; then exec 3>data/folder; fi");
            environment::enter(&mut script, plan, "../");
            script.text("if [ \"$2\" = go ]; then");
            environment::leave_root(&mut script, plan, "../", b"", &drop);
        } else {
            script.text("if [ \"${2-}\" != user ]; then");
            script.raw(&line!("exec ", drop, " ./run \"${1-}\" user"));
        }
        script.text("fi");
    } else if expands {
        environment::enter(&mut script, plan, "../");
    } else if let Account::Owner = plan.account {
        let become_owner = account::become_owner(plan.tools, plan.owner);
        script.raw(&line!("[ -O run ] || exec ", become_owner, " ./run"));
    }
    named_folder(&mut script, plan, expands);
    script.finish()
}

/// The folder below root's state, which the service's user owns: he can't get there by its path, as those
/// above it are closed, but by being put there.
fn inherited_folder(script: &mut Script, plan: &Plan<'_>, drop: &[u8]) {
    let path = plan.registration.log_directory.as_os_str().as_bytes();
    script.raw(&line!("cd -P -- ", word(path), " || exit 111"));
    script.text(PREPARE);
    let unlock = "if [ -e lock ] && [ ! -w lock ]; then rm -f lock; fi; exec \"$@\"";
    script.raw(&line!("exec ", drop, " /bin/sh -c ", word(unlock), " sh ", s6_log(plan), " ."));
}

/// From the name of the folder to s6-log, all as the account that writes there.
fn named_folder(script: &mut Script, plan: &Plan<'_>, expands: bool) {
    let spec = plan.spec;
    shell::fail(script, &spec.name);
    if expands {
        // As the program has it: above all the same HOME.
        for line in account::identity(spec, plan.owner, &plan.account) {
            script.raw(&line);
        }
        shell::read_file(script, spec, true);
    }
    let path = spec.log.directory.as_ref().unwrap_or(&plan.registration.log_directory);
    if spec.log.directory.is_some() {
        shell::expand(script, "anysvc_folder", "log.directory", path);
    } else {
        script.raw(&line!("anysvc_folder=", word(path.as_os_str().as_bytes())));
    }
    if expands {
        if !matches!(plan.account, Account::Other { .. }) {
            script.text("[ -d data ] || command -p mkdir data");
        }
        let inherited = matches!(plan.account, Account::Other { .. });
        let note = if inherited { ">&3\nexec 3>&-" } else { ">data/folder" };
        script.text(&format!("printf '%s\\n' \"$anysvc_folder\" {note}"));
    }
    script.text(PREPARE);
    script.text(
        "if [ ! -d \"$anysvc_folder\" ]; then\n    \
         command -p mkdir -p -- \"$anysvc_folder\" || fail 111 \"log: cannot create $anysvc_folder\"\n\
         fi\n\
         # A lock file that another account left.\n\
         if [ -e \"$anysvc_folder/lock\" ] && [ ! -w \"$anysvc_folder/lock\" ]; then\n    \
         command -p rm -f -- \"$anysvc_folder/lock\"\n\
         fi",
    );
    script.raw(&line!("exec ", s6_log(plan), " \"$anysvc_folder\""));
}

/// Files for the owner's group at most, and times in UTC: s6-log writes local time.
const PREPARE: &str = "umask 027\nTZ=UTC0; export TZ";

/// The command, up to the folder.
fn s6_log(plan: &Plan<'_>) -> Vec<u8> {
    let (size, keep) = (plan.spec.log_size(), plan.spec.log_keep());
    let console = if plan.spec.log.console == Some(true) { "1 " } else { "" };
    // So that no file ever gets larger than the size, rotation starts one burst below it.
    let margin = BURST.min(size / 2);
    line!(tool(plan.tools, "s6-log"), " -b -- ", console, format!("n{keep} s{size} l{margin} T"))
}
