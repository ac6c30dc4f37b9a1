//! `./x lab s6`: a shell, or a command, inside the laboratory.

use crate::packages;
use crate::tool::Done;
use anysvc_tests::{APP, S6Lab};

/// Runs it; the shell's own exit code counts for nothing, a command's must be 0.
pub fn run(args: &[String]) -> Done {
    let (options, command) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[][..]),
    };
    let Some((kind, options)) = options.split_first() else {
        return Err("which laboratory? There is: s6".into());
    };
    if kind != "s6" {
        return Err(format!("no laboratory `{kind}`; there is: s6"));
    }
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
    let lab = lab.try_start()?;
    if !lab.exists("/opt/anysvc") {
        eprintln!("x: no anysvc in there: ./x build makes it");
    }
    let terminal = std::env::var("TERM").unwrap_or_else(|_| "dumb".into());
    let (program, rest) = command.split_first().map_or(("/bin/sh", &[][..]), |(first, rest)| (first, rest));
    let entered = lab.command(program).args(rest).uid(uid).env("TERM", terminal).env("PS1", "s6-lab \\$ ");
    let status = entered.interactive().map_err(|error| format!("entering the laboratory: {error}"))?;
    match status.success() || command.is_empty() {
        true => Ok(()),
        false => Err(format!("`{program}` ended with {status}")),
    }
}
