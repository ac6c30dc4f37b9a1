//! What services that are being registered require of others: it is started before them.

use std::collections::HashSet;

use anysvc_backend_api::{ErrorKind, Result};

use super::{plan, register::How, settle::Settling, start, subject::Subject};
use crate::{session::Session, store::Desired};

/// Starts what the new ones require and what is not among them, but for those that are kept as they are.
///
/// # Errors
/// When the store can't be read or locked.
pub fn start(
    session: &Session,
    subjects: &mut Vec<Subject>,
    kept: &HashSet<String>,
    settling: &Settling<'_>,
) -> Result<()> {
    let new = subjects.len();
    plan::add_required(session, subjects, |s| s.fine() && !kept.contains(s.name()))?;
    if subjects.len() == new {
        return Ok(());
    }
    let mut required = subjects.split_off(new);
    start::want(session, &mut required, Desired::Up)?;
    start::start_in_order(session, &mut required, start::Verb::Start, settling);
    // Only what failed is of interest from here on.
    required.retain(|subject| !subject.fine());
    subjects.append(&mut required);
    Ok(())
}

/// Starts what one batch requires of the others of this command, where that was there before: as `start`
/// would.
///
/// # Errors
/// When the store can't be read or locked.
pub fn bring_up(
    session: &Session,
    subjects: &mut [Subject],
    batch: &[usize],
    how: How,
    started: &HashSet<String>,
    settling: &Settling<'_>,
) -> Result<()> {
    let starts = |s: &Subject| {
        s.fine() && s.report.desired() != Some(Desired::Down) && (s.report.stored.is_none() || how.replace)
    };
    let dependents = batch.iter().map(|&at| &subjects[at]).filter(|subject| starts(subject));
    let names = dependents.filter_map(|s| s.spec.as_ref()).flat_map(|spec| spec.service.requires.clone());
    let names: HashSet<String> = names.filter(|name| !started.contains(name)).collect();
    let there =
        |s: &Subject| s.report.error.as_ref().is_none_or(|error| error.kind == ErrorKind::AlreadyRegistered);
    for subject in subjects.iter_mut().filter(|s| names.contains(s.name()) && there(s)) {
        let Some(entry) = session.store()?.entry(subject.name())? else { continue };
        let mut required = vec![Subject { implied: true, ..Subject::with_spec(session, entry) }];
        plan::add_required(session, &mut required, |_| true)?;
        start::want(session, &mut required, Desired::Up)?;
        start::start_in_order(session, &mut required, start::Verb::Start, settling);
        if let Some(error) = required.swap_remove(0).report.error {
            subject.report.error = Some(error);
        }
    }
    Ok(())
}
