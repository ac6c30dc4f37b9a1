//! Between what people write and a [`ServiceSpec`]: spec files, command line options, and back to text.
//! One table ([`key::keys`]) says what each key is; files, options, documentation and the writer follow
//! it. This module must not know any backend, nor where specs are kept.

pub mod file;
#[cfg(test)]
mod fuzz;
mod input;
pub mod key;
mod node;

pub mod options;
pub mod order;
mod pair;
mod source;
pub mod template;
#[cfg(test)]
mod tests;
mod validate;
pub mod value;
mod words;
pub mod write;

use std::collections::BTreeMap;

use anysvc_backend_api::{ServiceSpec, Value};

pub(crate) use file::parse_from;
pub use file::{SpecFile, parse, read};
pub use options::SpecOptions;
pub(crate) use source::Source;
pub use template::{Origin, Template};
pub use validate::check;
pub(crate) use write::put_text;
pub use write::{Reveal, template_to_toml, to_toml};

/// A service as it was written: the spec, and what it would pass through to each backend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    /// How to run it. Its `native` is empty: [`Spec::for_backend`] fills it.
    pub service: ServiceSpec,
    /// The `[service.NAME.native.ID]` tables, by backend id; each is a [`Value::Map`].
    pub natives: BTreeMap<String, Value>,
}

impl Spec {
    /// What one backend is given: the spec with that backend's pass-through table, others left out.
    pub fn for_backend(&self, id: &str) -> ServiceSpec {
        let native = self.natives.get(id).cloned().unwrap_or_default();
        ServiceSpec { native, ..self.service.clone() }
    }
}
