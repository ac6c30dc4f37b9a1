//! A library that says it is a backend of another build, and whose functions are not those of the API.

// abi_stable's derive, which is from 2023, puts impls where newer compilers do not want them.
#![allow(non_local_definitions)]

use abi_stable::{
    StableAbi,
    library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult},
    package_version_strings,
    prefix_type::PrefixTypeTrait as _,
    sabi_types::VersionStrings,
};

/// The note by hand: the API crate's own has the API's fingerprint.
#[repr(C)]
struct Note {
    lengths: [u32; 2],
    kind: u32,
    name: [u8; 8],
    version: [u32; 2],
    fingerprint: [u32; 2],
}

#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__TEXT,__anysvc"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".note.anysvc"))]
static NOTE: Note =
    Note { lengths: [7, 16], kind: 1, name: *b"anysvc\0\0", version: [1, 0], fingerprint: [0xdead_beef, 0] };

/// One function, of another kind than any of the API's.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = OtherRef)))]
pub struct Other {
    /// Says 42.
    #[sabi(last_prefix_field)]
    pub answer: extern "C" fn() -> u64,
}

impl RootModule for OtherRef {
    abi_stable::declare_root_module_statics! {OtherRef}
    const BASE_NAME: &'static str = "other";
    const NAME: &'static str = "other";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

extern "C" fn answer() -> u64 {
    42
}

extern "C" fn construct() -> RootModuleResult {
    __call_root_module_loader(|| Other { answer }.leak_into_prefix())
}

/// Where abi_stable's loader begins.
// SAFETY: the name is abi_stable's own for this purpose, and the type is the one it expects.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
pub static ROOT_MODULE: LibHeader = {
    // SAFETY: `construct` gives an `OtherRef`.
    unsafe { LibHeader::from_constructor::<OtherRef>(construct, CheckTypeLayout::Yes) }
};
