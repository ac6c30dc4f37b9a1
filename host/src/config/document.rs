//! A TOML file read strictly: every complaint names file and line, and an unknown key the nearest known
//! one. This module must not know what any key means.

use std::{ops::Range, path::Path};

use anysvc_backend_api::{Error, ErrorKind, Result, Value};
use toml::de::{DeTable, DeValue};

/// The text of a TOML file, for complaints about it.
#[derive(Clone, Copy)]
pub(crate) struct Document<'d> {
    pub(crate) path: &'d Path,
    pub(crate) text: &'d str,
    /// What sort of failure a complaint is.
    pub(crate) kind: ErrorKind,
}

/// A table of it, with its name for complaints.
#[derive(Clone, Copy)]
pub(crate) struct Table<'t> {
    pub(crate) document: Document<'t>,
    pub(crate) table: &'t DeTable<'t>,
}

/// A value of it, with its place.
#[derive(Clone, Copy)]
pub(crate) struct Item<'t> {
    pub(crate) document: Document<'t>,
    pub(crate) key: &'t str,
    pub(crate) value: &'t DeValue<'t>,
    pub(crate) at: usize,
}

impl Document<'_> {
    /// Parses the file and hands its root table on.
    pub(crate) fn parse<T>(self, read: impl FnOnce(Table<'_>) -> Result<T>) -> Result<T> {
        let table = DeTable::parse(self.text).map_err(|error| {
            self.fault(error.span().unwrap_or(Range { start: 0, end: 0 }).start, error.message())
        })?;
        read(Table { document: self, table: table.get_ref() })
    }

    /// A complaint about what is at an offset.
    pub(crate) fn fault(&self, at: usize, message: impl AsRef<str>) -> Error {
        let line = self.text.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count() + 1;
        let message = format!("{}:{line}: {}", self.path.display(), message.as_ref().replace('\n', ", "));
        Error::new(self.kind, message).with_path(self.path)
    }
}

impl<'t> Table<'t> {
    /// Every key with its value.
    pub(crate) fn items(self) -> impl Iterator<Item = Item<'t>> {
        let document = self.document;
        self.table.iter().map(move |(key, value)| Item {
            document,
            key: key.get_ref(),
            value: value.get_ref(),
            at: key.span().start,
        })
    }

    /// The value of a key.
    pub(crate) fn get(self, key: &str) -> Option<Item<'t>> {
        self.items().find(|item| item.key == key)
    }
}

impl<'t> Item<'t> {
    /// A complaint about this value.
    pub(crate) fn fault(self, message: impl AsRef<str>) -> Error {
        self.document.fault(self.at, message)
    }

    /// The complaint that there is no such key.
    pub(crate) fn unknown(self, known: &[&str]) -> Error {
        let error = self.fault(format!("unknown key `{}`", self.key.escape_debug()));
        match nearest(self.key, known) {
            Some(key) => error.with_hint(format!("did you mean `{key}`?")),
            None => error.with_hint(format!("known here: {}", known.join(", "))),
        }
    }

    /// Text.
    pub(crate) fn text(self) -> Result<&'t str> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    /// A whole number.
    pub(crate) fn integer(self) -> Result<i64> {
        let integer = self.value.as_integer().ok_or_else(|| self.wrong("a whole number"))?;
        i64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| self.wrong("a smaller number"))
    }

    /// A truth value.
    pub(crate) fn boolean(self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// A table.
    pub(crate) fn table(self) -> Result<Table<'t>> {
        let table = self.value.as_table().ok_or_else(|| self.wrong("a table"))?;
        Ok(Table { document: self.document, table })
    }

    /// The elements of an array, each under the array's key.
    pub(crate) fn array(self) -> Result<impl Iterator<Item = Item<'t>>> {
        let array = self.value.as_array().ok_or_else(|| self.wrong("an array"))?;
        Ok(array.iter().map(move |value| Item { value: value.get_ref(), at: value.span().start, ..self }))
    }

    /// A list of texts.
    pub(crate) fn texts(self) -> Result<Vec<String>> {
        self.array()?.map(|item| item.text().map(str::to_owned)).collect()
    }

    /// Anything, as free-form data.
    pub(crate) fn free(self) -> Result<Value> {
        Ok(match self.value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(_) => Value::Int(self.integer()?),
            DeValue::Float(float) => match float.as_str().parse() {
                Ok(number) => Value::Float(number),
                Err(_) => return Err(self.wrong("a number")),
            },
            DeValue::Boolean(truth) => Value::Bool(*truth),
            DeValue::Datetime(time) => Value::Text(time.to_string()),
            DeValue::Array(_) => Value::List(self.array()?.map(Item::free).collect::<Result<_>>()?),
            DeValue::Table(_) => {
                let pairs = self.table()?.items().map(|item| Ok((item.key.to_owned(), item.free()?)));
                Value::Map(pairs.collect::<Result<_>>()?)
            }
        })
    }

    /// The complaint that the value is of another kind.
    pub(crate) fn wrong(self, wanted: &str) -> Error {
        self.fault(format!("`{}` has to be {wanted}, not {}", self.key.escape_debug(), self.value.type_str()))
    }
}

/// The known key that was probably meant.
pub(crate) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |candidate: &str| strsim::osa_distance(key, candidate);
    let best = known.iter().copied().min_by_key(|candidate| distance(candidate))?;
    (distance(best) <= 1 + key.len() / 4).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str, read: impl FnOnce(Table<'_>) -> Result<()>) -> Error {
        let document = Document { path: Path::new("/etc/x.toml"), text, kind: ErrorKind::Usage };
        document.parse(read).expect_err("a complaint")
    }

    #[test]
    fn complaints_name_file_and_line() {
        let error = complaint("a = 1\n\nb = [\n", |_| Ok(()));
        assert!(
            error.message.starts_with("/etc/x.toml:3: ") || error.message.starts_with("/etc/x.toml:4: "),
            "{error}"
        );
        let error = complaint("a = 1\nb = 2\n", |t| Err(t.get("b").expect("b").wrong("a string")));
        assert_eq!(error.message, "/etc/x.toml:2: `b` has to be a string, not integer");
    }

    #[test]
    fn an_unknown_key_is_told_its_nearest() {
        let one = |t: Table<'_>| Err(t.items().next().expect("a key").unknown(&["backend", "disabled"]));
        assert_eq!(complaint("backed = 1", one).hint.as_deref(), Some("did you mean `backend`?"));
        assert_eq!(complaint("zzz = 1", one).hint.as_deref(), Some("known here: backend, disabled"));
    }

    #[test]
    fn free_form_data_keeps_its_shape() {
        let text = "[s]\nt = 'x'\ni = 0x10\nf = 1.5\nb = true\nl = [1, 'a']\nm = { k = 'v' }\n";
        let document = Document { path: Path::new("/x"), text, kind: ErrorKind::Usage };
        let value = document.parse(|t| t.get("s").expect("s").free()).expect("data");
        assert_eq!(value.get("t").and_then(Value::as_str), Some("x"));
        assert_eq!(value.get("i").and_then(Value::as_int), Some(16));
        assert_eq!(value.get("f"), Some(&Value::Float(1.5)));
        assert_eq!(value.get("l"), Some(&Value::List(vec![Value::Int(1), "a".into()])));
        assert_eq!(value.get("m").and_then(|m| m.get("k")).and_then(Value::as_str), Some("v"));
    }
}
