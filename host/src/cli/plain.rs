//! The command lines that are run in loops, read without the parser: `status`, `check` and `list` with names
//! and nothing but `--json` and `-q`. Setting up the parser is a quarter of the time that such a run takes.
//! Whatever is not quite plain is left to the parser, and tests hold the two to the same answers.

use std::ffi::OsString;

use super::{Action, Global, Parsed, Selected, Status};
use crate::output::Style;

/// What the arguments mean, if they are that plain.
pub fn parse(args: &[OsString]) -> Option<Parsed> {
    let mut style = Style::default();
    let mut words: Vec<&str> = Vec::new();
    for arg in args {
        match arg.to_str()? {
            // Given twice, an option is the parser's business.
            "--json" if !style.json => style.json = true,
            "-q" | "--quiet" if !style.quiet => style.quiet = true,
            option if option.starts_with('-') => return None,
            word => words.push(word),
        }
    }
    let (command, names) = words.split_first()?;
    // Ordered, as hashing would begin with random numbers from the system.
    let mut seen = std::collections::BTreeSet::new();
    let names: Vec<String> =
        names.iter().filter(|name| seen.insert(**name)).map(|name| (*name).to_owned()).collect();
    let action = match *command {
        "status" => Action::Status(Status { services: Selected::named(names), ..Status::default() }),
        "check" => Action::Check(Selected::named(names)),
        "list" if names.is_empty() => Action::List { services: Selected::default(), foreign: false },
        _ => return None,
    };
    Some(Parsed { global: Global { style, ..Global::default() }, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn plain_lines_mean_what_the_parser_says() {
        let lines = [
            "status",
            "status web",
            "status web --json",
            "--json status web db web",
            "-q status web",
            "status  web",
            "check",
            "check web db --quiet",
            "list --json",
        ];
        for line in lines {
            let plain = parse(&words(line)).unwrap_or_else(|| panic!("{line} is plain"));
            let parsed =
                super::super::parse_all(&words(line)).unwrap_or_else(|r| panic!("{line}: {}", r.error));
            assert_eq!(format!("{plain:?}"), format!("{parsed:?}"), "{line}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_parser() {
        let lines = [
            "",
            "--json",
            "statu web",
            "status -- web",
            "status --probe",
            "status --jso",
            "status -qq",
            "status -q -q",
            "list web",
            "list --template gateway",
            "start web",
            "--scope user status web",
        ];
        for line in lines {
            assert!(parse(&words(line)).is_none(), "{line}");
        }
    }
}
