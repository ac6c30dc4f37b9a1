//! `container`: what its command line says.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::action::{Action, Container, Install};

/// What the help says beside the options.
pub const MORE: &str = "A service manager that a container starts anew has forgotten its services; `anysvc \
    reconcile` brings them back, once for each user. `install` writes what runs it at the right moment, and says \
    what the image has to see to: order, users, entry point. It can be run again, after an update or with other \
    options. A file that it did not write, or that was edited since, is left, and that is an error. In a \
    Dockerfile, when the service manager and anysvc are there: `RUN anysvc container install --user app`; \
    docs/reconcile.md has whole ones.";

pub(super) fn container(command: Command) -> Command {
    command.subcommand_required(true).subcommands([install(), remove()])
}

fn install() -> Command {
    let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    Command::new("install").about("Put there what brings services back").args([
        option("for", "WAY").help("In which of the ways that the backend knows [default: as is found there]"),
        root(),
        option("user", "USER")
            .action(ArgAction::Append)
            .value_parser(plain_name)
            .help("Whose services come back; again for more, in this order [default: root]"),
        option("after", "SERVICE")
            .action(ArgAction::Append)
            .value_parser(plain_name)
            .help("What has to be up before, as the container's own start calls it; again for more"),
        option("program", "PATH")
            .value_parser(absolute)
            .help("Where anysvc is in the container [default: where this one is, or is usually]"),
        dry_run(),
    ])
}

fn remove() -> Command {
    Command::new("remove").about("Take out what `install` wrote").args([root(), dry_run()])
}

fn root() -> Arg {
    Arg::new("root")
        .long("root")
        .value_name("DIR")
        .default_value("/")
        .value_parser(value_parser!(PathBuf))
        .help("The container's root folder, seen from here")
}

fn dry_run() -> Arg {
    Arg::new("dry-run").long("dry-run").action(ArgAction::SetTrue).help("Only print what would be done")
}

/// A name that is one in a script, a path and a list of accounts alike.
fn plain_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    match text.bytes().all(plain) && !text.is_empty() && !text.starts_with(['-', '.']) {
        true => Ok(text.to_owned()),
        false => {
            Err("a name is of letters, digits, `_`, `-` and `.`, and begins with none of the last two"
                .to_owned())
        }
    }
}

fn absolute(text: &str) -> Result<String, String> {
    match text.starts_with('/') && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err("write an absolute path".to_owned()),
    }
}

pub(super) fn read_container(matches: &mut ArgMatches) -> Action {
    let (command, mut inner) = matches.remove_subcommand().expect("clap requires it");
    let (root, dry_run) = (inner.remove_one("root").expect("it has a default"), inner.get_flag("dry-run"));
    if command == "remove" {
        return Action::Container(Container::Remove { root, dry_run });
    }
    let mut all = |name| inner.remove_many(name).map(Iterator::collect).unwrap_or_default();
    let (users, after) = (all("user"), all("after"));
    let (form, program) = (inner.remove_one("for"), inner.remove_one("program"));
    Action::Container(Container::Install(Install { form, root, users, after, program, dry_run }))
}
