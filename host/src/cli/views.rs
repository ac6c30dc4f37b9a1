//! The commands that only look: status, list, show, check, logs, wait, detect, backends.

use std::path::PathBuf;

use anysvc_backend_api::Goal;
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};

use super::{
    action::{Action, Backends, Logs, Status, Template, Wait},
    selected, value,
};

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn foreign() -> Arg {
    flag("foreign", "Also services that anysvc did not make")
}

pub(super) fn status(command: Command) -> Command {
    selected::add_to_view(command)
        .args([foreign(), flag("probe", "Also try whether services are ready that can't say so themselves")])
}

pub(super) fn read_status(matches: &mut ArgMatches) -> Action {
    let (foreign, probe) = (matches.get_flag("foreign"), matches.get_flag("probe"));
    Action::Status(Status { services: selected::read_view(matches), foreign, probe })
}

pub(super) fn list(command: Command) -> Command {
    selected::of_template(command).arg(foreign().conflicts_with("template"))
}

pub(super) fn read_list(matches: &mut ArgMatches) -> Action {
    Action::List { services: selected::read_template(matches), foreign: matches.get_flag("foreign") }
}

pub(super) fn show(command: Command) -> Command {
    let name = Arg::new("names").value_name("NAME").help("The service");
    let name = name.required_unless_present("template").conflicts_with("template");
    selected::of_template(command.arg(name))
        .mut_arg("template", |arg| {
            arg.requires("instance").help("The template that the service is made from")
        })
        .mut_arg("instance", |arg| arg.help("Which of the template's instances it is"))
        .arg(flag("reveal", "Show the values of environment variables"))
}

pub(super) fn read_show(matches: &mut ArgMatches) -> Action {
    let reveal = matches.get_flag("reveal");
    Action::Show { service: selected::read_view(matches), reveal }
}

pub(super) fn check(command: Command) -> Command {
    selected::add_to_view(command)
}

pub(super) fn read_check(matches: &mut ArgMatches) -> Action {
    Action::Check(selected::read_view(matches))
}

pub(super) fn logs(command: Command) -> Command {
    selected::add_to_view(command).args([
        flag("follow", "Wait for more").short('f'),
        Arg::new("lines")
            .long("lines")
            .short('n')
            .value_name("N")
            .value_parser(value::lines)
            .help("Only the last N lines of each"),
        Arg::new("since")
            .long("since")
            .value_name("TIME")
            .value_parser(value::point_in_time)
            .help("Only lines from then on: `10m` ago, `2026-08-01 14:00`, or RFC 3339"),
    ])
}

pub(super) fn read_logs(matches: &mut ArgMatches) -> Action {
    Action::Logs(Logs {
        services: selected::read_view(matches),
        follow: matches.get_flag("follow"),
        lines: matches.remove_one("lines"),
        since: matches.remove_one("since"),
    })
}

pub(super) fn wait(command: Command) -> Command {
    let names = selected::names("The services").required_unless_present("template");
    selected::of_template(command.arg(names.conflicts_with("template"))).arg(
        Arg::new("for")
            .long("for")
            .value_name("STATE")
            .required(true)
            .value_parser(PossibleValuesParser::new(["up", "ready", "down", "gone"]))
            .hide_possible_values(true)
            .help("What to wait for: up, ready, down or gone"),
    )
}

pub(super) fn read_wait(matches: &mut ArgMatches) -> Action {
    let goal = matches.remove_one::<String>("for").and_then(|goal| Goal::from_name(&goal));
    Action::Wait(Wait {
        services: selected::read_view(matches),
        goal: goal.expect("clap takes only names of goals"),
    })
}

pub(super) fn template(command: Command) -> Command {
    let name = || Arg::new("name").value_name("NAME").required(true).help("The template");
    command.subcommand_required(true).subcommands([
        Command::new("list").about("Name the templates, and how many instances each has"),
        Command::new("show")
            .about("All about one: its text, and its instances")
            .args([name(), flag("reveal", "Show the values of environment variables")]),
        Command::new("remove").about("Forget a template; services that were made from it stay").arg(name()),
    ])
}

pub(super) fn read_template(matches: &mut ArgMatches) -> Action {
    let (command, mut inner) = matches.remove_subcommand().expect("clap requires it");
    Action::Template(match (command.as_str(), inner.try_remove_one("name").ok().flatten()) {
        ("show", Some(name)) => Template::Show { name, reveal: inner.get_flag("reveal") },
        ("remove", Some(name)) => Template::Remove(name),
        _ => Template::List,
    })
}

pub(super) fn detect(command: Command) -> Command {
    command.arg(flag("explain", "Every candidate, every fact as it was read, and why"))
}

pub(super) fn read_detect(matches: &mut ArgMatches) -> Action {
    Action::Detect { explain: matches.get_flag("explain") }
}

pub(super) fn backends(command: Command) -> Command {
    let matrix = || flag("matrix", "Which fields of a spec each backend honours, and how");
    command.arg(matrix()).args_conflicts_with_subcommands(true).subcommands([
        Command::new("list").about("What is installed, and whether it fits here").arg(matrix()),
        Command::new("info")
            .about("All about one backend")
            .arg(Arg::new("id").value_name("ID").required(true).help("The backend")),
        Command::new("verify").about("Would this library or manifest be loaded?").arg(
            Arg::new("path")
                .value_name("PATH")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("A manifest, or a library"),
        ),
    ])
}

pub(super) fn read_backends(matches: &mut ArgMatches) -> Action {
    Action::Backends(match matches.remove_subcommand() {
        Some((name, mut inner)) if name == "info" => {
            Backends::Info(inner.remove_one("id").expect("clap requires it"))
        }
        Some((name, mut inner)) if name == "verify" => {
            Backends::Verify(inner.remove_one("path").expect("clap requires it"))
        }
        Some((_, inner)) => Backends::List { matrix: inner.get_flag("matrix") },
        None => Backends::List { matrix: matches.get_flag("matrix") },
    })
}

pub(super) fn backend_main(command: Command) -> Command {
    command.arg(Arg::new("id").value_name("ID").required(true).help("The backend")).arg(
        Arg::new("arguments")
            .value_name("ARGS")
            .action(ArgAction::Append)
            .trailing_var_arg(true)
            .allow_hyphen_values(true)
            .value_parser(value_parser!(std::ffi::OsString))
            .help("What it is told"),
    )
}

pub(super) fn read_backend_main(matches: &mut ArgMatches) -> Action {
    Action::BackendMain {
        id: matches.remove_one("id").expect("clap requires it"),
        arguments: matches.remove_many("arguments").map(Iterator::collect).unwrap_or_default(),
    }
}
