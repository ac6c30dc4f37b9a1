//! Values of a TOML document with their places: what every key needs, whatever it is. This module must
//! not know any key, nor options.

use anysvc_backend_api::{Bytes, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    source::{Fault, nearest},
    value,
};

/// What a text is called in messages.
pub(super) const TEXT: &str = "a text";
const BYTES: &str = "a text, or bytes as `{ hex = \"ff00\" }`";

/// A value in a file.
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// The pairs of a table, in the order of the text, with the places of the keys.
pub(super) fn pairs<'a>(table: &'a DeTable<'a>) -> Vec<(&'a str, usize, &'a Node<'a>)> {
    let mut found: Vec<_> =
        table.iter().map(|(key, node)| (key.get_ref().as_ref(), key.span().start, node)).collect();
    found.sort_by_key(|(_, at, _)| *at);
    found
}

/// What kind of value it is, in words. Never the value itself: it may be a secret.
pub(super) fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The fault of a value of another kind.
pub(super) fn wrong(node: &Node<'_>, expected: &str) -> Fault {
    let found = described(node.get_ref());
    Fault::from(format!("it is {found}, and has to be {expected}")).at(node.span().start)
}

/// A fault about a key in a small table.
pub(super) fn unknown_key(key: &str, at: usize, known: &[&str]) -> Fault {
    let hint = match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Fault { at: Some(at), message: format!("`{}` is not a known key", key.escape_debug()), hint: Some(hint) }
}

/// The number, if it is a whole one of 64 bits.
pub(super) fn integer_of(node: &Node<'_>) -> Option<i64> {
    let found = node.get_ref().as_integer()?;
    i64::from_str_radix(found.as_str(), found.radix()).ok()
}

/// A text, or bytes in hexadecimal.
pub(super) fn bytes_of(node: &Node<'_>) -> Result<Bytes, Fault> {
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

/// The items of a list.
pub(super) fn list<'a, T>(
    node: &'a Node<'a>,
    each: impl Fn(&'a Node<'a>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let items = node.get_ref().as_array().ok_or_else(|| wrong(node, "a list (write `[...]`)"))?;
    items.iter().map(each).collect()
}

/// A free-form value, as it is passed through to a manager.
pub(super) fn free(node: &Node<'_>) -> Result<Value, Fault> {
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
