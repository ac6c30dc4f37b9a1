//! Specs from the command line: one option for each key of the table. This module must not know how
//! arguments are parsed.

use std::{collections::BTreeMap, ffi::OsString};

use anysvc_backend_api::{Bytes, Error, ErrorKind, Result, check_name};

use super::{
    Spec,
    input::{Input, Lookup},
    key,
    source::Fault,
    validate,
};

/// What an option of `register` looks like, for a parser of arguments and for its help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionRow {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// What its value is called. `None`: a flag that may also be written with `=true` or `=false`; it
    /// then adds that text, and `true` where it stands alone.
    pub value: Option<&'static str>,
    /// Whether it may be given several times.
    pub repeatable: bool,
    /// One sentence, without a full stop.
    pub help: &'static str,
}

/// Every option, in the order for the help.
pub fn table() -> impl Iterator<Item = OptionRow> {
    key::keys().filter_map(|row| {
        let (value, repeatable, help) = (row.value, row.repeatable, row.help);
        row.option.map(|name| OptionRow { name, value, repeatable, help })
    })
}

/// The options that were given, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecOptions {
    given: BTreeMap<String, Vec<OsString>>,
}

impl SpecOptions {
    /// None.
    pub fn new() -> SpecOptions {
        SpecOptions::default()
    }

    /// Adds an option (its name without dashes), once for each time that it was given.
    pub fn add(&mut self, option: &str, value: impl Into<OsString>) {
        self.given.entry(option.to_owned()).or_default().push(value.into());
    }

    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The names of what was given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.given.keys().map(String::as_str)
    }

    /// The spec that the options describe. `lookup` gives the caller's environment variables, for
    /// `--env NAME`.
    ///
    /// # Errors
    /// `invalid-name`, and as [`SpecOptions::apply`].
    pub fn build(&self, name: &str, argv: Vec<OsString>, lookup: Lookup<'_>) -> Result<Spec> {
        check_name(name).map_err(|e| e.with_service(name))?;
        let mut spec = Spec::default();
        spec.service.name = name.to_owned();
        spec.service.command = argv.into_iter().map(|word| Bytes(word.into_encoded_bytes())).collect();
        self.apply(spec, lookup)
    }

    /// A spec with what the options say in place of what it said; variables and limits are added to its
    /// own.
    ///
    /// # Errors
    /// `invalid-spec` naming the option; `usage` for an option that is not in the table, or is there too
    /// often.
    pub fn apply(&self, mut spec: Spec, lookup: Lookup<'_>) -> Result<Spec> {
        let name = spec.service.name.clone();
        for (option, values) in &self.given {
            let row = key::of_option(option).ok_or_else(|| usage(option, "there is no such option"))?;
            if values.len() > 1 && !row.repeatable {
                return Err(usage(option, "it is given more than once"));
            }
            (row.set)(&mut spec.service, Input::Options(values, lookup))
                .map_err(|fault| refused(option, fault).with_service(&name))?;
        }
        validate::tidy(&mut spec.service);
        validate::violation(&spec).map_err(|v| {
            let fault = Fault { at: None, message: v.message, hint: v.hint };
            match key::find(v.key).and_then(|row| row.option) {
                Some(option) => refused(option, fault),
                None => Error { hint: fault.hint, ..invalid(format!("{}: {}", v.key, fault.message)) },
            }
            .with_service(&name)
        })?;
        Ok(spec)
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidSpec, message)
}

fn refused(option: &str, fault: Fault) -> Error {
    Error { hint: fault.hint, ..invalid(format!("--{option}: {}", fault.message)) }
}

fn usage(option: &str, message: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("--{}: {message}", option.escape_debug()))
}
