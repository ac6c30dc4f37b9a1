//! The whole chain, for `detect --explain` and `backends`: every candidate, every condition with the fact
//! as read, what is wrong with it, and what that leads to. Reads everything that selection might.

use anysvc_backend_api::{Error, Scope};

use super::{ForBackend, candidate, fit, select, wish};
use crate::{
    config::Config,
    discovery::{Catalog, Found, Searched},
    environment::{Environment, Fact},
    loader,
    manifest::{Manifest, Reason, Truth},
    selection::choose::Wish,
};

/// Why a backend is chosen, or that none is.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The id of the chosen one.
    pub chosen: Option<String>,
    /// Why none is chosen.
    pub error: Option<Error>,
    /// What decided: the command, the configuration, or the conditions.
    pub decided_by: String,
    /// The folders that were searched.
    pub searched: Vec<Searched>,
    /// Every installed backend, in the order of asking.
    pub candidates: Vec<Explained>,
    /// Every fact about the machine, in the order of reading.
    pub facts: Vec<Fact>,
}

/// One installed backend.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What was found.
    pub found: Found,
    /// Its priority, the configuration's word included.
    pub priority: i64,
    /// Whether the configuration disables it.
    pub disabled: bool,
    /// Whether it serves the scope.
    pub serves_scope: bool,
    /// Whether its conditions hold.
    pub fits: Truth,
    /// Its conditions, each with the fact as read.
    pub reasons: Vec<Reason>,
    /// What is wrong with its manifest or its library.
    pub problem: Option<Error>,
    /// One line: chosen, or why not.
    pub verdict: String,
}

/// Explains what [`select`] does with the same arguments.
pub fn explain(
    catalog: &Catalog,
    env: &Environment,
    config: &Config,
    requested: Option<&str>,
    scope: Scope,
) -> Explanation {
    let selected = select(catalog, env, config, requested, scope);
    let (chosen, error) = match selected {
        Ok(selection) => (Some(selection.id), None),
        Err(error) => (None, Some(error)),
    };
    let mut candidates: Vec<Explained> = catalog.found.iter().map(|f| one(f, env, config, scope)).collect();
    let fallback = |c: &Explained| c.found.manifest.as_ref().is_ok_and(|m| m.fallback);
    candidates.sort_by(|a, b| {
        let key = |c: &Explained| (fallback(c), std::cmp::Reverse(c.priority));
        key(a).cmp(&key(b)).then_with(|| a.found.id.cmp(&b.found.id))
    });
    for candidate in &mut candidates {
        candidate.verdict = verdict(candidate, chosen.as_deref());
    }
    let decided_by = match wish(requested, config) {
        Wish::Requested(_) | Wish::Stored(_) => "the command",
        Wish::Configured(_) => "the configuration",
        Wish::Whatever => "the conditions of the manifests",
    };
    Explanation {
        chosen,
        error,
        decided_by: decided_by.to_owned(),
        searched: catalog.searched.clone(),
        candidates,
        facts: env.facts_as_read(),
    }
}

fn one(found: &Found, env: &Environment, config: &Config, scope: Scope) -> Explained {
    let ranked = candidate(found, config);
    let facts = ForBackend { env, settings: config.settings(&found.id) };
    let of = |f: &dyn Fn(&Manifest) -> Vec<Reason>| found.manifest.as_ref().map(f).unwrap_or_default();
    Explained {
        priority: ranked.priority,
        disabled: ranked.disabled,
        serves_scope: found.manifest.as_ref().is_ok_and(|manifest| manifest.scopes.contains(&scope)),
        fits: fit(found, env, config),
        reasons: of(&|manifest| manifest.fits.explain(&facts)),
        problem: loader::examine(found, env).err(),
        verdict: String::new(),
        found: found.clone(),
    }
}

fn verdict(candidate: &Explained, chosen: Option<&str>) -> String {
    if chosen == Some(&candidate.found.id) {
        return "chosen".to_owned();
    }
    if let Some(problem) = &candidate.problem {
        return format!("can't be used: {problem}");
    }
    match (candidate.disabled, candidate.serves_scope, candidate.fits, chosen) {
        (true, ..) => "disabled in the configuration".to_owned(),
        (_, false, ..) => "does not serve this scope".to_owned(),
        (_, _, Truth::False, _) => "does not fit".to_owned(),
        (_, _, Truth::Unknown, _) => "does not fit: something could not be read".to_owned(),
        (_, _, Truth::True, Some(chosen)) => format!("fits, but `{chosen}` comes first"),
        (_, _, Truth::True, None) => "fits".to_owned(),
    }
}
