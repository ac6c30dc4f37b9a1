//! The helper process: `anysvc backend-main local STATE_DIR`. One thread, one loop over the socket, its
//! callers, the engine and signals; it sleeps until one of them has something to say.
//!
//! - `begin` takes the folder over, brings back what a killed supervisor left, and says that it is ready;
//! - `caller` is one connection: bytes in and out, nothing about services;
//! - `desk` does what requests ask, and knows which of them wait for what (`pending`);
//! - `turn` is the loop, and knows when to leave.

mod begin;
mod caller;
mod desk;
mod environment;
mod news;
mod pending;
mod present;
mod report;
mod signals;
mod turn;
mod verbs;

pub use begin::NEW_BOOT;
pub use environment::console;
pub use present::LOG_FOLDER;

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// Becomes the supervisor of a state folder. The answer is the exit code.
pub fn main(arguments: Vec<Vec<u8>>) -> i32 {
    let mut arguments = arguments.into_iter();
    let (Some(state_dir), None) = (arguments.next(), arguments.next()) else {
        log::error!("usage: anysvc backend-main local STATE_DIR");
        return 2;
    };
    let state_dir = PathBuf::from(OsString::from_vec(state_dir));
    match begin::begin(&state_dir) {
        Ok(turns) => {
            report::ready();
            match turns.run() {
                Ok(()) => 0,
                Err(error) => {
                    log::error!("the supervisor ends: {error}");
                    1
                }
            }
        }
        Err(error) => {
            log::error!("the supervisor could not start: {error}");
            report::failed(error);
            1
        }
    }
}
