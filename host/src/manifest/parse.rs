//! From the text of a manifest to what it says. An unknown key is a mistake, unless the manifest was made
//! for a newer minor version of the API than this host's: then it is something that this host must do
//! without.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{
    Error, ErrorKind, Result, Scope,
    abi::{API_MAJOR, API_MINOR},
};

use super::{Condition, Manifest, is_id};
use crate::{
    config::document::{Document, Item, Table},
    environment::Question,
};

const KEYS: [&str; 8] = ["id", "summary", "library", "api", "scopes", "priority", "fallback", "fits"];
const CONDITIONS: [&str; 11] =
    ["all", "any", "not", "os", "pid1-comm", "file", "directory", "socket", "command", "env", "setting"];
/// Nobody's conditions are nested deeper.
const DEEPEST: usize = 16;

pub(super) fn manifest(path: &Path, text: &str) -> Result<Manifest> {
    Document { path, text, kind: ErrorKind::Plugin }.parse(|root| read(path, root))
}

fn read(path: &Path, root: Table<'_>) -> Result<Manifest> {
    let need = |key: &str| root.get(key).ok_or_else(|| missing(path, key));
    let api = api(need("api")?)?;
    let newer = api.1 > API_MINOR;
    if let Some(item) = root.items().find(|item| !newer && !KEYS.contains(&item.key)) {
        return Err(item.unknown(&KEYS));
    }
    let id = need("id")?;
    if !is_id(id.text()?) || path.file_stem().is_none_or(|stem| stem != id.text().unwrap_or_default()) {
        return Err(id.fault(format!("`id` has to be the file's name: `{}`", id.text()?.escape_debug())));
    }
    let library = need("library")?;
    if !is_file_name(library.text()?) {
        return Err(library.fault("`library` has to be the name of a file in the manifest's own folder"));
    }
    let priority = root.get("priority").map(Item::integer).transpose()?;
    let fallback = root.get("fallback").map(Item::boolean).transpose()?;
    Ok(Manifest {
        id: id.text()?.to_owned(),
        summary: need("summary")?.text()?.to_owned(),
        library: library.text()?.to_owned(),
        api,
        scopes: scopes(need("scopes")?, newer)?,
        priority: priority.unwrap_or(0),
        fallback: fallback.unwrap_or(false),
        fits: table(need("fits")?.table()?, newer, 0)?,
    })
}

fn missing(path: &Path, key: &str) -> Error {
    let message = format!("{}: `{key}` is missing", path.display());
    Error::new(ErrorKind::Plugin, message).with_path(path)
}

fn is_file_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\\', '\0'])
}

/// `MAJOR.MINOR`, of our major.
fn api(item: Item<'_>) -> Result<(u32, u32)> {
    let numbers = item.text()?.split_once('.').map(|(major, minor)| (major.parse(), minor.parse()));
    let Some((Ok(major), Ok(minor))) = numbers else {
        return Err(item.fault("`api` has to be like \"1.0\""));
    };
    if major == API_MAJOR {
        return Ok((major, minor));
    }
    let message = format!("it is made for API {major}.{minor}, and this anysvc has {API_MAJOR}.{API_MINOR}");
    let older = if major > API_MAJOR { "anysvc" } else { "the backend" };
    Err(item.fault(message).with_hint(format!("update {older}")))
}

fn scopes(item: Item<'_>, newer: bool) -> Result<Vec<Scope>> {
    let mut scopes = Vec::new();
    for name in item.array()? {
        match Scope::from_name(name.text()?) {
            Some(scope) => scopes.push(scope),
            None if newer => {}
            None => return Err(name.fault("`scopes` knows \"system\" and \"user\"")),
        }
    }
    Ok(scopes)
}

/// A table of conditions: all of them.
fn table(table: Table<'_>, newer: bool, depth: usize) -> Result<Condition> {
    let mut items: Vec<_> = table.items().collect();
    // As they were written: it is the order in which they are asked and shown.
    items.sort_by_key(|item| item.at);
    let mut parts: Vec<_> =
        items.into_iter().map(|item| condition(item, newer, depth)).collect::<Result<_>>()?;
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
}

/// What a newer version adds is a key that is not known here, or another form of one that is.
fn condition(item: Item<'_>, newer: bool, depth: usize) -> Result<Condition> {
    if depth > DEEPEST {
        return Err(item.fault("conditions are nested too deeply"));
    }
    match known(item, newer, depth) {
        Err(_) if newer => Ok(Condition::Unknown(item.key.to_owned())),
        read => read,
    }
}

fn known(item: Item<'_>, newer: bool, depth: usize) -> Result<Condition> {
    let inner = |item: Item<'_>| table(item.table()?, newer, depth + 1);
    let list = |item: Item<'_>| item.array()?.map(inner).collect::<Result<Vec<_>>>();
    let path = || absolute(item);
    let text = || item.text().map(str::to_owned);
    Ok(match item.key {
        "all" => Condition::All(list(item)?),
        "any" => Condition::Any(list(item)?),
        "not" => Condition::Not(Box::new(inner(item)?)),
        "os" => Condition::Equals(Question::Os, text()?),
        "pid1-comm" => Condition::Equals(Question::Pid1Comm, text()?),
        "file" => Condition::Is(Question::File(path()?)),
        "directory" => Condition::Is(Question::Directory(path()?)),
        "socket" => Condition::Is(Question::Socket(path()?)),
        "command" => Condition::Is(Question::Command(command(item)?)),
        "env" => match item.text()?.split_once('=') {
            Some((name, value)) => Condition::Equals(Question::Variable(name.to_owned()), value.to_owned()),
            None => Condition::Is(Question::Variable(text()?)),
        },
        "setting" => Condition::Is(Question::Setting(text()?)),
        _ => return Err(item.unknown(&CONDITIONS)),
    })
}

/// What it is must not depend on where the command is run.
fn absolute(item: Item<'_>) -> Result<PathBuf> {
    let path = PathBuf::from(item.text()?);
    if path.is_absolute() {
        return Ok(path);
    }
    Err(item.fault(format!("`{}` has to be an absolute path", item.key)))
}

/// A command is looked for in the folders of the search path, and nowhere else.
fn command(item: Item<'_>) -> Result<String> {
    let name = item.text()?;
    if !name.is_empty() && !name.contains('/') && name != "." && name != ".." {
        return Ok(name.to_owned());
    }
    let error = item.fault("`command` has to be the name of a command, without a folder");
    Err(error.with_hint("`file` asks about a path"))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
