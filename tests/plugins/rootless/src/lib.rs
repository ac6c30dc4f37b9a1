//! A library that says it is a backend, and has no functions: what is left when `export_backend!` was
//! linked away, say.

use anysvc_backend_api::abi::Note;

#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__TEXT,__anysvc"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".note.anysvc"))]
static NOTE: Note = Note::THIS;
