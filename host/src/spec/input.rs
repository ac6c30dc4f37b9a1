//! A value as it was given, in a file or by an option: one way to ask for what a key takes, whichever it
//! is. This module must not know any key.

use std::{ffi::OsString, ops::RangeInclusive, path::PathBuf, time::Duration};

use anysvc_backend_api::{Bytes, EnvVar, GiveUp, Limit, Signal};

use super::{
    node::{Node, TEXT, bytes_of, integer_of, list, pairs, unknown_key, wrong},
    pair::{env_in_option, limit_in_file, limit_in_option},
    source::Fault,
    value, words,
};

/// Where the value of an environment variable of the caller comes from.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A value as it was given.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// In a file.
    File(&'a Node<'a>),
    /// By an option, once for each time it was given (never empty), and the caller's environment.
    Options(&'a [OsString], Lookup<'a>),
}

fn utf8(text: &OsString) -> Result<&str, Fault> {
    text.to_str().ok_or_else(|| Fault::from(format!("`{}` is not UTF-8", text.display())))
}

impl<'a> Input<'a> {
    /// A text that a parser turns into something; `expected` says what.
    pub(crate) fn parsed<T>(
        self,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Fault> {
        let text = match self {
            Input::File(node) => node.get_ref().as_str().ok_or_else(|| wrong(node, expected))?,
            Input::Options(given, _) => utf8(&given[0])?,
        };
        parse(text).map_err(Fault::from)
    }

    pub(crate) fn text(self) -> Result<String, Fault> {
        self.parsed(TEXT, |text| Ok(text.to_owned()))
    }

    pub(crate) fn duration(self) -> Result<Duration, Fault> {
        self.parsed(value::DURATION, value::duration)
    }

    pub(crate) fn umask(self) -> Result<u32, Fault> {
        self.parsed(value::UMASK, value::umask)
    }

    /// One of some names.
    pub(crate) fn choice<T: Copy>(self, all: &[(&str, T)]) -> Result<T, Fault> {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let expected = format!("one of {}", names.join(", "));
        self.parsed(&expected, |text| {
            let found = all.iter().find(|(name, _)| *name == text);
            found.map(|(_, value)| *value).ok_or_else(|| value::not(text, &expected))
        })
        .map_err(|fault| match self {
            Input::File(node) => fault.at(node.span().start),
            Input::Options(..) => fault,
        })
    }

    pub(crate) fn signal(self) -> Result<Signal, Fault> {
        const SIGNAL: &str = "a signal (write TERM, HUP, USR1, ..., or a number)";
        let number =
            |n| Signal::from_number(n).ok_or_else(|| Fault::from(value::not(&n.to_string(), SIGNAL)));
        match self {
            Input::File(node) if node.get_ref().is_integer() => {
                number(integer_of(node).and_then(|n| n.try_into().ok()).unwrap_or(-1))
            }
            _ => self.parsed(SIGNAL, |text| text.parse::<Signal>().map_err(|e| e.to_string())),
        }
    }

    pub(crate) fn boolean(self) -> Result<bool, Fault> {
        match self {
            Input::File(node) => node.get_ref().as_bool().ok_or_else(|| wrong(node, value::BOOLEAN)),
            Input::Options(..) => self.parsed(value::BOOLEAN, value::boolean),
        }
    }

    /// A whole number in a range.
    pub(crate) fn integer<T: TryFrom<i64>>(self, range: RangeInclusive<i64>) -> Result<T, Fault> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match self {
            Input::File(node) if node.get_ref().is_integer() => integer_of(node),
            Input::File(node) => return Err(wrong(node, &expected)),
            Input::Options(given, _) => utf8(&given[0])?.parse().ok(),
        };
        let shown = match self {
            Input::File(node) => node.get_ref().as_integer().map(ToString::to_string).unwrap_or_default(),
            Input::Options(given, _) => given[0].to_string_lossy().into_owned(),
        };
        let fitting = number.filter(|n| range.contains(n)).and_then(|n| n.try_into().ok());
        fitting.ok_or_else(|| Fault::from(value::not(&shown, &expected)))
    }

    /// A size in bytes: a number, or a text with a unit.
    pub(crate) fn size(self) -> Result<u64, Fault> {
        match self {
            Input::File(node) if node.get_ref().is_integer() => self.integer(0..=i64::MAX),
            _ => self.parsed(value::SIZE, value::size),
        }
    }

    pub(crate) fn path(self) -> Result<PathBuf, Fault> {
        match self {
            Input::File(node) => path_from(bytes_of(node)?),
            Input::Options(given, _) => Ok(PathBuf::from(&given[0])),
        }
    }

    /// A command: a list of words, or one text that is split as a shell would.
    pub(crate) fn command(self) -> Result<Vec<Bytes>, Fault> {
        match self {
            Input::File(node) => list(node, bytes_of),
            Input::Options(given, _) => {
                let found = words::split(given[0].as_encoded_bytes())?;
                Ok(found.into_iter().map(Bytes).collect())
            }
        }
    }

    /// Names of services. An option may be given several times, and each may hold several with commas.
    pub(crate) fn names(self) -> Result<Vec<String>, Fault> {
        match self {
            Input::File(node) => list(node, |item| Input::File(item).text()),
            Input::Options(given, _) => {
                let texts: Vec<&str> = given.iter().map(utf8).collect::<Result<_, _>>()?;
                Ok(texts.iter().flat_map(|t| t.split(',')).map(|name| name.trim().to_owned()).collect())
            }
        }
    }

    /// Exit codes.
    pub(crate) fn codes(self) -> Result<Vec<i32>, Fault> {
        match self {
            Input::File(node) => list(node, |item| {
                Input::File(item).integer(0..=255).map_err(|fault| fault.at(item.span().start))
            }),
            Input::Options(..) => self.parsed(value::CODES, value::codes),
        }
    }

    pub(crate) fn give_up(self) -> Result<GiveUp, Fault> {
        let Input::File(node) = self else { return self.parsed(value::GIVE_UP, value::give_up) };
        const TABLE: &str = "a table (write `{ after = 5, within = \"60s\" }`)";
        let table = node.get_ref().as_table().ok_or_else(|| wrong(node, TABLE))?;
        let (mut after, mut within) = (None, None);
        for (key, at, item) in pairs(table) {
            let placed = |fault: Fault| fault.at(item.span().start);
            match key {
                "after" => after = Some(Input::File(item).integer(1..=i64::from(u32::MAX)).map_err(placed)?),
                "within" => within = Some(Input::File(item).duration().map_err(placed)?),
                _ => return Err(unknown_key(key, at, &["after", "within"])),
            }
        }
        match (after, within) {
            (Some(after), Some(within)) => Ok(GiveUp { after, within }),
            _ => Err(Fault::from("it needs both `after` and `within`".to_owned())),
        }
    }

    pub(crate) fn limits(self) -> Result<Vec<Limit>, Fault> {
        match self {
            Input::File(node) => {
                let table = node.get_ref().as_table().ok_or_else(|| wrong(node, "a table"))?;
                pairs(table).into_iter().map(|(key, at, item)| limit_in_file(key, at, item)).collect()
            }
            Input::Options(given, _) => given.iter().map(|text| limit_in_option(utf8(text)?)).collect(),
        }
    }

    pub(crate) fn env(self) -> Result<Vec<EnvVar>, Fault> {
        match self {
            Input::File(node) => {
                let table = node.get_ref().as_table().ok_or_else(|| wrong(node, "a table"))?;
                let variable = |(key, _, item): (&str, usize, &'a Node<'a>)| {
                    let value = bytes_of(item).map_err(|mut fault| {
                        fault.message = format!("`{}`: {}", key.escape_debug(), fault.message);
                        fault
                    })?;
                    Ok(EnvVar { name: key.to_owned(), value })
                };
                pairs(table).into_iter().map(variable).collect()
            }
            Input::Options(given, lookup) => given.iter().map(|text| env_in_option(text, lookup)).collect(),
        }
    }
}

#[cfg(unix)]
fn path_from(bytes: Bytes) -> Result<PathBuf, Fault> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(PathBuf::from(OsString::from_vec(bytes.0)))
}

#[cfg(not(unix))]
fn path_from(bytes: Bytes) -> Result<PathBuf, Fault> {
    let text = String::from_utf8(bytes.0).map_err(|_| Fault::from("it is not UTF-8".to_owned()))?;
    Ok(PathBuf::from(text))
}
