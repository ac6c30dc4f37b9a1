//! The one thing that a supervisor says on its standard output, to the client that started it: that it is
//! ready, or why it will not be. It must not know who reads it.

use std::{fs::File, io::Write as _, os::fd::AsFd as _};

use anysvc_backend_api::Error;

use crate::{client::READY, codec};

/// Says that it is ready.
pub fn ready() {
    say(b"");
}

/// Says why it will not be.
pub fn failed(error: Error) {
    say(&codec::to_bytes(error));
}

fn say(what: &[u8]) {
    let own = std::io::stdout().as_fd().try_clone_to_owned();
    if let Ok(output) = own {
        // Nobody may be listening any more; that is theirs to know.
        let _ = File::from(output).write_all(&[READY, what].concat());
    }
    // The reader waits for the end of it.
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
    }
}
