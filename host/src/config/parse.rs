//! From the text of the configuration to what it says.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{ErrorKind, Result, Value};

use super::{
    Config,
    document::{Document, Item},
};

const KEYS: [&str; 5] = ["choose", "disabled", "priority", "state-dir", "backend"];

pub(super) fn config(path: &Path, text: &str) -> Result<Config> {
    let document = Document { path, text, kind: ErrorKind::Usage };
    document.parse(|root| {
        let mut config = Config { path: Some(path.to_owned()), ..Config::default() };
        root.items().try_for_each(|item| entry(&mut config, item))?;
        Ok(config)
    })
}

fn entry(config: &mut Config, item: Item<'_>) -> Result<()> {
    match item.key {
        "choose" => config.choose = Some(item.text()?.to_owned()),
        "disabled" => config.disabled = item.texts()?,
        "priority" => {
            let pairs = item.table()?.items().map(|item| Ok((item.key.to_owned(), item.integer()?)));
            config.priority = pairs.collect::<Result<_>>()?;
        }
        "state-dir" => config.state_dir = Some(state_dir(item)?),
        "backend" => config.settings = settings(item)?,
        _ => return Err(item.unknown(&KEYS)),
    }
    Ok(())
}

fn state_dir(item: Item<'_>) -> Result<PathBuf> {
    let path = PathBuf::from(item.text()?);
    if path.is_absolute() { Ok(path) } else { Err(item.wrong("an absolute path")) }
}

fn settings(item: Item<'_>) -> Result<Vec<(String, Value)>> {
    if item.value.is_str() {
        let error = item.fault("`backend` holds the settings of backends, a table for each");
        return Err(error.with_hint("to choose a backend, write `choose = \"ID\"`"));
    }
    let one = |item: Item<'_>| {
        item.table()?;
        Ok((item.key.to_owned(), item.free()?))
    };
    item.table()?.items().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        config(Path::new("/etc/anysvc/config.toml"), text)
    }

    #[test]
    fn everything_that_can_be_said() {
        let text = "choose = 'a'\ndisabled = ['b', 'c']\nstate-dir = '/data/{user}'\n\
            [priority]\na = 7\n[backend.a]\nscandir = '/x'\n";
        let config = parse(text).expect("a configuration");
        assert_eq!(config.choose.as_deref(), Some("a"));
        assert!(config.is_disabled("b") && config.is_disabled("c") && !config.is_disabled("a"));
        assert_eq!((config.priority("a"), config.priority("b")), (Some(7), None));
        assert_eq!(config.state_dir.as_deref(), Some(Path::new("/data/{user}")));
        assert_eq!(config.settings("a").get("scandir").and_then(Value::as_str), Some("/x"));
        assert_eq!(config.settings("b"), Value::Map(Vec::new()));
    }

    #[test]
    fn mistakes_are_told_with_file_and_line() {
        let cases = [
            ("\nbackends = 1", "config.toml:2: unknown key `backends`", "did you mean `backend`?"),
            ("backend = 'a'", "config.toml:1: `backend` holds the settings", "choose = \"ID\""),
            ("disabled = 'a'", "`disabled` has to be an array, not string", ""),
            ("disabled = [1]", "`disabled` has to be a string, not integer", ""),
            ("state-dir = 'x'", "`state-dir` has to be an absolute path", ""),
            ("priority = { a = 'x' }", "`a` has to be a whole number, not string", ""),
            ("[backend]\na = 1", "config.toml:2: `a` has to be a table, not integer", ""),
        ];
        for (text, message, hint) in cases {
            let error = parse(text).expect_err(text);
            assert_eq!(error.kind, ErrorKind::Usage);
            assert!(error.message.contains(message), "{text}: {error}");
            assert!(error.hint.unwrap_or_default().contains(hint), "{text}");
        }
    }
}
