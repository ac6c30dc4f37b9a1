//! A spec back as text: canonical, only what is set, so that reading it gives the same spec again. This
//! module must not know what any key means.

use std::fmt::Write as _;

use anysvc_backend_api::Value;

use super::{
    Spec, Template,
    key::{self, Key, Out},
    value::show_hex,
};

/// Whether values of environment variables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reveal {
    /// They are.
    Values,
    /// Their names alone. Reading such a text is refused at the first of them.
    Nothing,
}

/// The text of a service, from `[service.NAME]` on. What is not set is left out.
pub fn to_toml(spec: &Spec, reveal: Reveal) -> String {
    write(&format!("service.{}", spec.service.name), spec, reveal)
}

/// The text of a template, from `[template.NAME]` on.
pub fn template_to_toml(template: &Template, reveal: Reveal) -> String {
    write(&format!("template.{}", template.name), &template.spec, reveal)
}

fn write(table: &str, spec: &Spec, reveal: Reveal) -> String {
    let set: Vec<(&Key, Out)> =
        key::keys().filter_map(|row| Some((row, (row.get)(&spec.service)?))).collect();
    let mut text = format!("[{table}]\n");
    for (row, value) in &set {
        if !row.key.contains('.') && !matches!(value, Out::Secrets(_)) {
            line(&mut text, row.key, value);
        }
    }
    let mut section = "";
    for (row, value) in &set {
        match (row.key.split_once('.'), value) {
            (None, Out::Secrets(pairs)) => secrets(&mut text, &format!("{table}.{}", row.key), pairs, reveal),
            (None, _) => {}
            (Some((name, key)), value) => {
                if section != name {
                    let _ = write!(text, "\n[{table}.{name}]\n");
                    section = name;
                }
                line(&mut text, key, value);
            }
        }
    }
    for (id, native) in &spec.natives {
        let _ = write!(text, "\n[{table}.native.{}]\n", shown_key(id));
        if let Value::Map(pairs) = native {
            pairs.iter().for_each(|(key, value)| line(&mut text, key, &Out::Free(value.clone())));
        }
    }
    text
}

fn secrets(text: &mut String, table: &str, pairs: &[(String, Out)], reveal: Reveal) {
    let hidden = Out::Inline(vec![("redacted".to_owned(), Out::Bool(true))]);
    let _ = write!(text, "\n[{table}]\n");
    for (key, value) in pairs {
        line(text, key, if reveal == Reveal::Values { value } else { &hidden });
    }
}

fn line(text: &mut String, key: &str, value: &Out) {
    text.push_str(&shown_key(key));
    text.push_str(" = ");
    put(text, value);
    text.push('\n');
}

fn put(text: &mut String, value: &Out) {
    match value {
        Out::Text(content) => put_text(text, content),
        Out::Bytes(bytes) => match str::from_utf8(bytes) {
            Ok(content) => put_text(text, content),
            Err(_) => text.push_str(&format!("{{ hex = \"{}\" }}", show_hex(bytes))),
        },
        Out::Int(n) => text.push_str(&n.to_string()),
        Out::Bool(b) => text.push_str(if *b { "true" } else { "false" }),
        Out::List(items) => put_list(text, items, put),
        Out::Inline(pairs) | Out::Secrets(pairs) => put_pairs(text, pairs, put),
        Out::Free(value) => put_free(text, value),
    }
}

fn put_free(text: &mut String, value: &Value) {
    match value {
        // TOML has no nothing; what was read from it never contains one.
        Value::Null => text.push_str("\"\""),
        Value::Bool(b) => put(text, &Out::Bool(*b)),
        Value::Int(n) => put(text, &Out::Int(*n)),
        Value::Float(f) if f.is_nan() => text.push_str("nan"),
        Value::Float(f) => text.push_str(&format!("{f:?}")),
        Value::Text(content) => put_text(text, content),
        Value::List(items) => put_list(text, items, put_free),
        Value::Map(pairs) => put_pairs(text, pairs, put_free),
    }
}

fn put_list<T>(text: &mut String, items: &[T], each: fn(&mut String, &T)) {
    text.push('[');
    for (i, item) in items.iter().enumerate() {
        text.push_str(if i == 0 { "" } else { ", " });
        each(text, item);
    }
    text.push(']');
}

fn put_pairs<T>(text: &mut String, pairs: &[(String, T)], each: fn(&mut String, &T)) {
    text.push('{');
    for (i, (key, value)) in pairs.iter().enumerate() {
        text.push_str(if i == 0 { " " } else { ", " });
        text.push_str(&shown_key(key));
        text.push_str(" = ");
        each(text, value);
    }
    text.push_str(if pairs.is_empty() { "}" } else { " }" });
}

fn shown_key(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !key.is_empty() && key.bytes().all(bare) {
        return key.to_owned();
    }
    let mut shown = String::new();
    put_text(&mut shown, key);
    shown
}

/// A basic string. Everything that could upset a terminal or an editor is escaped.
pub(crate) fn put_text(text: &mut String, content: &str) {
    text.push('"');
    for c in content.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
