//! What the host gives a plugin: the log level that is wanted, and where records go.

use abi_stable::std_types::RStr;
use anysvc_backend_api::abi::HostFns;

/// The functions that a backend is opened with. A record that the host does not want costs the backend one
/// comparison.
pub fn host_fns() -> HostFns {
    HostFns { max_level: log::max_level() as u8, log: forward }
}

extern "C" fn forward(level: u8, target: RStr<'_>, message: RStr<'_>) {
    let level = match level {
        0 | 1 => log::Level::Error,
        2 => log::Level::Warn,
        3 => log::Level::Info,
        4 => log::Level::Debug,
        _ => log::Level::Trace,
    };
    // A logger that panics must not take the backend's caller with it: unwinding ends here.
    let _ = anysvc_backend_api::contain(|| {
        log::log!(target: target.as_str(), level, "{}", message.as_str());
        Ok(())
    });
}
