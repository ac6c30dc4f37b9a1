//! A stored service: its header, its spec, and the text of both.

use std::path::Path;

use anysvc_backend_api::{Boot, Scope};

use super::header::{self, Fault};
use crate::{
    environment,
    spec::{self, Reveal, Spec},
};

/// What the operator last asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desired {
    /// It is to run.
    Up,
    /// It is not.
    Down,
}

impl Desired {
    /// The word for it, in files and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Desired::Up => "up",
            Desired::Down => "down",
        }
    }
}

/// What is known of a stored service without reading its spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// What the operator wants.
    pub desired: Desired,
    /// The backend that it was registered with.
    pub backend: String,
    /// The scope that it was registered in.
    pub scope: Scope,
    /// What its spec says about boot.
    pub boot: Boot,
    /// The boot of the machine or container that it is for, where it is gone at the next.
    pub transient: Option<String>,
    /// The template that it was made from.
    pub template: Option<String>,
    /// The instance of the template that it is.
    pub instance: Option<String>,
    /// A hash of the spec's text: equal specs have equal ones. Not meant to keep a secret. Empty
    /// where the file has none.
    pub spec_hash: String,
}

/// A stored service.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What listings need.
    pub header: Header,
    /// How it is run.
    pub spec: Spec,
}

impl Entry {
    /// An entry for a spec, without a template.
    pub fn new(spec: Spec, desired: Desired, backend: &str, scope: Scope) -> Entry {
        let header = Header {
            name: spec.service.name.clone(),
            desired,
            backend: backend.to_owned(),
            scope,
            boot: spec.service.boot(),
            transient: spec.service.is_transient().then(this_boot),
            template: None,
            instance: None,
            spec_hash: hash(&spec::to_toml(&spec, Reveal::Values)),
        };
        Entry { header, spec }
    }

    /// The text of its file.
    pub(super) fn to_text(&self) -> String {
        format!("{}\n{}", header::write(&self.header), spec::to_toml(&self.spec, Reveal::Values))
    }

    /// Reads the text of a file.
    pub(super) fn parse(text: &str, name: &str, path: &Path) -> Result<Entry, Fault> {
        let header = header::read(text.as_bytes(), name)?;
        let source = spec::Source { path, text, base: header::length(text.as_bytes()) };
        let file = spec::parse_from(source).map_err(|e| Fault::Corrupt(e.message))?;
        match <[Spec; 1]>::try_from(file.services) {
            Ok([spec]) if spec.service.name == name => Ok(Entry { header, spec }),
            _ => Err(Fault::Corrupt(format!("it does not hold the one service `{name}`"))),
        }
    }
}

/// This boot of the machine or container, in one word.
pub(super) fn this_boot() -> String {
    environment::boot().replace(' ', "-")
}

/// Whether two of these may be one boot. Who sees less of it has only the first part of the word, or none: what
/// can't be told apart is not taken for another boot, at which a service would be forgotten that still runs.
pub(super) fn may_be_same_boot(one: &str, other: &str) -> bool {
    let begins = |whole: &str, part: &str| {
        whole
            .strip_prefix(part)
            .is_some_and(|rest| part.is_empty() || rest.is_empty() || rest.starts_with('-'))
    };
    begins(one, other) || begins(other, one)
}

/// FNV-1a, 64 bits: stable over versions and machines, and there is nothing to defend here.
fn hash(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}
