//! The manager of a scope: which sockets it is on, what its units are called, and the calls that are made
//! of it, typed. It knows no verbs and no files of units.

mod calls;
mod facts;
mod failure;
mod gate;
mod name;
pub(crate) mod recovery;
mod units;

pub(crate) use calls::{Manager, Message};
pub(crate) use facts::{EXISTENCE, Facts, ORIGIN, Question, STATUS, STEPS};
pub(crate) use failure::Failure;
pub(crate) use gate::{Gate, Work};
pub(crate) use name::{service_of, unit_of};
pub(crate) use units::{Listed, Unit};
