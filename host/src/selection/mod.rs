//! Which backend serves: the one asked for, the one configured, or the first that fits. This module must
//! not know any backend by name, nor how one is loaded.

mod choose;
mod explain;

use anysvc_backend_api::{Error, Result, Scope, Value};

use crate::{
    config::Config,
    discovery::{Catalog, Found},
    environment::{Answer, Environment, FactSource, Question},
    loader::{self, Examined},
    manifest::Truth,
};
use choose::{Candidate, Folders, Wish};
pub use explain::{Explained, Explanation, explain};

/// The backend that serves, its library looked at but not loaded.
#[derive(Debug)]
pub struct Selection {
    /// Its id.
    pub id: String,
    /// Its library, ready to be loaded.
    pub library: Examined,
    /// What is wrong with others, and did not matter.
    pub warnings: Vec<Error>,
}

/// Chooses a backend: `requested` (`--backend`, or what the store says), else the configuration's
/// `choose`, else the one with the highest priority that fits. Reads no more than that takes.
///
/// # Errors
/// `no-backend` when none fits, or the one that was asked for is not installed or disabled;
/// `unsupported` when it can't serve that scope; `plugin` when it can't be used, or when one that can't be
/// used would leave its place to the fallback.
pub fn select(
    catalog: &Catalog,
    env: &Environment,
    config: &Config,
    requested: Option<&str>,
    scope: Scope,
) -> Result<Selection> {
    chosen(catalog, env, config, wish(requested, config), scope)
}

/// The backend that a service of the store is in: it has to be installed, and may be disabled.
///
/// # Errors
/// As [`select`] for one that was asked for.
pub fn stored(
    catalog: &Catalog,
    env: &Environment,
    config: &Config,
    id: &str,
    scope: Scope,
) -> Result<Selection> {
    chosen(catalog, env, config, Wish::Stored(id), scope)
}

fn chosen(
    catalog: &Catalog,
    env: &Environment,
    config: &Config,
    wish: Wish<'_>,
    scope: Scope,
) -> Result<Selection> {
    let fits = |found: &Found| fit(found, env, config) == Truth::True;
    let candidates: Vec<Candidate<'_>> = catalog.found.iter().map(|f| candidate(f, config)).collect();
    let examine = |found: &Found| loader::examine(found, env);
    let mut folders = Folders::default();
    for searched in &catalog.searched {
        let list = if searched.ignored { &mut folders.ignored } else { &mut folders.unreadable };
        list.extend(searched.problem.clone());
    }
    let (chosen, library, warnings) = choose::choose(&candidates, folders, wish, scope, fits, examine)?;
    Ok(Selection { id: chosen.id.clone(), library, warnings })
}

fn wish<'w>(requested: Option<&'w str>, config: &'w Config) -> Wish<'w> {
    match (requested, &config.choose) {
        (Some(id), _) => Wish::Requested(id),
        (None, Some(id)) => Wish::Configured(id),
        (None, None) => Wish::Whatever,
    }
}

fn candidate<'c>(found: &'c Found, config: &Config) -> Candidate<'c> {
    let own = found.manifest.as_ref().map_or(0, |manifest| manifest.priority);
    let priority = config.priority(&found.id).unwrap_or(own);
    Candidate { found, priority, disabled: config.is_disabled(&found.id) }
}

/// Whether the conditions of a manifest hold; one that can't be read does not tell.
fn fit(found: &Found, env: &Environment, config: &Config) -> Truth {
    let Ok(manifest) = &found.manifest else { return Truth::Unknown };
    manifest.fits.evaluate(&ForBackend { env, settings: config.settings(&found.id) })
}

/// The machine's facts, and the settings of one backend.
struct ForBackend<'e> {
    env: &'e Environment,
    settings: Value,
}

impl FactSource for ForBackend<'_> {
    fn ask(&self, question: &Question) -> Answer {
        match question {
            Question::Setting(key) if self.settings.get(key).is_some() => Answer::Yes(None),
            Question::Setting(_) => Answer::No("not in the configuration".to_owned()),
            _ => self.env.ask(question),
        }
    }
}
