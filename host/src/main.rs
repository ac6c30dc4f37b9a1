//! The `anysvc` program. All of it is in the library; here is only how it begins.
//!
//! On Linux with glibc it begins without the standard library's own entry. That one asks the C library for
//! the bounds of the stack, which reads and parses `/proc/self/maps`, and sets up a second stack for the
//! handler that words a stack overflow: a tenth of the time that `anysvc status` takes. What else it does is
//! needed, and done in [`entry`].
#![cfg_attr(all(target_os = "linux", target_env = "gnu"), no_main)]

fn run() -> u8 {
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    anysvc::program::run(&args)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() -> std::process::ExitCode {
    run().into()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod entry {
    //! The program's first function, called by the C library. (glibc hands the arguments to the standard
    //! library by itself, through `.init_array`.)

    use std::ffi::{c_char, c_int};

    // SAFETY: no other function of the program has this name, and it has the type that C gives it.
    #[unsafe(no_mangle)]
    extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
        open_standard_streams();
        // SAFETY: sets the disposition of one signal before there is any other thread. A reader that goes
        // away is then an error of the write, which ends the program in its own way.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        super::run().into()
    }

    /// A standard stream that was closed by who started this must not become the next file that is opened:
    /// messages would go into it.
    fn open_standard_streams() {
        let mut streams = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
        // SAFETY: the array is live and three long; a time of 0 does not wait.
        let polled = unsafe { libc::poll(streams.as_mut_ptr(), 3, 0) };
        let closed = streams.iter().filter(|stream| polled > 0 && stream.revents & libc::POLLNVAL != 0);
        for _ in closed {
            // SAFETY: the path is NUL-terminated. The lowest free descriptor is the one that is missing.
            if unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) } < 0 {
                std::process::abort();
            }
        }
    }
}
