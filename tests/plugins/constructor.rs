//! A constructor: code that runs as soon as a library is loaded, before a loader can check anything.

#[path = "mark.rs"]
mod mark;

extern "C" fn construct() {
    // Whoever looks for the mark sees that it is missing.
    let _ = std::fs::write(mark::mark(), "code of the library ran\n");
}

#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: extern "C" fn() = construct;
