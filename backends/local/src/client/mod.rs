//! The side of the caller: finds the supervisor of a folder, starts one where that is needed, and asks
//! it. It must not know what the verbs do.

mod call;
mod connect;
mod launch;
mod library;
mod register;

pub use call::{Client, Need};
pub use launch::READY;
pub use register::register;
