//! Spec files: text to specs, every error with its place. This module must not know what any key means
//! (the table does), nor where specs are kept.

use std::{collections::BTreeMap, io::Read as _, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result, check_name};
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
pub(super) type Places = BTreeMap<&'static str, usize>;

/// A `[service.NAME]`, a `[template.NAME]`, or a part of one that takes the same keys.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    /// The word that it begins with.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: &'a str,
    /// For a part: where it is in the section, with a dot at the end.
    pub(super) part: &'a str,
}

impl Section<'_> {
    /// As it is written, with a key below it.
    fn below(&self, key: &str) -> String {
        format!("[{}.{}.{}{key}]", self.kind, self.name, self.part)
    }
}

pub(super) struct Reader<'a> {
    source: Source<'a>,
    pub(super) file: SpecFile,
    /// For each service, where it says what it comes after.
    after: Vec<usize>,
}

impl Reader<'_> {
    /// `[service...]` or `[template...]`.
    fn section(&mut self, key: &str, at: usize, node: &Node<'_>) -> Result<()> {
        let invalid = |fault: Fault| self.error(fault, at, None);
        let kinds = ["service", "template"];
        let Some(kind) = kinds.into_iter().find(|kind| *kind == key) else {
            return Err(invalid(unknown_key(key, at, &kinds)));
        };
        let table = node.get_ref().as_table().ok_or_else(|| {
            invalid(Fault::from(format!(
                "`{key}` is {}, and has to be [{key}.NAME]",
                described(node.get_ref())
            )))
        })?;
        for (name, at, node) in pairs(table) {
            self.named(Section { kind, name, part: "" }, at, node)?;
        }
        Ok(())
    }

    /// `[service.NAME]` or `[template.NAME]`.
    fn named(&mut self, section: Section<'_>, at: usize, node: &Node<'_>) -> Result<()> {
        let Section { kind, name, .. } = section;
        self.check_name(name, at)?;
        let hint = || format!("write [{kind}.NAME] with the keys of a {kind} below it");
        let table = self.table(section, "", at, node, hint)?;
        if kind == "template" {
            return self.template(section, at, table);
        }
        let mut spec = Spec::default();
        spec.service.name = name.to_owned();
        let places = self.fill(section, &mut spec, table)?;
        self.check(section, &spec, &places, at)?;
        self.after.push(places.get("after").or(places.get("requires")).copied().unwrap_or(at));
        self.file.services.push(spec);
        Ok(())
    }

    /// The rule for names.
    pub(super) fn check_name(&self, name: &str, at: usize) -> Result<()> {
        check_name(name).map_err(|e| {
            let placed = self.source.error(e.kind, at, &e.message);
            Error { hint: e.hint, ..placed }
        })
    }

    /// The table that a key has to be.
    pub(super) fn table<'n>(
        &self,
        section: Section<'_>,
        key: &str,
        at: usize,
        node: &'n Node<'n>,
        hint: impl FnOnce() -> String,
    ) -> Result<&'n DeTable<'n>> {
        node.get_ref().as_table().ok_or_else(|| {
            let fault = Fault::from(format!("it is {}, and has to be a table", described(node.get_ref())));
            self.error(Fault { hint: Some(hint()), ..fault }, at, Some((section, key)))
        })
    }

    /// The keys of a section into a spec, and where they stand.
    pub(super) fn fill(&self, section: Section<'_>, spec: &mut Spec, table: &DeTable<'_>) -> Result<Places> {
        let mut places = Places::new();
        self.fill_from(section, spec, &mut places, "", table)?;
        validate::tidy(&mut spec.service);
        Ok(places)
    }

    /// The same; `prefix` is empty, or the name of a part and a dot.
    fn fill_from(
        &self,
        section: Section<'_>,
        spec: &mut Spec,
        places: &mut Places,
        prefix: &str,
        table: &DeTable<'_>,
    ) -> Result<()> {
        for (key, at, node) in pairs(table) {
            let full = format!("{prefix}{key}");
            if let Some(row) = key::find(&full) {
                places.insert(row.key, at);
                (row.set)(&mut spec.service, Input::File(node))
                    .map_err(|fault| self.error(fault, node.span().start, Some((section, &full))))?;
            } else if full == "native" {
                self.natives(section, spec, at, node)?;
            } else if prefix.is_empty() && is_section(key) {
                let hint =
                    || format!("write {}, with {} below it", section.below(key), below(key).join(", "));
                let inner = self.table(section, key, node.span().start, node, hint)?;
                self.fill_from(section, spec, places, &format!("{key}."), inner)?;
            } else if !prefix.is_empty() || !section.has_own(key) {
                let fault = unknown_key(key, at, &known(section, prefix));
                return Err(self.error(fault, at, Some((section, prefix.trim_end_matches('.')))));
            }
        }
        Ok(())
    }

    /// The rules for what is in a spec.
    pub(super) fn check(&self, section: Section<'_>, spec: &Spec, places: &Places, at: usize) -> Result<()> {
        validate::violation(spec).map_err(|v| {
            let place = places.get(v.key).copied().unwrap_or(at);
            self.error(Fault { at: None, message: v.message, hint: v.hint }, place, Some((section, v.key)))
        })
    }

    /// `[service.NAME.native.ID]`.
    fn natives(&self, section: Section<'_>, spec: &mut Spec, at: usize, node: &Node<'_>) -> Result<()> {
        let hint = || format!("write {}", section.below("native.BACKEND"));
        let table = self.table(section, "native", node.span().start, node, hint)?;
        for (id, _, inner) in pairs(table) {
            let key = format!("native.{id}");
            let value = free(inner).map_err(|fault| self.error(fault, at, Some((section, &key))))?;
            self.table(section, &key, inner.span().start, inner, hint)?;
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

    /// An error about a key of a section, at the fault's own place or else at the given one.
    pub(super) fn error(&self, fault: Fault, at: usize, subject: Option<(Section<'_>, &str)>) -> Error {
        let message = match subject {
            None => fault.message,
            Some((Section { kind, name, part: "" }, "")) => format!("{kind} `{name}`: {}", fault.message),
            Some((Section { name, part, .. }, key)) => {
                let key = format!("{part}{key}").trim_end_matches('.').escape_debug().to_string();
                format!("{key} of `{name}`: {}", fault.message)
            }
        };
        let error = self.source.error(ErrorKind::InvalidSpec, fault.at.unwrap_or(at), &message);
        let error = Error { hint: fault.hint, ..error };
        if let Some((section, _)) = subject { error.with_service(section.name) } else { error }
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

/// What is known under a prefix: the keys of a part, or keys and parts.
fn known(section: Section<'_>, prefix: &str) -> Vec<&'static str> {
    if let Some(section) = prefix.strip_suffix('.') {
        return below(section);
    }
    let mut names: Vec<&str> = key::keys().map(|row| row.key.split('.').next().unwrap_or(row.key)).collect();
    names.dedup();
    names.push("native");
    names.extend(section.own());
    names
}
