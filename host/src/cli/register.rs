//! `register` and `render`: a service by its command and options, from a file, or from a template.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, parser::ValueSource, value_parser,
};

use super::{
    action::{Action, Register, Render, Source},
    verbs,
};
use crate::spec::{SpecOptions, options};

const HOW: &str = "How it runs";

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// The arguments that say what the service is.
fn source(command: Command) -> Command {
    let rows: Vec<_> = options::table().collect();
    let others = || rows.iter().map(|row| row.name).chain(["name", "argv"]);
    command
        .arg(Arg::new("name").value_name("NAME").help("The service"))
        .arg(
            Arg::new("file")
                .long("file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with_all(others())
                .conflicts_with_all(["template", "instance"])
                .help("Every service and template of this spec file; `-` is standard input"),
        )
        .arg(
            Arg::new("template")
                .long("template")
                .value_name("TEMPLATE")
                .requires("instance")
                .conflicts_with_all(["name", "argv"])
                .help("A service from this template; options are added to what it says"),
        )
        .arg(
            Arg::new("instance")
                .long("instance")
                .value_name("INSTANCE")
                .requires("template")
                .help("What `{instance}` stands for in the template"),
        )
        .args(rows.iter().map(option))
        .arg(
            Arg::new("argv")
                .value_name("ARGV")
                .last(true)
                .num_args(1..)
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString))
                .help("The program and its arguments, run as they are, without a shell"),
        )
}

/// An option of the table of spec options.
fn option(row: &options::OptionRow) -> Arg {
    let arg = Arg::new(row.name).long(row.name).help(row.help).help_heading(HOW);
    let arg = match row.value {
        Some(value) => arg.value_name(value).value_parser(value_parser!(OsString)).allow_hyphen_values(true),
        None => arg
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(PossibleValuesParser::new(["true", "false"]))
            .hide_possible_values(true),
    };
    if row.repeatable { arg.action(ArgAction::Append) } else { arg.action(ArgAction::Set) }
}

pub(super) fn register(command: Command) -> Command {
    let command = command.args([
        flag("down", "Only create it; it starts when it is told to"),
        flag("replace", "Update one that anysvc made; it restarts only if something changed and it runs"),
        flag("if-absent", "Leave one of ours that exists as it is; a foreign one is an error (5)")
            .conflicts_with("replace"),
        flag(
            "adopt",
            "Take over one that anysvc did not make; its definition is overwritten (a kept copy is told)",
        ),
        verbs::settle(),
    ]);
    source(command)
}

pub(super) fn read_register(matches: &mut ArgMatches) -> Result<Action, String> {
    let (down, replace) = (matches.get_flag("down"), matches.get_flag("replace"));
    let (if_absent, adopt) = (matches.get_flag("if-absent"), matches.get_flag("adopt"));
    let settle = verbs::read_settle(matches);
    let source = match read_source(matches)? {
        Some(source) => source,
        None => return Err("nothing says what to run: write it after `--`, or give a --file".to_owned()),
    };
    let register = Register { source, down, replace, if_absent, adopt, settle };
    Ok(Action::Register(Box::new(register)))
}

pub(super) fn render(command: Command) -> Command {
    source(command.arg(flag("reveal", "Show the values of environment variables")))
}

pub(super) fn read_render(matches: &mut ArgMatches) -> Result<Action, String> {
    let reveal = matches.get_flag("reveal");
    let name: Option<String> = matches.get_one("name").cloned();
    let what =
        match read_source(matches)? {
            Some(source) => Render::New(source),
            None => match name {
                Some(name) => Render::Registered(name),
                None => return Err(
                    "nothing says what to render: write a name, a name and a command after `--`, or --file"
                        .to_owned(),
                ),
            },
        };
    Ok(Action::Render { what, reveal })
}

/// What the service is, unless no more than its name was given.
fn read_source(matches: &mut ArgMatches) -> Result<Option<Source>, String> {
    if let Some(path) = matches.remove_one::<PathBuf>("file") {
        return Ok(Some(Source::File(path)));
    }
    let options = read_options(matches);
    if let (Some(template), Some(instance)) = (matches.remove_one("template"), matches.remove_one("instance"))
    {
        return Ok(Some(Source::Template { template, instance, options }));
    }
    let argv: Vec<OsString> = matches.remove_many("argv").map(Iterator::collect).unwrap_or_default();
    match (matches.remove_one::<String>("name"), argv.is_empty()) {
        (Some(name), false) => Ok(Some(Source::Command { name, argv, options })),
        (None, false) => Err("the service has no name: write it before `--`".to_owned()),
        (Some(name), true) if !options.is_empty() => {
            Err(format!("nothing says what `{}` runs: write the command after `--`", name.escape_debug()))
        }
        (_, true) => Ok(None),
    }
}

/// Every option that was given, as it was written, in the order of the table.
fn read_options(matches: &mut ArgMatches) -> SpecOptions {
    let mut given = SpecOptions::new();
    for row in options::table() {
        if matches.value_source(row.name) != Some(ValueSource::CommandLine) {
            continue;
        }
        let values: Vec<OsString> = match row.value {
            Some(_) => matches.remove_many(row.name).map(Iterator::collect).unwrap_or_default(),
            None => matches
                .remove_many::<String>(row.name)
                .map(|values| values.map(OsString::from).collect())
                .unwrap_or_default(),
        };
        for value in values {
            given.add(row.name, value);
        }
    }
    given
}
