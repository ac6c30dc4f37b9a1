//! `run`: from what the supervisor starts to the program itself.

use std::time::Duration;

use anysvc_backend_api::{LimitKind, LogTo, ServiceSpec};
use anysvc_backend_support::shell::{self, Script, line, word, words};

use super::{
    Plan,
    account::{self, Account, tool},
    environment, finish,
};

pub(super) fn render(plan: &Plan<'_>) -> Vec<u8> {
    let spec = plan.spec;
    let name = &spec.name;
    let mut script = Script::new(&format!(
        "# Starts `{name}`. Made by anysvc: `anysvc register --replace` makes it anew."
    ));
    if spec.log.to.unwrap_or(LogTo::Files) == LogTo::Files {
        script.text("exec 2>&1");
    }
    environment::enter(&mut script, plan, "");
    let dropping = if let Account::Other { user, group } = plan.account { Some((user, group)) } else { None };
    if dropping.is_some() {
        script.text("if [ \"$2\" = go ]; then");
    }
    note_process(&mut script, plan);
    script.text(
        "if [ -s data/over ]; then : >data/over; fi\n\
         if [ -e data/again ]; then command -p rm -f data/again; fi",
    );
    if spec.restart.give_up.is_some() {
        script.text("if [ -e data/gave-up ]; then command -p rm -f data/gave-up; fi");
    }
    delay(&mut script, spec);
    if let Some((user, group)) = dropping {
        if spec.when.is_some() {
            script.text(&format!("exec {}>data/condition", condition_fd(spec)));
        }
        script.text("# From here on it is the service's user.");
        let drop = account::become_user(plan.tools, user, group);
        environment::leave_root(&mut script, plan, "", &limits(plan), &drop);
        script.text("fi");
    }
    shell::fail(&mut script, name);
    condition(&mut script, spec, dropping.is_some());
    program(&mut script, plan, dropping.is_some());
    script.finish()
}

/// Notes the main process, for finish and for the next `run`: where a note is left, there was no finish,
/// as the supervisor was killed and another one took its place. What the first one started would run
/// beside the second's. It is told from others that have its number by the time at which it started.
fn note_process(script: &mut Script, plan: &Plan<'_>) {
    let kill = finish::kill(plan, "anysvc_pid");
    script.text(
        "# When a process started, in ticks since the machine did.\n\
         anysvc_look() {\n    \
         anysvc_since=\n    \
         { read -r anysvc_stat <\"/proc/$1/stat\"; } 2>/dev/null || return 0\n    \
         set -- ${anysvc_stat##*) }\n    \
         anysvc_since=${20-}\n\
         }\n\
         # What a supervisor that was killed left behind.\n\
         if [ -s data/pid ]; then\n    \
         read -r anysvc_pid anysvc_noted <data/pid\n    \
         anysvc_look \"$anysvc_pid\"",
    );
    script.raw(&line!(
        "    if [ -n \"$anysvc_noted\" ] && [ \"$anysvc_since\" = \"$anysvc_noted\" ] && \
         [ \"$anysvc_pid\" != $$ ]; then\n        ",
        kill,
        " 2>/dev/null\n    fi\nfi"
    ));
    script.text(
        "# For finish, which s6 before 2.12 does not tell.\n\
         anysvc_look $$\n\
         echo \"$$ $anysvc_since\" >data/pid",
    );
}

/// What is done as the service's user: the paths of the spec, and the program.
fn program(script: &mut Script, plan: &Plan<'_>, dropped: bool) {
    let spec = plan.spec;
    for line in account::identity(spec, plan.owner, &plan.account) {
        script.raw(&line);
    }
    shell::read_file(script, spec, false);
    let late = environment::names(spec, true);
    let mut exec = b"exec ".to_vec();
    if !dropped {
        exec.extend(limits(plan));
    }
    if !late.is_empty() {
        script.text(&format!("# Loaded behind the shell's back: {}.", late.join(" ")));
        script.text(&format!("anysvc_env=$(pwd -P)/{}", environment::LATE));
        exec.extend(line!(tool(plan.tools, "s6-envdir"), " -f -L -- \"$anysvc_env\" "));
    }
    script.text(&format!("umask {:04o}", spec.umask()));
    match &spec.directory {
        Some(path) => {
            shell::expand(script, "anysvc_directory", "directory", path);
            script.text(
                "cd -P -- \"$anysvc_directory\" || fail 111 \"directory: cannot enter $anysvc_directory\"",
            );
        }
        None if plan.owner.uid != 0 => {
            script.raw(&line!("cd -P -- ", word(account::home(plan.owner)), " 2>/dev/null || cd /"));
        }
        None => script.text("cd /"),
    }
    exec.extend(words(spec.command.iter().map(|argument| &argument[..])));
    if spec.log.to == Some(LogTo::None) {
        exec.extend_from_slice(b" >/dev/null 2>&1");
    }
    script.raw(&exec);
}

/// The command that sets resource limits, soft and hard, or nothing.
fn limits(plan: &Plan<'_>) -> Vec<u8> {
    if plan.spec.limits.is_empty() {
        return Vec::new();
    }
    let mut command = line!(tool(plan.tools, "s6-softlimit"), " -H");
    for limit in &plan.spec.limits {
        let option = match limit.kind {
            LimitKind::As => "-a",
            LimitKind::Core => "-c",
            LimitKind::Cpu => "-t",
            LimitKind::Data => "-d",
            LimitKind::Fsize => "-f",
            LimitKind::Memlock => "-l",
            LimitKind::Nofile => "-o",
            LimitKind::Nproc => "-p",
            LimitKind::Stack => "-s",
        };
        let value = limit.value.map_or("=".to_owned(), |value| value.to_string());
        command.extend_from_slice(format!(" {option} {value}").as_bytes());
    }
    command.extend_from_slice(b" -- ");
    command
}

/// Whether the condition holds; where it does not, `finish` takes the service down. Whoever became the
/// service's user writes to a descriptor that root opened.
fn condition(script: &mut Script, spec: &ServiceSpec, dropped: bool) {
    let Some(condition) = &spec.when else { return };
    let fd = condition_fd(spec);
    let to = if dropped { format!(">&{fd}") } else { ">data/condition".to_owned() };
    // What is not wanted need not be complete: a file that can't be used is told of when it is.
    shell::read_file(script, spec, true);
    script.text(&shell::unless(condition, &format!("echo no {to}; exit 0")));
    script.text(&if dropped {
        // finish removes it.
        format!("exec {fd}>&-")
    } else {
        "if [ -e data/condition ]; then command -p rm -f data/condition; fi".to_owned()
    });
}

/// A descriptor that the supervisor does not use.
fn condition_fd(spec: &ServiceSpec) -> u32 {
    let notification = spec.ready.as_ref().and_then(|ready| ready.notify_fd);
    if notification == Some(3) { 4 } else { 3 }
}

/// The part of the restart delay that s6 does not wait by itself. finish left the time at which the last
/// process ended, and the waiting can be told from running by that file.
fn delay(script: &mut Script, spec: &ServiceSpec) {
    if !waits(spec) {
        return;
    }
    let hundredths = spec.restart_delay().as_millis().div_ceil(10);
    let signal = spec.stop_signal().number();
    // A 1 is put before what follows the point, as 08 would be octal. More than the whole delay is left
    // of one from before the machine booted.
    script.text(&format!(
        "# The restart delay counts from the end of the last process; a stop ends it at once.\n\
         if [ -e data/delay ]; then\n    \
         trap 'exit 0' {signal}\n    \
         read -r anysvc_end anysvc_rest <data/delay\n    \
         read -r anysvc_now anysvc_rest </proc/uptime\n    \
         anysvc_left=$(({hundredths} + (${{anysvc_end%.*}} - ${{anysvc_now%.*}}) * 100 + 1${{anysvc_end#*.}} - 1${{anysvc_now#*.}}))\n    \
         if [ \"$anysvc_left\" -gt 0 ] && [ \"$anysvc_left\" -le {hundredths} ]; then\n        \
         command -p sleep \"$((anysvc_left / 100)).$((anysvc_left / 10 % 10))$((anysvc_left % 10))\" &\n        \
         wait $!\n    \
         fi\n    \
         command -p rm -f data/delay\n    \
         trap - {signal}\n\
         fi"
    ));
}

/// Whether `run` has to wait: s6 waits a second from the end of `finish` before it starts a service
/// again, but for one that was ready it counts from that moment (s6-supervise.c, `set_down_and_ready`).
pub(super) fn waits(spec: &ServiceSpec) -> bool {
    let notifies = spec.ready.as_ref().is_some_and(|ready| ready.notify_fd.is_some());
    notifies || spec.restart_delay() > Duration::from_secs(1)
}
