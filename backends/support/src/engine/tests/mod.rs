//! Tests of the whole engine: with a simulated system and clock, and with real processes.

mod chance;
#[cfg(target_os = "linux")]
mod crash;
mod give_up;
#[cfg(target_os = "linux")]
mod harness;
#[cfg(target_os = "linux")]
mod real;
#[cfg(target_os = "linux")]
mod real_environment;
#[cfg(target_os = "linux")]
mod real_logs;
mod rules;
pub(in crate::engine) mod scratch;
mod sim;
