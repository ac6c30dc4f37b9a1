//! Which services a verb is for: names, those of a template, or all.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// Which services are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// By name.
    pub names: Vec<String>,
    /// `--template`: its instances.
    pub template: Option<String>,
    /// `--all`: every service of ours.
    pub all: bool,
}

/// Adds the arguments of a verb that acts: nothing is meant unless it is said.
pub fn add_to(command: Command) -> Command {
    let some = ["template", "all"];
    command.args([
        names("The services").required_unless_present_any(some).conflicts_with_all(some),
        Arg::new("template")
            .long("template")
            .value_name("TEMPLATE")
            .conflicts_with("all")
            // Nothing makes instances yet.
            .hide(true)
            .help("Every instance of this template"),
        Arg::new("all")
            .long("all")
            .action(ArgAction::SetTrue)
            .help("Every service that anysvc made in this scope"),
    ])
}

/// Service names as positional arguments.
pub fn names(help: &'static str) -> Arg {
    Arg::new("names").value_name("NAME").action(ArgAction::Append).help(help)
}

/// What was given.
pub fn read(matches: &mut ArgMatches) -> Selected {
    Selected {
        names: read_names(matches),
        template: matches.remove_one("template"),
        all: matches.get_flag("all"),
    }
}

/// The names that were given, each once, in their order.
pub fn read_names(matches: &mut ArgMatches) -> Vec<String> {
    let mut names: Vec<String> = matches.remove_many("names").map(Iterator::collect).unwrap_or_default();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}
