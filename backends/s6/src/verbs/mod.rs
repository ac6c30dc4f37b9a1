//! One file for each verb that acts on services that exist.

mod list;
mod signal;
mod start;
mod status;
mod stop;
mod wait;

pub(crate) use list::list;
pub(crate) use signal::signal;
pub(crate) use start::{Mode, Step, advance, begin, bring_up, run_again};
pub(crate) use status::all_status;
pub(crate) use stop::{down, send_down, still_stopping, stop};
pub(crate) use wait::wait;
