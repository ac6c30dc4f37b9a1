//! What is wrong with a command line, as one of our errors. clap knows what is wrong; how an error reads
//! is the same everywhere here.

use std::ffi::OsString;

use anysvc_backend_api::{Error, ErrorKind};
use clap::{
    Arg,
    error::{ContextKind, ContextValue, ErrorKind as Kind},
};

use super::{
    action::{Action, Render, Source},
    global,
    table::{COMMANDS, Entry},
};

/// A command that is shown in a hint is cut off after so many bytes.
const LONGEST: usize = 60;

/// The error of a command line that could not be parsed.
pub fn error(fault: &clap::Error, entry: Option<&Entry>, args: &[OsString]) -> Error {
    let (message, tip) = match fault.kind() {
        Kind::UnknownArgument => unknown(fault, entry, args),
        Kind::InvalidSubcommand => no_command(&context(fault, ContextKind::InvalidSubcommand), entry),
        _ => (said(fault), meant(&[context(fault, ContextKind::SuggestedValue)])),
    };
    let help = match entry {
        Some(entry) => format!("`anysvc {} --help` shows how it is used", meant_command(entry, args)),
        None => "`anysvc --help` lists the commands".to_owned(),
    };
    Error::new(ErrorKind::Usage, message).with_hint(tip.map_or(
        help.clone(),
        |tip| match tip.ends_with('?') {
            true => format!("{tip} {help}"),
            false => tip,
        },
    ))
}

/// The command that was meant, with the one inside of it where there is such.
fn meant_command(entry: &Entry, args: &[OsString]) -> String {
    let command = entry.command();
    let inner = args.iter().find_map(|arg| command.find_subcommand(arg));
    inner.map_or_else(|| entry.name.to_owned(), |inner| format!("{} {}", entry.name, inner.get_name()))
}

/// What clap says, without its tips: they are pieces of sentences.
fn said(fault: &clap::Error) -> String {
    let text = fault.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let lines = lines.map(|line| line.strip_prefix("error: ").unwrap_or(line)).filter(|line| {
        !line.is_empty() && !line.starts_with("tip: ") && !line.starts_with("For more information")
    });
    lines.collect::<Vec<_>>().join(" ").replace('\'', "`").replace("subcommand", "command")
}

/// One of the things that clap knows about a fault; empty if it does not.
fn context(fault: &clap::Error, kind: ContextKind) -> String {
    match fault.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn unknown(fault: &clap::Error, entry: Option<&Entry>, args: &[OsString]) -> (String, Option<String>) {
    let word = context(fault, ContextKind::InvalidArg);
    if let Some(message) = entry.and_then(|entry| negative(&word, entry, args)) {
        return (message, None);
    }
    let tip = entry
        .and_then(|entry| forgotten_dashes(&word, entry, args))
        .or_else(|| meant(&[context(fault, ContextKind::SuggestedArg)]));
    (format!("unexpected argument `{word}`"), tip)
}

/// The complaint about a value like `-1`, which clap takes for an option.
fn negative(word: &str, entry: &Entry, args: &[OsString]) -> Option<String> {
    let texts: Vec<&str> = args.iter().map_while(|arg| arg.to_str()).collect();
    let at = texts.iter().skip(1).position(|text| text.starts_with(word))? + 1;
    let (option, value) = (texts[at - 1], texts[at]);
    let command = entry.command();
    let globals = global::args();
    let named = |arg: &&Arg| {
        let long = arg.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long));
        long || arg.get_short().is_some_and(|short| option == format!("-{short}"))
    };
    let arg = command.get_arguments().chain(&globals).find(named)?;
    let takes = arg.get_value_names()?.first()?;
    let single = value.starts_with('-') && !value.starts_with("--");
    single.then(|| format!("invalid value `{value}` for `{option} <{takes}>`"))
}

/// How it is written, where a command was given without `--` in front.
fn forgotten_dashes(word: &str, entry: &Entry, args: &[OsString]) -> Option<String> {
    if word.starts_with('-') || args.iter().any(|arg| arg == "--") {
        return None;
    }
    let source = (1..args.len()).filter(|at| args[*at] == word).find_map(|at| {
        let (before, after) = args.split_at(at);
        let corrected = [before, &[OsString::from("--")], after].concat();
        match super::parse_all(&corrected).ok()?.action {
            Action::Register(register) => Some(register.source),
            Action::Render { what: Render::New(source), .. } => Some(source),
            _ => None,
        }
    })?;
    let Source::Command { name, argv, options } = source else { return None };
    let options = if options.is_empty() { "" } else { " [OPTIONS]" };
    let argv = argv.iter().map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ");
    let argv = if argv.len() > LONGEST { "COMMAND..." } else { &argv };
    let (command, name) = (entry.name, quoted(&name));
    Some(format!("write the command after `--`: `anysvc {command} {name}{options} -- {argv}`"))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn no_command(word: &str, entry: Option<&Entry>) -> (String, Option<String>) {
    match entry {
        None => {
            let names = COMMANDS.iter().filter(|entry| !entry.hidden).map(|entry| entry.name);
            (format!("there is no command `{word}`"), meant(&nearest(word, names.chain(["help"]))))
        }
        Some(entry) => {
            let command = entry.command();
            let names = command.get_subcommands().map(clap::Command::get_name);
            (format!("there is no command `{} {word}`", entry.name), meant(&nearest(word, names)))
        }
    }
}

/// The names that were probably meant, the best first, two at most.
fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    // Long words are no typing errors.
    if word.len() > 32 {
        return Vec::new();
    }
    let begun = |name: &str| word.len() > 1 && name.starts_with(word);
    let far = 1 + word.len() / 4;
    let mut near: Vec<(bool, usize, &str)> = names
        .map(|name| (!begun(name), strsim::osa_distance(word, name), name))
        .filter(|(other, distance, _)| !other || (*distance <= far && *distance < word.len()))
        .collect();
    near.sort_by_key(|(other, distance, _)| (*other, *distance));
    near.into_iter().take(2).map(|(_, _, name)| name.to_owned()).collect()
}

/// The question whether one of these was meant.
fn meant(names: &[String]) -> Option<String> {
    match names {
        [one] if !one.is_empty() => Some(format!("did you mean `{one}`?")),
        [one, other, ..] => Some(format!("did you mean `{one}` or `{other}`?")),
        _ => None,
    }
}
