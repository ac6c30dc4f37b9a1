//! JSON, written from the values of the model. A serialiser of our own, because a document here is a
//! tree of a few kinds and every run pays for what is linked in. It must not know what a document means.

use anysvc_backend_api::Value;

/// An object under construction, its keys in the order they were added.
#[derive(Clone, Debug, Default)]
pub struct Object(Vec<(String, Value)>);

impl Object {
    /// Without any keys.
    pub fn new() -> Object {
        Object::default()
    }

    /// Adds a key.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Object {
        self.0.push((key.to_owned(), value.into()));
        self
    }

    /// Adds a key whose value may not be known: `null` then.
    pub fn maybe<T: Into<Value>>(self, key: &str, value: Option<T>) -> Object {
        let value = value.map_or(Value::Null, Into::into);
        self.with(key, value)
    }

    /// Adds a key only if its value is known.
    pub fn known<T: Into<Value>>(self, key: &str, value: Option<T>) -> Object {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Map(object.0)
    }
}

/// A list of anything that is a value.
pub fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

/// A count as a value; what no `i64` holds becomes the largest.
pub fn count(n: u64) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A value as JSON, on one line.
pub fn text(value: impl Into<Value>) -> String {
    let mut out = String::new();
    write(&mut out, &value.into());
    out
}

/// Appends a value as JSON, on one line.
pub fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        // JSON has no infinities; `{:?}` keeps the `.0` that says that it is a fraction.
        Value::Float(f) if f.is_finite() => out.push_str(&format!("{f:?}")),
        Value::Float(_) => out.push_str("null"),
        Value::Text(text) => write_text(out, text),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(out, item);
            }
            out.push(']');
        }
        Value::Map(pairs) => {
            out.push('{');
            for (at, (key, item)) in pairs.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write_text(out, key);
                out.push_str(": ");
                write(out, item);
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // DEL and the C1 controls too: a document that is looked at on a terminal must not act on it.
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_every_kind_of_value() {
        let object = Object::new()
            .with("null", Value::Null)
            .with("yes", true)
            .with("int", -3)
            .with("half", Value::Float(0.5))
            .with("whole", Value::Float(2.0))
            .with("nan", Value::Float(f64::NAN))
            .with("list", list(["a", "b"]))
            .with("empty", Value::List(Vec::new()))
            .maybe("absent", None::<i64>)
            .known("left out", None::<i64>)
            .with("count", count(u64::MAX));
        assert_eq!(
            text(object),
            r#"{"null": null, "yes": true, "int": -3, "half": 0.5, "whole": 2.0, "nan": null, "list": ["a", "b"], "empty": [], "absent": null, "count": 9223372036854775807}"#
        );
    }

    #[test]
    fn escapes_what_json_and_terminals_need_escaped() {
        assert_eq!(text("a\"\\\n\t\r\u{1b}[31m\u{7f}\u{9b}é"), r#""a\"\\\n\t\r\u001b[31m\u007f\u009bé""#);
    }
}
