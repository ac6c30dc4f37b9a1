//! The command line: what can be written, and what it means. Parsing ends in plain data
//! ([`Action`], [`Global`]) that was only checked for its form; acting on it is the business of
//! `commands`. This module must not read files, nor know any backend.

mod action;
mod argv;
mod container;
mod global;
mod plain;
#[cfg(test)]
mod reference_tests;
mod register;
mod selected;
mod table;
#[cfg(test)]
mod tests;
mod usage;
mod value;
mod verbs;
mod views;

use std::ffi::OsString;

use anysvc_backend_api::Error;
use clap::{ArgAction, Command, error::ErrorKind};

pub use action::{
    Action, Backends, Container, Install, Logs, Reconcile, Register, Render, Selected, Source, Start, Status,
    Template, Wait,
};
pub use global::{Global, ScopeArg, Timeout};

use crate::output::{
    Style,
    json::{self, Object},
};
use table::{COMMANDS, Entry, Read};

const ABOUT: &str = "One command for whatever service manager a machine runs";
const SHORT_HELP: &str = "\
anysvc: one command for whatever service manager a machine runs

  anysvc register web -- /srv/web/run     create a service, and start it
  anysvc status                           how all services are
  anysvc logs web -f                      what one writes
  anysvc stop web, start, restart         as they say
  anysvc unregister web                   remove it
  anysvc detect --explain                 which service manager is used here, and why

`anysvc help` lists all commands, `anysvc help COMMAND` explains one.
";

/// What a command line says.
#[derive(Debug)]
pub struct Parsed {
    /// The options that every command has.
    pub global: Global,
    /// What to do.
    pub action: Action,
}

/// A command line that says nothing sensible.
#[derive(Debug)]
pub struct Refused {
    /// What is wrong.
    pub error: Error,
    /// How the error is to be shown, as far as that could be seen.
    pub style: Style,
}

/// Parses the arguments after the program's name.
///
/// # Errors
/// `usage`.
pub fn parse(args: &[OsString]) -> Result<Parsed, Box<Refused>> {
    if args.is_empty() {
        return Ok(Parsed { global: Global::default(), action: Action::Print(SHORT_HELP.to_owned()) });
    }
    plain::parse(args).map_or_else(|| parse_all(args), Ok)
}

/// Parses any command line with the parser.
fn parse_all(args: &[OsString]) -> Result<Parsed, Box<Refused>> {
    let glance = argv::glance(args, global::takes_value);
    let style = Style { json: glance.json, quiet: glance.quiet, ..Style::default() };
    let refused = |error| Box::new(Refused { error, style });
    if glance.command == Some("help") {
        return parse_all(&as_option(args));
    }
    let entry = glance.command.and_then(table::find);
    // Building commands is most of the time that parsing takes, so that only the one that is meant is
    // built; all of them when there is help or a suggestion to be made from their names.
    let command = match entry {
        Some(entry) => root().subcommand(entry.command()),
        None => COMMANDS.iter().fold(root(), |root, entry| root.subcommand(entry.command())),
    };
    let mut matches =
        match command.try_get_matches_from(std::iter::once(&OsString::from("anysvc")).chain(args)) {
            Ok(matches) => matches,
            Err(fault) => {
                return printed(&fault, style).map_err(|()| refused(usage::error(&fault, entry, args)));
            }
        };
    let Some((name, mut inner)) = matches.remove_subcommand() else {
        let missing = Error::new(anysvc_backend_api::ErrorKind::Usage, "no command was given");
        return Err(refused(missing.with_hint("`anysvc --help` lists the commands")));
    };
    let global = global::read(&mut inner);
    let entry = table::find(&name).expect("clap knows only commands of the table");
    let action = match entry.read {
        Read::Plain(read) => read(&mut inner),
        Read::Checked(read) => read(&mut inner).map_err(|message| refused(incomplete(entry, message)))?,
    };
    Ok(Parsed { global, action })
}

/// `help COMMAND` as `COMMAND --help`.
fn as_option(args: &[OsString]) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.iter().take_while(|arg| *arg != "--").cloned().collect();
    if let Some(at) = args.iter().position(|arg| arg == "help") {
        args.remove(at);
    }
    args.push("--help".into());
    args
}

fn root() -> Command {
    let version = clap::Arg::new("version")
        .long("version")
        .short('V')
        .action(ArgAction::Version)
        .help("Print the version");
    let root = Command::new("anysvc")
        .about(ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("COMMAND")
        .after_help("`anysvc help COMMAND` or `anysvc COMMAND --help` explains one command.")
        .arg(version);
    global::add_to(root)
}

/// clap's ways of saying help and version are no errors.
fn printed(fault: &clap::Error, style: Style) -> Result<Parsed, ()> {
    match fault.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let mut text = fault.render().to_string();
            if style.json && fault.kind() == ErrorKind::DisplayVersion {
                text = format!("{}\n", json::text(Object::new().with("version", env!("CARGO_PKG_VERSION"))));
            }
            let global = Global { style, ..Global::default() };
            Ok(Parsed { global, action: Action::Print(text) })
        }
        _ => Err(()),
    }
}

fn incomplete(entry: &Entry, message: String) -> Error {
    Error::new(anysvc_backend_api::ErrorKind::Usage, message)
        .with_hint(format!("`anysvc {} --help` shows how it is used", entry.name))
}

/// The help of the program and of each command that is for people, for the documentation.
pub fn reference() -> Vec<(String, String)> {
    let visible = || COMMANDS.iter().filter(|entry| !entry.hidden);
    let all = visible().fold(root(), |root, entry| root.subcommand(entry.command()));
    let help = |mut command: Command| command.render_long_help().to_string();
    let of = |entry: &'static Entry| {
        let command = entry.command();
        let inner = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect::<Vec<_>>();
        let inner = inner
            .into_iter()
            .map(move |name| (format!("{} {name}", entry.name), help_of(entry, &[entry.name, &name])));
        std::iter::once((entry.name.to_owned(), help_of(entry, &[entry.name]))).chain(inner)
    };
    std::iter::once(("anysvc".to_owned(), help(all))).chain(visible().flat_map(of)).collect()
}

/// The help of one command, or of one below it, as `--help` prints it.
fn help_of(entry: &Entry, words: &[&str]) -> String {
    let args = [&["anysvc"], words, &["--help"]].concat().into_iter().map(OsString::from);
    let fault = root().subcommand(entry.command()).try_get_matches_from(args);
    fault.err().map(|fault| fault.render().to_string()).unwrap_or_default()
}
