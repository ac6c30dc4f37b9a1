//! The rule of selection, without any reading: what fits and what can be used are questions to others.

use std::cmp::Reverse;

use anysvc_backend_api::{Error, ErrorKind, Result, Scope};

use crate::discovery::Found;

/// Whose word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish<'w> {
    /// The command asked for this one.
    Requested(&'w str),
    /// A service of the store is in this one. Being disabled says what may be chosen, not what may still
    /// be stopped.
    Stored(&'w str),
    /// The configuration says this one.
    Configured(&'w str),
    /// The first that fits.
    Whatever,
}

/// An installed backend, as the configuration ranks it.
pub(super) struct Candidate<'c> {
    pub(super) found: &'c Found,
    pub(super) priority: i64,
    pub(super) disabled: bool,
}

/// What is wrong with the folders that backends are looked for in.
#[derive(Default)]
pub(super) struct Folders {
    /// Nobody knows what is in these.
    pub(super) unreadable: Vec<Error>,
    /// What is in these does not count.
    pub(super) ignored: Vec<Error>,
}

/// What was chosen, what examining it gave, and what is wrong with others.
pub(super) type Chosen<'c, T> = (&'c Found, T, Vec<Error>);

/// Chooses.
pub(super) fn choose<'c, T>(
    candidates: &[Candidate<'c>],
    folders: Folders,
    wish: Wish<'_>,
    scope: Scope,
    fits: impl Fn(&Found) -> bool,
    mut examine: impl FnMut(&Found) -> Result<T>,
) -> Result<Chosen<'c, T>> {
    match wish {
        Wish::Requested(id) | Wish::Stored(id) | Wish::Configured(id) => {
            let problems: Vec<Error> = folders.unreadable.into_iter().chain(folders.ignored).collect();
            let found = named(candidates, &problems, id, wish, scope)?;
            Ok((found, examine(found)?, problems))
        }
        Wish::Whatever => first_that_fits(candidates, folders, scope, fits, examine),
    }
}

fn named<'c>(
    candidates: &[Candidate<'c>],
    problems: &[Error],
    id: &str,
    wish: Wish<'_>,
    scope: Scope,
) -> Result<&'c Found> {
    let by = if matches!(wish, Wish::Configured(_)) { ", which the configuration chooses," } else { "" };
    let refuse = |what: &str| {
        let message = format!("the backend `{}`{by} is {what}", id.escape_debug());
        Error::new(ErrorKind::NoBackend, message).with_hint("`anysvc backends` lists what is installed")
    };
    let Some(candidate) = candidates.iter().find(|candidate| candidate.found.id == id) else {
        return Err(because(refuse("not installed"), problems));
    };
    if candidate.disabled && !matches!(wish, Wish::Stored(_)) {
        return Err(refuse("disabled in the configuration"));
    }
    match &candidate.found.manifest {
        Err(error) => Err(error.clone()),
        Ok(manifest) if manifest.scopes.contains(&scope) => Ok(candidate.found),
        Ok(_) => Err(Error::unsupported(format!("the backend `{id}` does not serve the {scope} scope"))),
    }
}

fn first_that_fits<'c, T>(
    candidates: &[Candidate<'c>],
    folders: Folders,
    scope: Scope,
    fits: impl Fn(&Found) -> bool,
    mut examine: impl FnMut(&Found) -> Result<T>,
) -> Result<Chosen<'c, T>> {
    // Whether one with a bad manifest would have fitted, nobody knows; nor what is in a folder that can't
    // be read.
    let enabled = || candidates.iter().filter(|candidate| !candidate.disabled);
    let mut doubts = folders.unreadable;
    doubts.extend(enabled().filter_map(|c| c.found.manifest.as_ref().err().cloned()));
    let mut unusable = Vec::new();
    for (candidate, fallback) in ranked(enabled(), scope) {
        if !fits(candidate.found) {
            continue;
        }
        match examine(candidate.found) {
            Ok(examined) => {
                // What fits and can't be used says more than what might have fitted.
                let mut problems: Vec<Error> = unusable.into_iter().chain(doubts).collect();
                if fallback && !problems.is_empty() {
                    return Err(instead(problems.remove(0), &candidate.found.id));
                }
                problems.extend(folders.ignored);
                return Ok((candidate.found, examined, problems));
            }
            Err(error) => unusable.push(error),
        }
    }
    doubts.extend(folders.ignored);
    Err(match unusable.into_iter().next() {
        Some(error) => error,
        None => because(none(candidates.is_empty()), &doubts),
    })
}

/// Those that serve the scope: by priority, then by id, fallbacks last.
fn ranked<'a, 'c: 'a>(
    candidates: impl Iterator<Item = &'a Candidate<'c>>,
    scope: Scope,
) -> Vec<(&'a Candidate<'c>, bool)> {
    let serving = candidates.filter_map(|candidate| {
        let manifest = candidate.found.manifest.as_ref().ok()?;
        manifest.scopes.contains(&scope).then_some((candidate, manifest.fallback))
    });
    let mut ranked: Vec<_> = serving.collect();
    ranked.sort_by_key(|&(candidate, fallback)| (fallback, Reverse(candidate.priority), &candidate.found.id));
    ranked
}

/// The same service must never run under two managers: what is broken does not give way to a fallback.
fn instead(mut problem: Error, fallback: &str) -> Error {
    problem.message =
        format!("`{fallback}` would be chosen instead of a backend that can't be used: {}", problem.message);
    let or = format!("or say `--backend {fallback}`, if that is meant");
    problem.hint = Some(problem.hint.map_or_else(|| or.clone(), |hint| format!("{hint}; {or}")));
    problem
}

/// An absence, with what may be the reason for it in front of the hint.
fn because(mut error: Error, problems: &[Error]) -> Error {
    let reasons = problems.iter().map(|problem| problem.message.clone());
    error.hint = Some(reasons.chain(error.hint).collect::<Vec<_>>().join("; "));
    error
}

fn none(nothing_installed: bool) -> Error {
    let (message, hint) = if nothing_installed {
        ("no backend is installed", "`anysvc detect --explain` lists the folders that were searched")
    } else {
        (
            "no backend fits this machine",
            "`anysvc detect --explain` says why; `--backend ID` chooses one all the same",
        )
    };
    Error::new(ErrorKind::NoBackend, message).with_hint(hint)
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
