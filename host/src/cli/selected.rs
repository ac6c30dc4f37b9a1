//! Which services a verb is for: names, those of a template, or all.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// Which services are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// By name.
    pub names: Vec<String>,
    /// `--template`: its instances.
    pub template: Option<String>,
    /// `--instance`: this one alone.
    pub instance: Option<String>,
    /// `--all`: every service of ours.
    pub all: bool,
}

impl Selected {
    /// By name alone.
    pub fn named(names: Vec<String>) -> Selected {
        Selected { names, ..Selected::default() }
    }

    /// Whether nothing was said: who only looks then looks at everything.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.template.is_none()
    }
}

/// Adds the arguments of a verb that acts: nothing is meant unless it is said.
pub fn add_to(command: Command) -> Command {
    let some = ["template", "all"];
    let command =
        command.arg(names("The services").required_unless_present_any(some).conflicts_with_all(some));
    of_template(command).arg(
        Arg::new("all")
            .long("all")
            .action(ArgAction::SetTrue)
            .conflicts_with_all(["template", "instance"])
            .help("Every service that anysvc made in this scope"),
    )
}

/// Adds the arguments of a verb that looks: at everything unless it is said.
pub fn add_to_view(command: Command) -> Command {
    of_template(command.arg(names("The services; all without").conflicts_with("template")))
}

/// Adds the choice by template.
pub fn of_template(command: Command) -> Command {
    command.args([
        Arg::new("template").long("template").value_name("TEMPLATE").help("Every instance of this template"),
        Arg::new("instance")
            .long("instance")
            .value_name("INSTANCE")
            .requires("template")
            .help("Of the template's instances only this one"),
    ])
}

/// Service names as positional arguments.
pub fn names(help: &'static str) -> Arg {
    Arg::new("names").value_name("NAME").action(ArgAction::Append).help(help)
}

/// What was given to a verb that acts.
pub fn read(matches: &mut ArgMatches) -> Selected {
    Selected { all: matches.get_flag("all"), ..read_view(matches) }
}

/// What was given to a verb that looks.
pub fn read_view(matches: &mut ArgMatches) -> Selected {
    Selected { names: read_names(matches), ..read_template(matches) }
}

/// The choice by template.
pub fn read_template(matches: &mut ArgMatches) -> Selected {
    let (template, instance) = (matches.remove_one("template"), matches.remove_one("instance"));
    Selected { template, instance, ..Selected::default() }
}

/// The names that were given, each once, in their order.
fn read_names(matches: &mut ArgMatches) -> Vec<String> {
    let mut names: Vec<String> = matches.remove_many("names").map(Iterator::collect).unwrap_or_default();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}
