//! To be written.
pub mod abi;
mod backend;
mod batch;
mod deadline;
mod error;
mod model;
mod wire;

pub use backend::{Backend, LogStream};
pub use batch::{Batch, contain};
pub use deadline::Deadline;
pub use error::{Error, ErrorKind, Result};
pub use model::*;
