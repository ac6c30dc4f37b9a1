//! Spec files: text to specs, every error with its place. This module must not know what any key means
//! (the table does), nor where specs are kept.

use std::{collections::BTreeMap, io::Read as _, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result, Value, check_name};
use toml::de::DeTable;

use super::{
    Spec, Template,
    input::Input,
    key,
    node::{Node, described, free, pairs, unknown_key},
    order,
    source::{Fault, Source},
    validate,
};

/// The largest spec file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// What a spec file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpecFile {
    /// The `[service.NAME]`, in order.
    pub services: Vec<Spec>,
    /// The `[template.NAME]`, in order.
    pub templates: Vec<Template>,
}

/// Reads a spec file.
///
/// # Errors
/// `io` or `permission-denied` when it can't be read, otherwise as [`parse`].
pub fn read(path: &Path) -> Result<SpecFile> {
    let mut bytes = Vec::new();
    // What is no regular file does not say how long it is.
    let file = std::fs::File::open(path).map(|file| file.take(LARGEST + 1));
    file.and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|e| Error::io("read", path, &e))?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("{} has more than {LARGEST} bytes, too many for a spec file", path.display());
        return Err(Error::new(ErrorKind::InvalidSpec, message).with_path(path));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let message =
            format!("{} is not UTF-8, from byte {} on", path.display(), e.utf8_error().valid_up_to());
        Error::new(ErrorKind::InvalidSpec, message).with_path(path)
    })?;
    parse(&text, path)
}

/// Reads the text of a spec file; `path` is what errors call it.
///
/// # Errors
/// `invalid-spec` or `invalid-name`, with the place: `FILE:LINE:COLUMN: ...`.
pub fn parse(text: &str, path: &Path) -> Result<SpecFile> {
    parse_from(Source { path, text, base: 0 })
}

/// Reads the part of a text that begins at its source's base.
pub(crate) fn parse_from(source: Source<'_>) -> Result<SpecFile> {
    let part = &source.text[source.base..];
    let document = DeTable::parse(part).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        source.error(ErrorKind::InvalidSpec, at, e.message().trim())
    })?;
    let mut reader = Reader { source, file: SpecFile::default(), after: Vec::new() };
    for (key, at, node) in pairs(document.get_ref()) {
        reader.section(key, at, node)?;
    }
    reader.check_order()?;
    Ok(reader.file)
}

/// Where each key of a service stands.
type Places = BTreeMap<&'static str, usize>;

struct Reader<'a> {
    source: Source<'a>,
    file: SpecFile,
    /// For each service, where it says what it comes after.
    after: Vec<usize>,
}

impl Reader<'_> {
    /// `[service...]` or `[template...]`.
    fn section(&mut self, key: &str, at: usize, node: &Node<'_>) -> Result<()> {
        let invalid = |fault: Fault| self.error(fault, at, None);
        if !matches!(key, "service" | "template") {
            return Err(invalid(unknown_key(key, at, &["service", "template"])));
        }
        let table = node.get_ref().as_table().ok_or_else(|| {
            invalid(Fault::from(format!(
                "`{key}` is {}, and has to be [{key}.NAME]",
                described(node.get_ref())
            )))
        })?;
        for (name, at, node) in pairs(table) {
            self.named(key == "template", name, at, node)?;
        }
        Ok(())
    }

    /// `[service.NAME]` or `[template.NAME]`.
    fn named(&mut self, template: bool, name: &str, at: usize, node: &Node<'_>) -> Result<()> {
        check_name(name).map_err(|e| {
            let placed = self.source.error(e.kind, at, &e.message);
            Error { hint: e.hint, ..placed }
        })?;
        let Some(table) = node.get_ref().as_table() else {
            let kind = if template { "template" } else { "service" };
            let fault = Fault::from(format!("it is {}, and has to be a table", described(node.get_ref())));
            let hint = format!("write [{kind}.NAME] with the keys of a {kind} below it");
            return Err(self.error(Fault { hint: Some(hint), ..fault }, at, Some((name, ""))));
        };
        let mut spec = Spec::default();
        spec.service.name = name.to_owned();
        let mut places = Places::new();
        self.fill(&mut spec, &mut places, "", table)?;
        validate::tidy(&mut spec.service);
        let checked = if template { validate::with_instance(&spec, "instance") } else { spec.clone() };
        validate::violation(&checked).map_err(|v| {
            let place = places.get(v.key).copied().unwrap_or(at);
            self.error(Fault { at: None, message: v.message, hint: v.hint }, place, Some((name, v.key)))
        })?;
        if template {
            self.file.templates.push(Template { name: name.to_owned(), spec });
        } else {
            self.after.push(places.get("after").or(places.get("requires")).copied().unwrap_or(at));
            self.file.services.push(spec);
        }
        Ok(())
    }

    /// The keys below a section; `prefix` is empty, or the section's name and a dot.
    fn fill(&self, spec: &mut Spec, places: &mut Places, prefix: &str, table: &DeTable<'_>) -> Result<()> {
        let name = spec.service.name.clone();
        for (key, at, node) in pairs(table) {
            let full = format!("{prefix}{key}");
            if let Some(row) = key::find(&full) {
                places.insert(row.key, at);
                (row.set)(&mut spec.service, Input::File(node))
                    .map_err(|fault| self.error(fault, node.span().start, Some((&name, &full))))?;
            } else if full == "native" {
                self.natives(spec, at, node)?;
            } else if prefix.is_empty() && is_section(key) {
                let inner = node.get_ref().as_table().ok_or_else(|| {
                    let found = described(node.get_ref());
                    let fault = Fault::from(format!("it is {found}, and has to be a table"));
                    let hint =
                        format!("write [service.{name}.{key}], with {} below it", below(key).join(", "));
                    self.error(Fault { hint: Some(hint), ..fault }, node.span().start, Some((&name, key)))
                })?;
                self.fill(spec, places, &format!("{key}."), inner)?;
            } else {
                let fault = unknown_key(key, at, &known(prefix));
                return Err(self.error(fault, at, Some((&name, prefix.trim_end_matches('.')))));
            }
        }
        Ok(())
    }

    /// `[service.NAME.native.ID]`.
    fn natives(&self, spec: &mut Spec, at: usize, node: &Node<'_>) -> Result<()> {
        let name = &spec.service.name;
        let not_table = |key: &str, node: &Node<'_>| {
            let fault = Fault::from(format!("it is {}, and has to be a table", described(node.get_ref())));
            let hint = format!("write [service.{name}.native.BACKEND]");
            self.error(Fault { hint: Some(hint), ..fault }, node.span().start, Some((name, key)))
        };
        let table = node.get_ref().as_table().ok_or_else(|| not_table("native", node))?;
        for (id, _, inner) in pairs(table) {
            let key = format!("native.{id}");
            let value = free(inner).map_err(|fault| self.error(fault, at, Some((name, &key))))?;
            if !matches!(value, Value::Map(_)) {
                return Err(not_table(&key, inner));
            }
            spec.natives.insert(id.to_owned(), value);
        }
        Ok(())
    }

    fn check_order(&self) -> Result<()> {
        let specs: Vec<_> = self.file.services.iter().map(|spec| &spec.service).collect();
        order::cycle(&specs).map_or(Ok(()), |cycle| {
            Err(self.source.error(
                ErrorKind::InvalidSpec,
                self.after[cycle[0]],
                &order::describe(&specs, &cycle),
            ))
        })
    }

    /// An error about a service's key, at the fault's own place or else at the given one.
    fn error(&self, fault: Fault, at: usize, subject: Option<(&str, &str)>) -> Error {
        let message = match subject {
            None => fault.message,
            Some((name, "")) => format!("service `{name}`: {}", fault.message),
            Some((name, key)) => format!("{} of `{name}`: {}", key.escape_debug(), fault.message),
        };
        let error = self.source.error(ErrorKind::InvalidSpec, fault.at.unwrap_or(at), &message);
        let error = Error { hint: fault.hint, ..error };
        if let Some((name, _)) = subject { error.with_service(name) } else { error }
    }
}

fn is_section(key: &str) -> bool {
    key::keys().any(|row| row.key.split_once('.').is_some_and(|(section, _)| section == key))
}

/// The keys of a section.
fn below(section: &str) -> Vec<&'static str> {
    let parts = key::keys().filter_map(|row| row.key.split_once('.'));
    parts.filter(|(name, _)| *name == section).map(|(_, key)| key).collect()
}

/// What is known under a prefix: the keys of a section, or keys and sections.
fn known(prefix: &str) -> Vec<&'static str> {
    if let Some(section) = prefix.strip_suffix('.') {
        return below(section);
    }
    let mut names: Vec<&str> = key::keys().map(|row| row.key.split('.').next().unwrap_or(row.key)).collect();
    names.dedup();
    names.push("native");
    names
}
