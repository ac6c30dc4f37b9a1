//! The seam to the operating system. What is above it is the same everywhere and tested with a
//! simulated one.

#[cfg(unix)]
pub mod unix;

/// The operating system, as far as supervision needs it.
pub trait Os {}
