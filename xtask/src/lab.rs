//! `./x lab KIND`: a shell, or a command, inside a laboratory.

use crate::packages;
use crate::tool::Done;
use anysvc_tests::{APP, Lab, S6Lab, SystemdLab};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

/// Runs it; a command's exit code is ours, the shell's counts for nothing.
pub fn run(args: &[String]) -> Done<ExitCode> {
    let (options, command) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[][..]),
    };
    let Some((kind, options)) = options.split_first() else {
        return Err("which laboratory? There are: s6, systemd".into());
    };
    match kind.as_str() {
        "s6" => s6(options, command),
        "systemd" => systemd(options, command),
        _ => Err(format!("no laboratory `{kind}`; there are: s6, systemd")),
    }
}

fn s6(options: &[String], command: &[String]) -> Done<ExitCode> {
    let (mut lab, mut uid) = (S6Lab::new(), 0);
    for option in options {
        match option.as_str() {
            "--user" => uid = APP,
            "--shared" => lab = lab.shared(),
            "--own" => (lab, uid) = (lab.user(), APP),
            "--nested" => lab = lab.nested(),
            _ => return Err(format!("`lab s6` has no option `{option}`; ./x help lists them")),
        }
    }
    packages::for_s6_lab()?;
    enter(&*lab.try_start()?, uid, "s6-lab \\$ ", command)
}

fn systemd(options: &[String], command: &[String]) -> Done<ExitCode> {
    let mut uid = 0;
    for option in options {
        match option.as_str() {
            "--user" => uid = APP,
            _ => return Err(format!("`lab systemd` has no option `{option}`; ./x help lists them")),
        }
    }
    packages::for_systemd_lab()?;
    enter(&*SystemdLab::try_start()?, uid, "systemd-lab \\$ ", command)
}

fn enter(lab: &Lab, uid: u32, prompt: &str, command: &[String]) -> Done<ExitCode> {
    if !lab.exists("/opt/anysvc") {
        eprintln!("x: no anysvc in there: ./x build makes it");
    }
    let terminal = std::env::var("TERM").unwrap_or_else(|_| "dumb".into());
    let (program, rest) = command.split_first().map_or(("/bin/sh", &[][..]), |(first, rest)| (first, rest));
    let entered = lab.command(program).args(rest).uid(uid).env("TERM", terminal).env("PS1", prompt);
    let status = entered.interactive().map_err(|error| format!("entering the laboratory: {error}"))?;
    Ok(if command.is_empty() { ExitCode::SUCCESS } else { code(status) })
}

/// As a shell gives it: of what a signal ended, 128 and its number.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
