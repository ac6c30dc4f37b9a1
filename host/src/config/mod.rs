//! The administrator's configuration, `/etc/anysvc/config.toml`: which backend, which not, in what order,
//! with what settings. It holds no code. This module must not know what any backend's settings mean.

pub(crate) mod document;
mod parse;

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Error, ErrorKind, Result, Value};
use rustix::io::Errno;

use crate::{environment::Environment, trust};

/// Where it is.
pub const CONFIG_FILE: &str = match option_env!("ANYSVC_CONFIG_FILE") {
    Some(path) => path,
    None => "/etc/anysvc/config.toml",
};
/// More than anybody writes; less than hurts.
const LONGEST: u64 = 256 * 1024;

/// What the configuration says; the default is what an absent file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The file, if there is one that counts.
    pub path: Option<PathBuf>,
    /// `choose`: the one to choose.
    pub choose: Option<String>,
    /// `disabled`: those never to choose.
    pub disabled: Vec<String>,
    /// `[priority]`: in place of what manifests say.
    pub priority: Vec<(String, i64)>,
    /// `state-dir`: where the store is, `{user}` and `{uid}` included.
    pub state_dir: Option<PathBuf>,
    /// `[backend.ID]`: settings, each a map.
    pub settings: Vec<(String, Value)>,
    /// Why a file that is there does not count.
    pub warnings: Vec<Error>,
}

impl Config {
    /// Reads the configuration. An absent file is an empty one. A file that is not trusted (root's alone
    /// for root and the elevated, else also the caller's) counts for nothing, with a warning.
    ///
    /// # Errors
    /// `usage` for what makes no sense in it, with file, line and the nearest known key; `io` or
    /// `permission-denied` when it can't be read.
    pub fn load(env: &Environment) -> Result<Config> {
        Config::load_from(Path::new(CONFIG_FILE), env)
    }

    /// As [`Config::load`], from another place.
    ///
    /// # Errors
    /// The same.
    pub fn load_from(path: &Path, env: &Environment) -> Result<Config> {
        // The one call that the common case, no file, costs. (The standard library's would make another one
        // after its first failure, to see whether the system knows statx.)
        if let Err(Errno::NOENT | Errno::NOTDIR) = rustix::fs::lstat(path) {
            return Ok(Config::default());
        }
        let found = match trust::open(path, env.owners()) {
            Ok(found) => found,
            Err(error) if error.kind == ErrorKind::Plugin => {
                return Ok(Config { warnings: vec![ignored(error)], ..Config::default() });
            }
            Err(error) => return Err(error),
        };
        Config::parse(path, &found.text(LONGEST).map_err(as_usage)?)
    }

    /// Parses the text of a configuration.
    ///
    /// # Errors
    /// `usage`, with file, line and the nearest known key.
    pub fn parse(path: &Path, text: &str) -> Result<Config> {
        parse::config(path, text)
    }

    /// The settings of a backend: a map, empty if there are none.
    pub fn settings(&self, id: &str) -> Value {
        let found = self.settings.iter().find(|(name, _)| name == id);
        found.map_or_else(|| Value::Map(Vec::new()), |(_, value)| value.clone())
    }

    /// Whether a backend must not be chosen.
    pub fn is_disabled(&self, id: &str) -> bool {
        self.disabled.iter().any(|name| name == id)
    }

    /// The priority that the configuration gives a backend.
    pub fn priority(&self, id: &str) -> Option<i64> {
        self.priority.iter().find(|(name, _)| name == id).map(|(_, priority)| *priority)
    }
}

fn ignored(mut error: Error) -> Error {
    let fix = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    error.message = format!("the configuration is ignored: {}{fix}", error.message);
    error
}

/// A text that can't be a configuration is a mistake in it, and no plugin's.
fn as_usage(mut error: Error) -> Error {
    if error.kind == ErrorKind::Plugin {
        error.kind = ErrorKind::Usage;
    }
    error
}
