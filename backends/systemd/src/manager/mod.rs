//! The manager of a scope: which sockets it is on, what its units are called, and the calls that are made
//! of it, typed. It knows no verbs and no files of units.

mod calls;
mod facts;
pub(crate) mod failure;
mod gate;
mod name;

pub(crate) use calls::{Failure, Listed, Manager, Message};
pub(crate) use facts::{Facts, Property, STATUS, STEPS, Unit};
pub(crate) use gate::{Gate, Work};
pub(crate) use name::{service_of, unit_of};
