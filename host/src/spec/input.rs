//! A value as it was given, in a file or by an option: one way to ask for what a key takes, whichever it
//! is. This module must not know any key.

use std::{ffi::OsString, ops::RangeInclusive, path::PathBuf, time::Duration};

use anysvc_backend_api::{Bytes, EnvVar, GiveUp, Limit, LimitKind, Signal, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    source::{Fault, nearest},
    value, words,
};

const TEXT: &str = "a text";
const BYTES: &str = "a text, or bytes as `{ hex = \"ff00\" }`";

/// Where the value of an environment variable of the caller comes from.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A value in a file.
pub(crate) type Node<'a> = Spanned<DeValue<'a>>;

/// A value as it was given.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// In a file.
    File(&'a Node<'a>),
    /// By an option, once for each time it was given (never empty), and the caller's environment.
    Options(&'a [OsString], Lookup<'a>),
}

/// The pairs of a table, in the order of the text, with the places of the keys.
pub(crate) fn pairs<'a>(table: &'a DeTable<'a>) -> Vec<(&'a str, usize, &'a Node<'a>)> {
    let mut found: Vec<_> =
        table.iter().map(|(key, node)| (key.get_ref().as_ref(), key.span().start, node)).collect();
    found.sort_by_key(|(_, at, _)| *at);
    found
}

/// What kind of value it is, in words. Never the value itself: it may be a secret.
pub(crate) fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn wrong(node: &Node<'_>, expected: &str) -> Fault {
    let found = described(node.get_ref());
    Fault::from(format!("it is {found}, and has to be {expected}")).at(node.span().start)
}

/// A fault about a key in a small table.
pub(crate) fn unknown_key(key: &str, at: usize, known: &[&str]) -> Fault {
    let hint = match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Fault { at: Some(at), message: format!("`{}` is not a known key", key.escape_debug()), hint: Some(hint) }
}

fn integer_of(node: &Node<'_>) -> Option<i64> {
    let found = node.get_ref().as_integer()?;
    i64::from_str_radix(found.as_str(), found.radix()).ok()
}

fn bytes_of(node: &Node<'_>) -> Result<Bytes, Fault> {
    let start = node.span().start;
    if let Some(text) = node.get_ref().as_str() {
        return Ok(Bytes::from(text));
    }
    let table = node.get_ref().as_table().ok_or_else(|| wrong(node, BYTES))?;
    match pairs(table).as_slice() {
        [("hex", _, hex)] => {
            let text = hex.get_ref().as_str().ok_or_else(|| wrong(hex, TEXT))?;
            value::hex(text).map_err(|m| Fault::from(m).at(hex.span().start))
        }
        [("redacted", ..)] => Err(Fault {
            hint: Some("put the value in, or write the file again with `--reveal`".to_owned()),
            ..Fault::from("the value was left out when this was written".to_owned()).at(start)
        }),
        _ => Err(wrong(node, BYTES)),
    }
}

fn list<'a, T>(node: &'a Node<'a>, each: impl Fn(&'a Node<'a>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let items = node.get_ref().as_array().ok_or_else(|| wrong(node, "a list (write `[...]`)"))?;
    items.iter().map(each).collect()
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

const LIMIT: &str = "a limit (write a number, a size, or `unlimited`)";

fn limit_kind(key: &str, at: usize) -> Result<LimitKind, Fault> {
    let names: Vec<&str> = LimitKind::ALL.iter().map(|kind| kind.as_str()).collect();
    LimitKind::from_name(key).ok_or_else(|| {
        let mut fault = unknown_key(key, at, &names);
        fault.message = format!("`{}` is not a known limit", key.escape_debug());
        fault
    })
}

fn limit_in_file(key: &str, at: usize, node: &Node<'_>) -> Result<Limit, Fault> {
    let kind = limit_kind(key, at)?;
    let value = match node.get_ref().as_str() {
        Some("unlimited") => None,
        Some(_) | None if node.get_ref().is_integer() || node.get_ref().is_str() => {
            Some(Input::File(node).size().map_err(|fault| fault.at(node.span().start))?)
        }
        _ => return Err(wrong(node, LIMIT)),
    };
    Ok(Limit { kind, value })
}

fn limit_in_option(text: &str) -> Result<Limit, Fault> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| value::not(text, "a limit (write `nofile=4096`)"))?;
    let kind = limit_kind(key, 0).map_err(|fault| Fault { at: None, ..fault })?;
    let value = if value == "unlimited" { None } else { Some(value::size(value)?) };
    Ok(Limit { kind, value })
}

/// `NAME=VALUE`, or `NAME` for the value that the caller's environment has.
fn env_in_option(text: &OsString, lookup: Lookup<'_>) -> Result<EnvVar, Fault> {
    let bytes = text.as_encoded_bytes();
    let name = bytes.split(|b| *b == b'=').next().unwrap_or_default();
    let name = str::from_utf8(name).map_err(|_| "the name of the variable is not UTF-8".to_owned())?;
    let value = match bytes.get(name.len() + 1..) {
        Some(value) => Bytes(value.to_vec()),
        None if bytes.len() > name.len() => Bytes::default(),
        None => {
            let found = lookup(name).ok_or_else(|| Fault {
                hint: Some(format!("set it, or write `--env {}=VALUE`", name.escape_debug())),
                ..Fault::from(format!(
                    "`{}` is not set in the environment of this command",
                    name.escape_debug()
                ))
            })?;
            Bytes(found.into_encoded_bytes())
        }
    };
    Ok(EnvVar { name: name.to_owned(), value })
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

/// A free-form value, as it is passed through to a manager.
pub(crate) fn free(node: &Node<'_>) -> Result<Value, Fault> {
    Ok(match node.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Integer(_) => {
            Value::Int(integer_of(node).ok_or_else(|| wrong(node, "an integer of 64 bits"))?)
        }
        DeValue::Float(f) => Value::Float(f.as_str().parse().map_err(|_| wrong(node, "a fraction"))?),
        DeValue::Datetime(_) => return Err(wrong(node, "written as a text")),
        DeValue::Array(items) => Value::List(items.iter().map(free).collect::<Result<_, _>>()?),
        DeValue::Table(table) => {
            let pair = |(key, _, item): (&str, usize, &Node<'_>)| Ok((key.to_owned(), free(item)?));
            Value::Map(pairs(table).into_iter().map(pair).collect::<Result<_, Fault>>()?)
        }
    })
}
