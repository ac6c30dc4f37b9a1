//! What the configuration in a container has to say of a backend, so that it is taken for the one that fits
//! there: written where there is no configuration, looked for in one that is somebody's. This module must not
//! know what any setting means.

use std::path::Path;

use anysvc_backend_api::{Error, ErrorKind, RenderedFile, Result, Value};

use super::{note::Note, place::Root};
use crate::{
    config::{CONFIG_FILE, Config},
    spec::put_text,
};

/// The configuration to be written; `None` where one that is not ours says it all, or nothing has to be said.
///
/// # Errors
/// `not-ours` where somebody's configuration lacks a setting; `usage` where it makes no sense.
pub fn file(root: &Root, id: &str, settings: &Value) -> Result<Option<RenderedFile>> {
    let pairs: Vec<(&str, &str)> = match settings {
        Value::Map(pairs) => pairs.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect(),
        _ => Vec::new(),
    };
    if pairs.is_empty() {
        return Ok(None);
    }
    let path = Path::new(CONFIG_FILE);
    if let Some(found) = root.read(path)?
        && !Note::read(root)?.knows(path, &found)
    {
        let shown = root.shown(path);
        let config = Config::parse(&shown, &String::from_utf8_lossy(&found.content))?;
        let said = config.settings(id);
        return match pairs.iter().find(|(key, _)| said.get(key).is_none()) {
            Some(pair) => Err(lacking(&shown, id, *pair)),
            None => Ok(None),
        };
    }
    let text = pairs.into_iter().map(|pair| format!("{}\n", line(pair))).collect::<String>();
    let content = format!("# Made by `anysvc container install`.\n[backend.{id}]\n{text}");
    Ok(Some(RenderedFile {
        path: path.to_owned(),
        mode: 0o644,
        content: content.into_bytes().into(),
        secret: false,
    }))
}

fn lacking(shown: &Path, id: &str, pair: (&str, &str)) -> Error {
    let message = format!(
        "{} has no `{}` in [backend.{id}], and without it `{id}` is not recognised in the container; nothing was \
         changed",
        shown.display(),
        pair.0
    );
    let hint = format!("add to it, below a line `[backend.{id}]`: {}", line(pair));
    Error::new(ErrorKind::NotOurs, message).with_path(shown).with_hint(hint)
}

fn line((key, value): (&str, &str)) -> String {
    let mut text = format!("{key} = ");
    put_text(&mut text, value);
    text
}
