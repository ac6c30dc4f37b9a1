//! What s6 says of a service: its status file, its supervisor's lock, and what follows from them.

mod ask;
mod decode;
mod exit;
mod judge;
mod read;

pub(crate) use decode::Stamp;
pub(crate) use judge::{Depth, status, status_of};
pub(crate) use read::{Maker, Reader, Slot, Told};
