//! What `export_backend!` puts between an author's `Backend` and the ABI: decoding, panic containment,
//! log forwarding. Authors use the macro; nothing else in here is for them.

mod calls;
mod forward;
mod streams;

#[doc(hidden)]
pub use abi_stable::library::{LibHeader, RootModuleResult};
use abi_stable::{
    library::CheckTypeLayout,
    prefix_type::PrefixTypeTrait as _,
    std_types::{RResult, RVec},
};

use crate::{
    abi::{API_MINOR, Answer, BackendModule, BackendModuleRef, Bag, Handle, HostFns},
    backend::Backend,
    batch::contain,
    deadline::Deadline,
    error::{Error, Result},
    wire::WireStruct,
};

/// Makes a library's [`Backend`] loadable: exports the root module, and the note that tells a host what
/// the file is before any of its code runs. Once in each cdylib: `export_backend!(MyBackend);`
#[macro_export]
macro_rules! export_backend {
    ($backend:ty) => {
        /// Identifies this file as a backend before any of its code runs.
        #[used]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__TEXT,__anysvc"))]
        #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".note.anysvc"))]
        static ANYSVC_NOTE: $crate::abi::Note = $crate::abi::Note::THIS;

        /// Where abi_stable's loader begins.
        // SAFETY: the name is abi_stable's own for this purpose, and the type is the one it expects.
        #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
        pub static ANYSVC_ROOT_MODULE: $crate::export::LibHeader = {
            extern "C" fn construct() -> $crate::export::RootModuleResult {
                $crate::export::root_module::<$backend>()
            }
            $crate::export::header(construct)
        };
    };
}

/// The header that abi_stable looks for in a library.
#[doc(hidden)]
pub const fn header(constructor: extern "C" fn() -> RootModuleResult) -> LibHeader {
    // SAFETY: `root_module`, the only constructor handed in, gives a `BackendModuleRef`.
    unsafe { LibHeader::from_constructor::<BackendModuleRef>(constructor, CheckTypeLayout::Yes) }
}

/// The root module as abi_stable wants it.
#[doc(hidden)]
pub fn root_module<B: Backend>() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(module::<B>)
}

/// The root module of a backend: what a loaded library gives, here without a library, for tests of a
/// backend in its own crate.
pub fn module<B: Backend>() -> BackendModuleRef {
    BackendModule {
        api_minor: API_MINOR,
        describe: describe::<B>,
        open: open::<B>,
        close: close::<B>,
        probe: probe::<B>,
        call: calls::call::<B>,
        list: list::<B>,
        logs: streams::logs::<B>,
        stream_next: streams::next,
        stream_cancel: streams::cancel,
        stream_close: streams::close,
        serve: serve::<B>,
    }
    .leak_into_prefix()
}

/// Turns a result into what crosses.
fn answer<T>(result: Result<T>) -> Answer<T> {
    match result {
        Ok(value) => RResult::ROk(value),
        Err(error) => RResult::RErr(error.into_bag()),
    }
}

/// The backend behind a handle.
///
/// # Safety
/// `handle` came from `open::<B>` of this library and has not been closed.
unsafe fn backend<'a, B: Backend>(handle: Handle) -> &'a B {
    // SAFETY: `open` leaked a `Box<B>`; `B` is Sync, and only shared references are ever made.
    unsafe { &*handle.0.cast::<B>() }
}

extern "C" fn describe<B: Backend>(host: HostFns) -> Answer<Bag> {
    forward::install(host);
    answer(contain(|| Ok(B::describe().into_bag())))
}

extern "C" fn open<B: Backend>(host: HostFns, context: Bag) -> Answer<Handle> {
    forward::install(host);
    answer(contain(|| {
        let backend = B::open(WireStruct::from_bag(context)?)?;
        Ok(Handle(Box::into_raw(Box::new(backend)).cast_const().cast()))
    }))
}

/// # Safety
/// `handle` came from `open::<B>` of this library and has not been closed.
unsafe extern "C" fn close<B: Backend>(handle: Handle) {
    // SAFETY: passed on to the caller; `open` made it from a `Box`.
    let backend = unsafe { Box::from_raw(handle.0.cast::<B>().cast_mut()) };
    // A panic while dropping has nobody left to tell but the log, where the panic hook wrote it.
    let _ = contain(|| {
        drop(backend);
        Ok(())
    });
}

/// # Safety
/// `handle` came from `open::<B>` of this library and has not been closed.
unsafe extern "C" fn probe<B: Backend>(handle: Handle, millis: u64) -> Answer<Bag> {
    // SAFETY: passed on to the caller.
    let backend = unsafe { backend::<B>(handle) };
    answer(contain(|| Ok(backend.probe(Deadline::from_millis(millis))?.into_bag())))
}

/// # Safety
/// `handle` came from `open::<B>` of this library and has not been closed.
unsafe extern "C" fn list<B: Backend>(handle: Handle, query: Bag, millis: u64) -> Answer<RVec<Bag>> {
    // SAFETY: passed on to the caller.
    let backend = unsafe { backend::<B>(handle) };
    answer(contain(|| {
        let query = WireStruct::from_bag(query)?;
        let found = backend.list(&query, Deadline::from_millis(millis))?;
        Ok(found.into_iter().map(WireStruct::into_bag).collect())
    }))
}

extern "C" fn serve<B: Backend>(host: HostFns, arguments: RVec<RVec<u8>>) -> i32 {
    forward::install(host);
    let arguments = arguments.into_iter().map(RVec::into_vec).collect();
    contain(|| Ok(B::serve(arguments))).unwrap_or_else(|error: Error| {
        log::error!("{error}");
        1
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_name_is_the_one_that_abi_stable_looks_for() {
        let macro_source = include_str!("mod.rs");
        let name = abi_stable::library::ROOT_MODULE_LOADER_NAME;
        assert!(macro_source.contains(&format!("export_name = \"{name}\"")), "{name}");
    }
}
