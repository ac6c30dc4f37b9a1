//! The laboratories: real service managers in namespaces of their own, for tests, `./x lab`,
//! `./x demo` and `./x bench`.
//!
//! # How to add a test
//!
//! A suite is a file in `tests/tests/`, named after what it needs: `s6_*.rs` run in the s6
//! laboratory (`./x test s6`), `systemd_*.rs` in the systemd laboratory, `local_*.rs` with the
//! embedded default, `examples_*.rs` what is in `examples/`, all others with `./x test unit`. A test makes a laboratory of its own,
//! which takes some 50 ms (systemd: some seconds), and says what it wants to see:
//!
//! ```no_run
//! use anysvc_tests::{APP, S6Lab};
//!
//! let lab = S6Lab::new().nested().start();
//! lab.anysvc(["register", "web", "--", "/usr/bin/sleep", "1000"]).uid(APP).run().success();
//! lab.anysvc(["status", "web", "--json"]).uid(APP).run().success().json();
//! lab.anysvc(["status", "nothing"]).uid(APP).run().fails(4).stderr_contains("nothing");
//! lab.wait_until("app's tree has the slot", || lab.exists("/run/app/service/web/run"));
//! lab.s6("s6-svstat", ["/run/app/service/web"]).run().success();
//! ```
//!
//! Rules: name a test by the behaviour it states. Run as [`APP`] wherever users would be
//! unprivileged. Wait on conditions ([`Lab::wait_until`]), never for a time. Ask the s6
//! commands ([`S6Lab::s6`]) where our own word is what is being tested. A missing package is a
//! failure that names the fix, never a skip.

mod begin;
pub mod canary;
pub mod conditions;
mod container;
pub mod crash;
mod enter;
pub mod examples;
pub mod instances;
mod keeper;
mod lab;
mod machine;
pub mod matrix;
mod outcome;
mod s6_lab;
mod s6_start;
pub mod scenario;
mod systemd_lab;
mod whiteout;

pub use container::{Container, Reconciled, words};
pub use enter::{Enter, Running};
pub use lab::Lab;
pub use machine::{missing_packages, missing_packages_for_systemd};
pub use outcome::{Ended, Outcome};
pub use rustix::process::Signal;
pub use s6_lab::S6Lab;
pub use s6_start::{Builder, Facts, Scandir};
pub use systemd_lab::{Socket, SystemdLab, Way, prepare as prepare_systemd_lab};

/// The id of the user and group `app`, for whom services run: not root, and not special.
pub const APP: u32 = 10_000;
/// The id of the user and group `other`, who must not be able to meddle with `app`'s.
pub const OTHER: u32 = 10_001;

/// The root of the repository.
pub fn repository() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(std::path::Path::new("/"))
}

/// Cargo's target folder: where `./x build` leaves the tree that the laboratories install.
pub fn target_dir() -> std::path::PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => repository().join(dir),
        None => repository().join("target"),
    }
}
