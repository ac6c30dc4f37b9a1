//! The supervision engine: keeps services running where nothing else does. It knows services and
//! processes; it knows no service manager, no socket, no store and no command line.
//!
//! - [`policy`] and [`machine`] are pure: what an end of a process means, and what to do about it.
//! - [`os`] is the one seam to the operating system, with a Unix implementation behind it.
//! - [`log`] writes a service's lines to files that are rotated by size.
//! - [`record`] remembers on disk which process belongs to which service, so that a supervisor that was
//!   killed comes back without doubling anything.
//! - [`Supervisor`] puts these together for many services in one thread, and is what others use.
//!
//! # How an owner uses it
//! It makes a [`Supervisor`], adds its services, calls [`Supervisor::end_strays`] once, and then loops:
//! wait until the supervisor's descriptor is readable or [`Supervisor::timeout`] is over (beside its own
//! sockets), call [`Supervisor::turn`], take [`Supervisor::changes`] and answer who waits for them. No
//! verb blocks: `stop` begins to stop, and a change says that it is done.

mod env_file;
pub mod log;
pub mod machine;
pub mod os;
pub mod policy;
pub mod record;
mod supervisor;
#[cfg(test)]
mod tests;
mod timers;

pub use os::Os;
#[cfg(target_os = "linux")]
pub use os::unix::Unix;
pub use supervisor::{Change, Config, Service, Supervisor, check};
