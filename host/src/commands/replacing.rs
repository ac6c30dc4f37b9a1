//! Which replacements are under way: a note from before the store has the new spec until the manager has it
//! too. Who holds the lock of the store and finds one comes after somebody who was killed in between, and
//! knows that what differs was not done by hand. The store is flushed, and so is this note before it: it
//! has to be there after a power failure too.

use std::collections::BTreeSet;

use anysvc_backend_api::Result;

use crate::store::{Locked, Store};

/// The file in the state folder: a name a line.
const FILE: &str = "replacing";

/// The names of those that were not finished.
///
/// # Errors
/// When the note can't be read.
pub fn unfinished(store: &Store) -> Result<BTreeSet<String>> {
    Ok(store.note(FILE)?.unwrap_or_default().lines().map(str::to_owned).collect())
}

/// Notes that these begin.
///
/// # Errors
/// When it can't be written.
pub fn begin(store: &Locked<'_>, names: &[String]) -> Result<()> {
    let mut all = unfinished(store)?;
    all.extend(names.iter().cloned());
    if names.is_empty() { Ok(()) } else { write(store, &all) }
}

/// Notes that these are done.
///
/// # Errors
/// When it can't be written.
pub fn end(store: &Locked<'_>, names: &[String]) -> Result<()> {
    let before = unfinished(store)?;
    let after: BTreeSet<String> = before.iter().filter(|name| !names.contains(name)).cloned().collect();
    if after == before { Ok(()) } else { write(store, &after) }
}

fn write(store: &Locked<'_>, names: &BTreeSet<String>) -> Result<()> {
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    // A removal that a power failure undoes costs what was edited by hand in the seconds before it, at most.
    if lines.is_empty() { store.remove_note(FILE) } else { store.write_lasting_note(FILE, &lines) }
}
