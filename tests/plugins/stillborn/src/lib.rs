//! A backend whose library panics when its functions are asked for.

use anysvc_backend_api::{
    abi::{BackendModuleRef, Note},
    export::{LibHeader, RootModuleResult, header},
};

#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__TEXT,__anysvc"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".note.anysvc"))]
static NOTE: Note = Note::THIS;

fn no_module() -> BackendModuleRef {
    // The test expects it; printed, it would be taken for a failure.
    std::panic::set_hook(Box::new(|_| ()));
    panic!("no functions today")
}

extern "C" fn construct() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(no_module)
}

/// Where abi_stable's loader begins.
// SAFETY: the name is abi_stable's own for this purpose, and the type is the one it expects.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
pub static ROOT_MODULE: LibHeader = header(construct);
