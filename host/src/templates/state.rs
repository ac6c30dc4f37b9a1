//! The word in an application's JSON file, by pointer (RFC 6901). This module must not know what the words
//! mean.

use std::{fs::File, io::Read as _};

/// The largest file that is read, in bytes.
pub(super) const LARGEST: u64 = 1 << 20;
/// The longest word that is a word.
const LONGEST_WORD: usize = 64;

/// The word at a place in an open file. `None` where the place holds none.
///
/// # Errors
/// Why the file can't be understood.
pub(super) fn word(file: &mut File, pointer: &str) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|cause| format!("cannot be read: {cause}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("has more than {LARGEST} bytes"));
    }
    let document: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|cause| format!("is not JSON: {cause}"))?;
    let word = document.pointer(pointer).and_then(serde_json::Value::as_str);
    Ok(word.filter(|word| word.len() <= LONGEST_WORD).map(str::to_owned))
}
