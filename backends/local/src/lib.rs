//! The embedded backend: anysvc's own supervisor, for machines without a service manager.
//!
//! Two halves that speak over a Unix socket: the `client` is in whoever asks, the `supervisor` is one
//! process per state folder that keeps services running by means of the engine in
//! `anysvc-backend-support`. Between them are the `protocol` and the `codec`; the `records` outlive both.

mod account;
mod backend;
mod check;
mod client;
mod codec;
#[cfg(test)]
mod fuzz;
mod lock;
mod logs;
mod offline;
mod own_log;
mod place;
mod protocol;
mod records;
mod render;
mod supervisor;

pub use backend::Local;

anysvc_backend_api::export_backend!(Local);
