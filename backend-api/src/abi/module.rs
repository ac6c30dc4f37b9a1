//! The root module: the functions that a plugin's library exports. Authors never see it; the export
//! macro fills it in. This file must not know what the bags contain.

use abi_stable::{
    StableAbi, declare_root_module_statics,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RResult, RVec},
};

use super::types::{Bag, Handle, HostFns, StreamHandle, VerbCode};

/// What every function that can fail gives back; an error is a bag too.
pub type Answer<T> = RResult<T, Bag>;

/// The functions of a backend. Deadlines are milliseconds from the call, `u64::MAX` for none.
///
/// Calls on one handle may come from several threads at once. A stream belongs to one thread at a
/// time, but `stream_cancel` may come from another.
///
/// Functions that take a handle are unsafe to call: it has to be one that this library gave, and that was
/// not closed.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = BackendModuleRef)))]
#[sabi(missing_field(option))]
pub struct BackendModule {
    /// Minor version of the API that the plugin was built with.
    pub api_minor: u32,
    /// What the backend is and can do: a `Description`.
    pub describe: extern "C" fn(HostFns) -> Answer<Bag>,
    /// Opens the backend with a `Context`.
    pub open: extern "C" fn(HostFns, Bag) -> Answer<Handle>,
    /// Ends a handle; its streams must have been closed.
    pub close: unsafe extern "C" fn(Handle),
    /// Asks whether the service manager answers: a `Probe`.
    pub probe: unsafe extern "C" fn(Handle, u64) -> Answer<Bag>,
    /// Does one verb on many services; as many answers as items, in their order.
    pub call: unsafe extern "C" fn(Handle, VerbCode, RVec<Bag>, u64) -> RVec<Answer<Bag>>,
    /// Lists services with a `ListQuery`: one `Status` each.
    pub list: unsafe extern "C" fn(Handle, Bag, u64) -> Answer<RVec<Bag>>,
    /// Opens a stream of log records with a `LogQuery`.
    pub logs: unsafe extern "C" fn(Handle, Bag) -> Answer<StreamHandle>,
    /// The next records of a stream: a `LogChunk`.
    pub stream_next: unsafe extern "C" fn(StreamHandle, u64) -> Answer<Bag>,
    /// Makes the `stream_next` under way, and every later one, end at once.
    pub stream_cancel: unsafe extern "C" fn(StreamHandle),
    /// Ends a stream.
    pub stream_close: unsafe extern "C" fn(StreamHandle),
    /// Becomes a helper process of this backend; the answer is the exit code.
    #[sabi(last_prefix_field)]
    pub serve: extern "C" fn(HostFns, RVec<RVec<u8>>) -> i32,
}

impl RootModule for BackendModuleRef {
    declare_root_module_statics! {BackendModuleRef}
    const BASE_NAME: &'static str = "anysvc_backend";
    const NAME: &'static str = "anysvc backend";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
