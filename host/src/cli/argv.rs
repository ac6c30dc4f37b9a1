//! A first look at the command line, before anything is built to parse it: which command is meant, and
//! whether errors are wanted as a document. It decides nothing: the parser has the last word.

use std::ffi::OsString;

/// What the first look saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance<'a> {
    /// The first argument that is no option: the command's name, rightly written or not.
    pub command: Option<&'a str>,
    /// `--json` was given.
    pub json: bool,
    /// `-q` or `--quiet` was given.
    pub quiet: bool,
}

/// Looks at the arguments after the program's name. `takes_value` says whether a global option has its
/// value in the next argument.
pub fn glance<'a>(args: &'a [OsString], takes_value: impl Fn(&str) -> bool) -> Glance<'a> {
    let mut glance = Glance::default();
    let mut skip = false;
    for arg in args.iter().map_while(|arg| if arg == "--" { None } else { Some(arg.to_str()) }) {
        match arg {
            _ if std::mem::take(&mut skip) => {}
            Some("--json") => glance.json = true,
            Some("--quiet" | "-q") => glance.quiet = true,
            Some(option) if option.starts_with('-') && option.len() > 1 => {
                skip = glance.command.is_none() && takes_value(option);
            }
            other if glance.command.is_none() => glance.command = other,
            _ => {}
        }
    }
    glance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(line: &str) -> (Option<String>, bool) {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let glance = glance(&args, |option| option == "--scope");
        (glance.command.map(str::to_owned), glance.json)
    }

    #[test]
    fn finds_the_command_behind_global_options_and_their_values() {
        assert_eq!(look(""), (None, false));
        assert_eq!(look("status web"), (Some("status".into()), false));
        assert_eq!(look("-v --scope user --json status"), (Some("status".into()), true));
        assert_eq!(look("--scope=user -qv list"), (Some("list".into()), false));
        assert_eq!(look("--scope status list"), (Some("list".into()), false));
    }

    #[test]
    fn what_follows_two_dashes_is_none_of_our_business() {
        assert_eq!(look("register web --json -- x"), (Some("register".into()), true));
        assert_eq!(look("register web -- x --json"), (Some("register".into()), false));
        assert_eq!(look("-- status"), (None, false));
    }
}
