//! The stable ABI: frozen types, the root module, the verbs, the note. Only the glue of the export
//! macro, the host's loader and the wire codec look in here; authors of backends do not.

mod module;
mod note;
mod types;
mod verb;

pub use module::{Answer, BackendModule, BackendModuleRef};
pub use note::{API_MAJOR, API_MINOR, FINGERPRINT, NOTE_NAME, NOTE_NAME_LEN, NOTE_TYPE, Note, NoteFacts};
pub use types::{AbiValue, Attr, Bag, Entry, Handle, HostFns, StreamHandle, VerbCode};
pub use verb::Verb;
