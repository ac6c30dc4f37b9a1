//! The options that every command has.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};

use super::value;
use crate::output::{Color, Style};

/// Whose services are meant, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeArg {
    /// The machine's.
    System,
    /// The caller's own.
    User,
    /// Those of another user, for root.
    Other(String),
}

/// How long to wait, as it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timeout {
    /// 30 seconds, or longer where a service says so itself.
    #[default]
    Usual,
    /// So long.
    After(Duration),
    /// Not at all: the command returns when the manager has been asked.
    NoWait,
}

/// The options that every command has.
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// `--backend`.
    pub backend: Option<String>,
    /// `--backend-path`, each time it was given.
    pub backend_path: Vec<OsString>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--scope`.
    pub scope: Option<ScopeArg>,
    /// `--timeout`, `--no-wait`.
    pub timeout: Timeout,
    /// `-v`, so many times.
    pub verbose: u8,
    /// `--json`, `--quiet`, `--color`.
    pub style: Style,
}

const HEADING: &str = "Global options";

/// The definitions. Global to clap: they may stand before and after the command.
pub fn args() -> [Arg; 11] {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    [
        option("backend", "ID").help("Use this backend instead of the one that fits"),
        option("backend-path", "DIR")
            .value_parser(value_parser!(OsString))
            .action(ArgAction::Append)
            .help("Look for backends here first"),
        option("state-dir", "DIR").value_parser(value_parser!(PathBuf)).help("Where services are remembered"),
        option("scope", "SCOPE")
            .value_parser(value::scope)
            .help("Whose services: system, user, or (for root) user:NAME"),
        option("timeout", "DURATION")
            .value_parser(value::duration)
            .help("Wait so long at most [default: 30s, or the service's own]; 0 is --no-wait"),
        flag("no-wait").conflicts_with("timeout").help("Return as soon as the service manager was asked"),
        flag("json").help("Print one JSON document"),
        flag("quiet").short('q').help("Print only what was asked for, and errors"),
        Arg::new("verbose")
            .long("verbose")
            .short('v')
            .action(ArgAction::Count)
            .help("Say on standard error what is done; twice for more"),
        option("color", "WHEN")
            .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
            .hide_possible_values(true)
            .help("Colours: auto, always or never"),
        Arg::new("help").long("help").short('h').action(ArgAction::Help).help("Print this help"),
    ]
    .map(|arg| arg.global(true).help_heading(HEADING))
}

/// Whether an option, as it was written, has its value in the next argument.
pub fn takes_value(option: &str) -> bool {
    matches!(option, "--backend" | "--backend-path" | "--state-dir" | "--scope" | "--timeout" | "--color")
}

/// A command with these options.
pub fn add_to(command: Command) -> Command {
    command.disable_help_flag(true).args(args())
}

/// What was given.
pub fn read(matches: &mut ArgMatches) -> Global {
    let timeout = match matches.remove_one::<Duration>("timeout") {
        Some(Duration::ZERO) => Timeout::NoWait,
        Some(time) => Timeout::After(time),
        None if matches.get_flag("no-wait") => Timeout::NoWait,
        None => Timeout::Usual,
    };
    let color = match matches.remove_one::<String>("color").as_deref() {
        Some("always") => Color::Always,
        Some("never") => Color::Never,
        _ => Color::Auto,
    };
    Global {
        backend: matches.remove_one("backend"),
        backend_path: matches.remove_many("backend-path").map(Iterator::collect).unwrap_or_default(),
        state_dir: matches.remove_one("state-dir"),
        scope: matches.remove_one("scope"),
        timeout,
        verbose: matches.get_count("verbose"),
        style: Style { json: matches.get_flag("json"), quiet: matches.get_flag("quiet"), color },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_look_knows_which_options_take_a_value() {
        for arg in args() {
            let long = format!("--{}", arg.get_long().expect("every global option has a long name"));
            let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
            assert_eq!(takes_value(&long), takes, "{long}");
        }
    }
}
