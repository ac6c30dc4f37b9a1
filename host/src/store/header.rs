//! The header of a stored file: the lines before its first table. Its own canonical lines are read by a
//! small scanner, because a listing reads a thousand of them; anything else that TOML allows is left to
//! the parser. This module must not know where the text is from.

use std::{borrow::Cow, path::Path};

use anysvc_backend_api::{Boot, Error, ErrorKind, Scope};
use toml::de::{DeTable, DeValue};

use super::{Desired, Header};
use crate::spec::put_text;

/// The format that this version writes. New keys that may be ignored do not raise it.
pub(super) const FORMAT: i64 = 1;
/// What every file begins with.
const COMMENT: &str = "# Kept by anysvc, which writes it again on every change.\n";

/// Why a stored text can't be used.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// It is of a later format.
    Newer(i64),
    /// It makes no sense.
    Corrupt(String),
}

/// The error about a file of a later format.
pub(super) fn newer(path: &Path, format: i64) -> Error {
    let message =
        format!("{} has format {format}, and this version knows {FORMAT}: it is left alone", path.display());
    Error::new(ErrorKind::Io, message).with_path(path).with_hint("update anysvc")
}

/// The error about a file that makes no sense; `remove` is the command that gets rid of it.
pub(super) fn corrupt(path: &Path, name: &str, why: &str, remove: &str) -> Error {
    let place = path.display().to_string();
    // What the spec parser says begins with the place already.
    let message = match why.strip_prefix(&place) {
        Some(_) => format!("the stored `{name}` is corrupt: {why}"),
        None => format!("the stored `{name}` is corrupt: {place}: {why}"),
    };
    Error::new(ErrorKind::Io, message)
        .with_path(path)
        .with_hint(format!("correct the file, or remove it with `anysvc {remove} {name}`"))
}

/// How many bytes come before the first line that begins a table.
pub(super) fn length(text: &[u8]) -> usize {
    if text.first() == Some(&b'[') {
        return 0;
    }
    let mut ends = text.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at + 1);
    ends.find(|&next| text.get(next) == Some(&b'[')).unwrap_or(text.len())
}

/// The values of a header, by key.
pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Reads what every header has: a format that is known, and the name that its file is called after. All
/// of it must be in the text.
pub(super) fn read_pairs<'t>(text: &'t [u8], name: &str) -> Result<Pairs<'t>, Fault> {
    let pairs = match scan(text) {
        Some(pairs) => pairs,
        None => {
            let header = str::from_utf8(&text[..length(text)]);
            parse(header.map_err(|_| corrupted("its header is not UTF-8"))?)?
        }
    };
    match need(&pairs, "format")?.parse() {
        Ok(FORMAT) => {}
        Ok(format) if format > FORMAT => return Err(Fault::Newer(format)),
        _ => return Err(corrupted("its `format` is not one that ever was")),
    }
    let inside = need(&pairs, "name")?;
    if inside != name {
        return Err(Fault::Corrupt(format!("it says that it is `{}`", inside.escape_debug())));
    }
    Ok(pairs)
}

fn find<'p>(pairs: &'p Pairs<'_>, key: &str) -> Option<&'p str> {
    pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_ref())
}

fn need<'p>(pairs: &'p Pairs<'_>, key: &str) -> Result<&'p str, Fault> {
    find(pairs, key).ok_or_else(|| Fault::Corrupt(format!("its header has no `{key}`")))
}

/// Reads the header of a service.
pub(super) fn read(text: &[u8], name: &str) -> Result<Header, Fault> {
    let pairs = read_pairs(text, name)?;
    let (need, find) = (|key: &str| need(&pairs, key), |key: &str| find(&pairs, key));
    let desired = match need("desired")? {
        "up" => Desired::Up,
        "down" => Desired::Down,
        _ => return Err(corrupted("its `desired` is neither up nor down")),
    };
    let scope = Scope::from_name(need("scope")?).ok_or_else(|| corrupted("its `scope` is no scope"))?;
    let boot = find("boot").map_or(Some(Boot::Restore), Boot::from_name);
    let text = |key: &str| find(key).map(str::to_owned);
    Ok(Header {
        name: name.to_owned(),
        desired,
        backend: need("backend")?.to_owned(),
        scope,
        boot: boot.ok_or_else(|| corrupted("its `boot` is neither restore, up nor down"))?,
        transient: text("transient"),
        template: text("template"),
        instance: text("instance"),
        spec_hash: text("spec-hash").unwrap_or_default(),
    })
}

fn corrupted(why: &str) -> Fault {
    Fault::Corrupt(why.to_owned())
}

/// Reads lines as [`write()`] makes them, up to the first table; `None` for anything else.
fn scan(text: &[u8]) -> Option<Pairs<'_>> {
    let mut pairs = Pairs::with_capacity(10);
    let mut rest = text.strip_prefix(COMMENT.as_bytes()).unwrap_or(text);
    while !matches!(rest, [] | [b'[', ..]) {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        if line.is_empty() {
            continue;
        }
        let (key, value) = line.split_at(line.iter().position(|&byte| !is_plain(byte))?);
        let (value, readable) = match value.strip_prefix(b" = ")? {
            [b'"', value @ .., b'"'] => (value, value.iter().all(|&byte| is_plain(byte))),
            // What stands without quotes is the number of a format, or the parser's.
            [] | [b'0', ..] => return None,
            number => (number, number.iter().all(u8::is_ascii_digit)),
        };
        let (key, value) = (str::from_utf8(key).ok()?, str::from_utf8(value).ok()?);
        let new = !key.is_empty() && !pairs.iter().any(|(k, _)| k == key);
        (new && readable).then(|| pairs.push((key.into(), value.into())))?;
    }
    Some(pairs)
}

/// What a bare key is made of, and all words that stand in a header.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Reads whatever TOML allows. What is neither text nor number is for a version that knows it.
fn parse(text: &str) -> Result<Pairs<'_>, Fault> {
    let table = DeTable::parse(text).map_err(|e| Fault::Corrupt(e.message().trim().to_owned()))?;
    let pair = |(key, node): (&toml::Spanned<Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
        let value = match node.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok()?.to_string(),
            _ => return None,
        };
        Some((Cow::Owned(key.get_ref().to_string()), Cow::Owned(value)))
    };
    Ok(table.get_ref().iter().filter_map(pair).collect())
}

/// The lines that every header begins with.
pub(super) fn begin(name: &str) -> String {
    let mut text = format!("{COMMENT}format = {FORMAT}\nname = ");
    put_text(&mut text, name);
    text.push('\n');
    text
}

/// The text of a header. Only names and words are in it, nothing of a spec that could be a secret.
pub(super) fn write(header: &Header) -> String {
    let mut text = begin(&header.name);
    let texts = [
        ("desired", Some(header.desired.as_str())),
        ("backend", Some(header.backend.as_str())),
        ("scope", Some(header.scope.as_str())),
        ("boot", Some(header.boot.as_str())),
        ("transient", header.transient.as_deref()),
        ("template", header.template.as_deref()),
        ("instance", header.instance.as_deref()),
        ("spec-hash", Some(header.spec_hash.as_str()).filter(|hash| !hash.is_empty())),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            text.push_str(key);
            text.push_str(" = ");
            put_text(&mut text, value);
            text.push('\n');
        }
    }
    text
}

/// The text with another `desired`, all else byte for byte as it was: keys of a later version stay. `None`
/// where it stands in no line of its own.
pub(super) fn with_desired(text: &str, name: &str, desired: Desired) -> Option<String> {
    let (head, body) = text.split_at(length(text.as_bytes()));
    let is_desired = |line: &str| line.split('=').next().is_some_and(|key| key.trim() == "desired");
    let mut lines: Vec<&str> = head.split_inclusive('\n').collect();
    let own = lines.iter().position(|line| is_desired(line))?;
    let line = format!("desired = \"{}\"\n", desired.as_str());
    lines[own] = &line;
    let changed = lines.concat() + body;
    // What looks like its line may stand in a text of several lines.
    let says = read(changed.as_bytes(), name).is_ok_and(|header| header.desired == desired);
    says.then_some(changed)
}
