//! `finish`, which ends the group of the main process and decides whether it is started again, and the
//! small files that s6-supervise reads.

use std::time::Duration;

use anysvc_backend_api::{GiveUp, RestartPolicy, ServiceSpec};
use anysvc_backend_support::shell::{Script, line};

use super::{
    File, Plan,
    account::{self, Account, tool},
    run,
};

/// The most deaths that s6 remembers (S6_MAX_DEATH_TALLY).
pub(super) const MOST_DEATHS: u32 = 4096;

pub(super) fn render(plan: &Plan<'_>) -> Vec<u8> {
    let spec = plan.spec;
    let mut script = Script::new(&format!(
        "# Runs when `{}` ended: exit code (256: a signal), signal, name, and from s6 2.12 the pid.\n\
         # 125 tells s6-supervise to leave it down. Made by anysvc.",
        spec.name
    ));
    if let Account::Owner = plan.account {
        let become_owner = account::become_owner(plan.tools, plan.owner);
        script.raw(&line!("[ -O finish ] || exec ", become_owner, " ./finish \"$@\""));
    }
    script.text("anysvc_over() { echo yes >data/over; exit 125; }");
    group(&mut script, plan);
    if spec.when.is_some() {
        script.text("if [ -s data/condition ]; then exit 125; fi");
        if matches!(plan.account, Account::Other { .. }) {
            script.text("command -p rm -f data/condition");
        }
    }
    script.text(
        "# A restart was asked for that takes longer than anybody waited.\n\
         if [ -e data/again ]; then command -p rm -f data/again; exit 0; fi",
    );
    if spec.policy() == RestartPolicy::Never {
        script.text("anysvc_over");
        return script.finish();
    }
    if run::waits(spec) {
        script.text("# It ended while it waited to be started.\nif [ -e data/delay ]; then exit 0; fi");
    }
    script.text("case $1 in");
    codes(&mut script, spec.never_on(), "anysvc_over");
    // A code in both lists is caught by the first.
    codes(&mut script, spec.always_on(), "planned=1");
    if spec.policy() == RestartPolicy::OnFailure && !spec.always_on().contains(&0) {
        script.text("0) anysvc_over ;;");
    }
    script.text("esac");
    if let Some(give_up) = &spec.restart.give_up {
        script.raw(&line!(
            "if [ -z \"${planned-}\" ]; then\n    ",
            "# An end that was asked for is no failure.\n    ",
            "if [ \"$(",
            tool(plan.tools, "s6-svstat"),
            " -o wantedup .)\" = false ]; then exit 0; fi\n    ",
            tool(plan.tools, "s6-permafailon"),
            " ",
            events(spec, give_up),
            " /bin/sh -c :\n    ",
            "if [ $? = 125 ]; then echo yes >data/gave-up; anysvc_over; fi\nfi",
        ));
    }
    if run::waits(spec) {
        script.text("read -r now rest </proc/uptime\necho \"$now\" >data/delay");
    }
    script.text("exit 0");
    script.finish()
}

fn codes(script: &mut Script, codes: &[i32], then: &str) {
    if !codes.is_empty() {
        let codes = codes.iter().map(i32::to_string).collect::<Vec<_>>().join(" | ");
        script.text(&format!("{codes}) {then} ;;"));
    }
}

/// Kills what is left of the process group of the main process: it led its own session, so that its pid
/// is the group. Root does not do so itself: the pid may have become somebody else's.
fn group(script: &mut Script, plan: &Plan<'_>) {
    script.text(
        "# What is left of its process group ends with it.\n\
         pid=${4-}\n\
         if [ -z \"$pid\" ] && [ -s data/pid ]; then read -r pid since <data/pid; fi\n\
         : >data/pid",
    );
    script.raw(&line!("if [ \"${pid:-0}\" -gt 1 ]; then ", kill(plan, "pid"), " 2>/dev/null; fi"));
}

/// The command that kills the group whose number a variable holds.
pub(super) fn kill(plan: &Plan<'_>, variable: &str) -> Vec<u8> {
    match plan.account {
        Account::Other { user, group } => line!(
            account::become_user(plan.tools, user, group),
            " /bin/sh -c 'kill -s KILL -- \"-$1\"' kill \"$",
            variable,
            "\"",
        ),
        _ => line!("kill -s KILL -- \"-$", variable, "\""),
    }
}

/// The arguments of s6-permafailon: seconds, count, and what counts as a failure.
fn events(spec: &ServiceSpec, give_up: &GiveUp) -> String {
    let excluded = |code: &i32| *code == 0 || spec.always_on().contains(code);
    let mut events: Vec<String> = Vec::new();
    let mut code = 0;
    while code <= 255 {
        let end = (code..=256).find(|c| *c == 256 || excluded(c)).unwrap_or(256);
        match end - code {
            0 => {}
            1 => events.push(code.to_string()),
            _ => events.push(format!("{code}-{}", end - 1)),
        }
        code = end + 1;
    }
    // A signal also counts as the exit code 128 + its number; it has to be named where that is excluded.
    events.extend((1..=64).filter(|signal| excluded(&(128 + signal))).map(|signal| format!("SIG{signal}")));
    format!("{} {} {}", seconds(give_up.within), give_up.after, events.join(","))
}

fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000) as u64
}

/// `timeout-kill` and the other parameters of s6-supervise.
pub(super) fn parameters(spec: &ServiceSpec) -> Vec<File> {
    // 0 would mean: never.
    let kill = spec.stop_timeout().as_millis().max(1);
    // finish takes milliseconds; one that is killed half-way would be a restart of what is done.
    let mut files = vec![("timeout-kill", kill.to_string()), ("timeout-finish", "20000".to_owned())];
    if spec.stop.signal.is_some() {
        files.push(("down-signal", spec.stop_signal().number().to_string()));
    }
    if let Some(fd) = spec.ready.as_ref().and_then(|ready| ready.notify_fd) {
        files.push(("notification-fd", fd.to_string()));
    }
    if let Some(give_up) = &spec.restart.give_up {
        // Planned restarts take their places too: there must be room for all that fit into the time.
        let fit = give_up.within.as_millis() / spec.restart_delay().as_millis().max(1) + 2;
        files.push(("max-death-tally", fit.clamp(100, MOST_DEATHS.into()).to_string()));
    }
    let file = |(path, text): (&str, String)| File {
        path: path.into(),
        mode: 0o644,
        content: format!("{text}\n").into(),
        secret: false,
    };
    files.into_iter().map(file).collect()
}
