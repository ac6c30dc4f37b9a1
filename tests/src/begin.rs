//! What is open for writing can't be run, and a child that is being begun has open what its maker has, until it
//! becomes its program. So nothing is begun while a file is written: it may be a script that is run at once.

use std::sync::{PoisonError, RwLock};

static FILES: RwLock<()> = RwLock::new(());

/// Writes files while nothing is being begun.
pub(crate) fn while_nothing_begins<R>(write: impl FnOnce() -> R) -> R {
    let _alone = FILES.write().unwrap_or_else(PoisonError::into_inner);
    write()
}

/// Begins a child, up to its program, while no file is written.
pub(crate) fn while_nothing_is_written<R>(begin: impl FnOnce() -> R) -> R {
    let _together = FILES.read().unwrap_or_else(PoisonError::into_inner);
    begin()
}
