//! The table of what a spec can say: one row for each key, with its option, its text for the reference,
//! and the two functions between it and a [`ServiceSpec`]. Files, options, the writer and the
//! documentation follow this table, so that they can't drift apart.

mod life;
mod log;
mod process;
mod ready;

use anysvc_backend_api::{ServiceSpec, Value};

use super::{
    input::Input,
    source::Fault,
    value::{show_duration, show_size},
};

/// One thing that a spec can say.
pub struct Key {
    /// Its key in a spec file, with the section in front: `restart.delay`.
    pub key: &'static str,
    /// Its option on the command line, without the dashes; none for the command itself.
    pub option: Option<&'static str>,
    /// What the option's value is called in the help; `None` for a flag (which also takes `=true` and
    /// `=false`).
    pub value: Option<&'static str>,
    /// Whether the option may be given several times.
    pub repeatable: bool,
    /// One sentence for the help.
    pub help: &'static str,
    /// What it takes in a file.
    pub takes: &'static str,
    /// What holds where nothing is said.
    pub default: &'static str,
    /// A value as it stands in a file.
    pub example: &'static str,
    /// Takes a value into a spec.
    pub(crate) set: fn(&mut ServiceSpec, Input<'_>) -> Result<(), Fault>,
    /// The value in a spec, if it sets one.
    pub(crate) get: fn(&ServiceSpec) -> Option<Out>,
}

/// A value on its way to a file.
#[derive(PartialEq)]
pub(crate) enum Out {
    Text(String),
    Bytes(Vec<u8>),
    Int(i64),
    Bool(bool),
    List(Vec<Out>),
    /// `{ a = 1 }`
    Inline(Vec<(String, Out)>),
    /// A section of its own whose values are not for everybody's eyes.
    Secrets(Vec<(String, Out)>),
    /// Data of a backend.
    Free(Value),
}

impl Out {
    fn duration(duration: std::time::Duration) -> Out {
        Out::Text(show_duration(duration))
    }

    fn size(bytes: u64) -> Out {
        Out::Text(show_size(bytes))
    }

    pub(super) fn path(path: &std::path::Path) -> Out {
        Out::Bytes(path.as_os_str().as_encoded_bytes().to_vec())
    }

    fn names(names: &[String]) -> Option<Out> {
        (!names.is_empty()).then(|| Out::List(names.iter().cloned().map(Out::Text).collect()))
    }

    fn command(words: &[anysvc_backend_api::Bytes]) -> Out {
        Out::List(words.iter().map(|word| Out::Bytes(word.0.clone())).collect())
    }
}

/// Every key, in the order in which a file has them.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    [process::KEYS, life::KEYS, ready::KEYS, log::KEYS].into_iter().flatten()
}

/// The row of a key.
pub fn find(key: &str) -> Option<&'static Key> {
    keys().find(|row| row.key == key)
}

/// The row of an option.
pub fn of_option(option: &str) -> Option<&'static Key> {
    keys().find(|row| row.option == Some(option))
}

/// A `set` that stores what a method of [`Input`] gives.
macro_rules! set {
    ($($field:ident).+ = $method:ident $args:tt) => {
        |spec, input| {
            spec.$($field).+ = Some(input.$method $args?);
            Ok(())
        }
    };
}
use set;

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::Field;

    #[test]
    fn every_field_that_backends_answer_for_has_a_key_and_the_other_way_round() {
        for field in Field::ALL.iter().filter(|f| !matches!(f, Field::Unknown | Field::Expansion)) {
            let key = field.as_str().split('=').next().unwrap();
            assert!(find(key).is_some(), "{field} has no key");
        }
        // These are part of another field: the command is what every service has, a time-out or `truthy`
        // says nothing by itself.
        let parts = ["command", "ready.timeout", "when.truthy"];
        for row in keys().filter(|row| !parts.contains(&row.key)) {
            let named =
                |f: &&Field| f.as_str() == row.key || f.as_str().starts_with(&format!("{}=", row.key));
            assert!(Field::ALL.iter().any(|f| named(&f)), "{} is no field", row.key);
        }
    }

    #[test]
    fn rows_are_complete_and_keep_the_rules() {
        let mut seen = std::collections::HashSet::new();
        for row in keys() {
            assert!(seen.insert(row.key), "{} is there twice", row.key);
            assert!(row.option.is_none_or(|option| seen.insert(option) || option == row.key), "{}", row.key);
            assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{}", row.key);
            assert!(row.help.starts_with(|c: char| c.is_uppercase()), "{}", row.key);
            assert!(!row.takes.is_empty() && !row.default.is_empty() && !row.example.is_empty());
            assert!(
                row.value.is_none_or(|v| v.bytes().all(|b| b.is_ascii_uppercase() || b"_-=,/".contains(&b)))
            );
            assert!(row.key.matches('.').count() <= 1, "{}: one level of sections", row.key);
        }
    }

    #[test]
    fn an_option_is_named_after_its_key() {
        // The few that are shorter than their section says.
        let short = [
            "limits",
            "restart.policy",
            "restart.give-up",
            "restart.never-on",
            "restart.always-on",
            "log.to",
        ];
        for row in keys().filter(|row| !short.contains(&row.key)) {
            let expected = (row.key != "command").then(|| row.key.replace('.', "-"));
            assert_eq!(row.option.map(str::to_owned), expected);
        }
    }
}
