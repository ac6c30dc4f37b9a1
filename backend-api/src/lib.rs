//! Everything that an author of an anysvc backend depends on.
//!
//! A backend is a shared library that implements [`Backend`] for one service manager, and a manifest
//! beside it that says when it fits. The trait is plain safe Rust; [`export_backend!`] does the rest: the
//! stable ABI, the containment of panics, the forwarding of log records to the host.
//!
//! This is a whole backend, for a manager that keeps its services in memory. Every verb takes a
//! [`Batch`] and answers each item, in order; what is not written here (signals, logs) answers
//! `unsupported`.
//!
//! ```
//! use std::{collections::BTreeMap, sync::Mutex};
//! use anysvc_backend_api::*;
//!
//! struct Memory(Mutex<BTreeMap<String, State>>);
//!
//! impl Memory {
//!     fn set(&self, t: &Target, state: State) -> Result<()> {
//!         let mut services = self.0.lock().unwrap();
//!         let service = services.get_mut(&t.name).ok_or_else(|| Error::not_registered(&t.name))?;
//!         *service = state;
//!         Ok(())
//!     }
//! }
//!
//! impl Backend for Memory {
//!     fn describe() -> Description {
//!         Description::new("memory", "services that only exist in memory", env!("CARGO_PKG_VERSION"))
//!             .supports(Support::Native, &[Field::Description])
//!     }
//!     fn open(_: Context) -> Result<Memory> {
//!         Ok(Memory(Mutex::default()))
//!     }
//!     fn probe(&self, _: Deadline) -> Result<Probe> {
//!         Ok(Probe::default())
//!     }
//!     fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>> {
//!         batch.each(|r| {
//!             let mut services = self.0.lock().unwrap();
//!             if services.contains_key(&r.spec.name) {
//!                 return Err(Error::already_registered(&r.spec.name));
//!             }
//!             services.insert(r.spec.name.clone(), if r.start { State::Running } else { State::Stopped });
//!             Ok(Done::default())
//!         })
//!     }
//!     fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>> {
//!         batch.each(|t| {
//!             self.0.lock().unwrap().remove(&t.name);
//!             Ok(Done::default())
//!         })
//!     }
//!     fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
//!         batch.each(|t| self.set(t, State::Running))
//!     }
//!     fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
//!         batch.each(|t| self.set(t, State::Stopped))
//!     }
//!     fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
//!         self.start(batch)
//!     }
//!     fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
//!         batch.each(|t| match self.0.lock().unwrap().get(&t.name) {
//!             Some(state) => Ok(Status::new(&t.name, *state).made_by_us()),
//!             None => Err(Error::not_registered(&t.name)),
//!         })
//!     }
//!     fn list(&self, _: &ListQuery, _: Deadline) -> Result<Vec<Status>> {
//!         let services = self.0.lock().unwrap();
//!         Ok(services.iter().map(|(name, state)| Status::new(name, *state).made_by_us()).collect())
//!     }
//! }
//!
//! export_backend!(Memory);
//!
//! // A test of it needs no library: the same calls that cross the boundary, in one process.
//! use anysvc_backend_api::{abi::HostFns, export::module, remote::Remote};
//!
//! let memory = Remote::open(module::<Memory>(), HostFns::silent(), Context::for_tests())?;
//! let spec = ServiceSpec { name: "web".into(), command: vec!["web".into()], ..Default::default() };
//! memory.register(vec![Registration::new(spec)], Deadline::NONE).remove(0)?;
//! let status = memory.status(vec![Target::new("web")], Deadline::NONE).remove(0)?;
//! assert_eq!(status.state, State::Running);
//! # Ok::<(), Error>(())
//! ```

pub mod abi;
mod backend;
mod batch;
mod deadline;
mod error;
pub mod export;
mod model;
mod parts;
mod poll;
pub mod remote;
mod sum;
pub mod wire;

pub use backend::{Backend, LogStream};
pub use batch::{Batch, contain};
pub use deadline::Deadline;
pub use error::{Error, ErrorKind, Result};
pub use model::*;
pub use parts::in_parts;
pub use sum::Sum;
