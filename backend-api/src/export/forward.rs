//! Log records and panics of the plugin, on their way to the host. A library has its own copy of the
//! standard library, so its own logger and its own panic hook.

use std::sync::OnceLock;

use crate::abi::HostFns;

static HOST: OnceLock<HostFns> = OnceLock::new();

struct Forward;

impl log::Log for Forward {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        let (true, Some(host)) = (self.enabled(record.metadata()), HOST.get()) else { return };
        let message = match record.args().as_str() {
            Some(text) => std::borrow::Cow::Borrowed(text),
            None => std::borrow::Cow::Owned(record.args().to_string()),
        };
        (host.log)(record.level() as u8, record.target().into(), message.as_ref().into());
    }

    fn flush(&self) {}
}

/// Sends what is logged to the host from now on. The first host of a library stays.
///
/// A record that the host does not want costs one comparison, in the `log` macros themselves.
pub(super) fn install(host: HostFns) {
    if HOST.set(host).is_err() || log::set_logger(&Forward).is_err() {
        // The same host again, or (in tests) a backend that is linked in and shares the host's logger.
        return;
    }
    log::set_max_level(level_filter(host.max_level));
    // Without this a contained panic would be written to standard error, with a backtrace that takes
    // 50 ms to make.
    std::panic::set_hook(Box::new(|info| log::error!(target: "panic", "{info}")));
}

fn level_filter(level: u8) -> log::LevelFilter {
    match level {
        0 => log::LevelFilter::Off,
        1 => log::LevelFilter::Error,
        2 => log::LevelFilter::Warn,
        3 => log::LevelFilter::Info,
        4 => log::LevelFilter::Debug,
        _ => log::LevelFilter::Trace,
    }
}
