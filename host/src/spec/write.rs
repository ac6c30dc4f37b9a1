//! A spec back as text: canonical, only what is set, so that reading it gives the same spec again. This
//! module must not know what any key means.

use std::fmt::Write as _;

use anysvc_backend_api::Value;

use super::{
    Spec, Template,
    key::{self, Key, Out},
    template::{Discover, StateFile},
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
    let mut text = String::new();
    write(&mut text, &format!("service.{}", spec.service.name), &[], spec, None, reveal);
    text
}

/// The text of a template, from `[template.NAME]` on.
pub fn template_to_toml(template: &Template, reveal: Reveal) -> String {
    let table = format!("template.{}", template.name);
    let mut text = String::new();
    write(&mut text, &table, &[("name", Out::Text(template.rule.clone()))], &template.spec, None, reveal);
    for (instance, spec) in &template.special {
        text.push('\n');
        write(&mut text, &format!("{table}.instance.{instance}"), &[], spec, Some(&template.spec), reveal);
    }
    if let Some(discover) = &template.discover {
        let _ = write!(text, "\n[{table}.discover]\n");
        discovery(discover).iter().for_each(|(key, value)| line(&mut text, key, value));
    }
    text
}

fn discovery(discover: &Discover) -> Vec<(&'static str, Out)> {
    let texts = |list: &[String]| Out::List(list.iter().cloned().map(Out::Text).collect());
    let mut pairs =
        vec![("directory", Out::path(&discover.directory)), ("marker", Out::Text(discover.marker.clone()))];
    pairs.extend(discover.user.clone().map(|user| ("user", Out::Text(user))));
    pairs.extend(discover.state.as_ref().map(|StateFile { file, pointer, up }| {
        let file = ("file".to_owned(), Out::Text(file.clone()));
        let pointer = ("pointer".to_owned(), Out::Text(pointer.clone()));
        ("state", Out::Inline(vec![file, pointer, ("up".to_owned(), texts(up))]))
    }));
    if !discover.stale.is_empty() {
        pairs.push(("stale", texts(&discover.stale)));
    }
    pairs
}

/// Writes a section: lines of its own, and what a spec sets, without what another one sets alike.
fn write(
    text: &mut String,
    table: &str,
    head: &[(&str, Out)],
    spec: &Spec,
    apart_from: Option<&Spec>,
    reveal: Reveal,
) {
    let set: Vec<(&Key, Out)> = key::keys()
        .filter_map(|row| {
            let base = apart_from.and_then(|base| (row.get)(&base.service));
            Some((row, difference((row.get)(&spec.service), base)?))
        })
        .collect();
    let _ = writeln!(text, "[{table}]");
    head.iter().for_each(|(key, value)| line(text, key, value));
    for (row, value) in &set {
        if !row.key.contains('.') && !matches!(value, Out::Secrets(_)) {
            line(text, row.key, value);
        }
    }
    let mut section = "";
    for (row, value) in &set {
        match (row.key.split_once('.'), value) {
            (None, Out::Secrets(pairs)) => secrets(text, &format!("{table}.{}", row.key), pairs, reveal),
            (None, _) => {}
            (Some((name, key)), value) => {
                if section != name {
                    let _ = write!(text, "\n[{table}.{name}]\n");
                    section = name;
                }
                line(text, key, value);
            }
        }
    }
    let natives = spec.natives.iter();
    for (id, native) in
        natives.filter(|(id, native)| apart_from.and_then(|base| base.natives.get(*id)) != Some(native))
    {
        let _ = write!(text, "\n[{table}.native.{}]\n", shown_key(id));
        if let Value::Map(pairs) = native {
            pairs.iter().for_each(|(key, value)| line(text, key, &Out::Free(value.clone())));
        }
    }
}

/// What has to be said of a value where another one holds otherwise.
fn difference(value: Option<Out>, base: Option<Out>) -> Option<Out> {
    match (value, base) {
        (Some(Out::Secrets(pairs)), Some(Out::Secrets(base))) => {
            let news: Vec<_> = pairs.into_iter().filter(|pair| !base.contains(pair)).collect();
            (!news.is_empty()).then_some(Out::Secrets(news))
        }
        // Said to be nothing: no more than these can be taken back.
        (None, Some(Out::Bool(_))) => Some(Out::Bool(false)),
        (None, Some(Out::List(_))) => Some(Out::List(Vec::new())),
        (value, base) => value.filter(|value| base.as_ref() != Some(value)),
    }
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
