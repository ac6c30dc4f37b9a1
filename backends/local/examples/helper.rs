//! Stands in for the installed `anysvc` in tests of this crate: `helper backend-main local STATE_DIR`
//! becomes the supervisor, and says on standard error what it has to say. It can do nothing else.

use std::{ffi::OsString, io::Write as _, os::unix::ffi::OsStringExt as _};

use anysvc_backend_api::{abi::HostFns, export::module, remote::serve};
use anysvc_local::Local;

struct ToStderr;

impl log::Log for ToStderr {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let now = now.as_secs_f64();
        let own = std::process::id();
        let _ = writeln!(std::io::stderr(), "{now:.3} {own} {} {}", record.level(), record.args());
    }
    fn flush(&self) {}
}

fn main() {
    log::set_logger(&ToStderr).expect("the first logger of this process");
    log::set_max_level(log::LevelFilter::Debug);
    let arguments = std::env::args_os().skip(1).map(OsString::into_vec);
    let mut arguments = arguments.skip_while(|argument| argument.starts_with(b"-"));
    let (verb, id) = (arguments.next(), arguments.next());
    assert_eq!((verb, id), (Some(b"backend-main".to_vec()), Some(b"local".to_vec())));
    std::process::exit(serve(module::<Local>(), HostFns::silent(), arguments.collect()));
}
