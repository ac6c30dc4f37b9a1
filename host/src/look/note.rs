//! Finding our note among the notes of a segment.

use anysvc_backend_api::abi::{NOTE_NAME, NOTE_NAME_LEN, NOTE_TYPE, NoteFacts};

/// What our note says; nothing when it is not among these.
pub(super) fn find(mut notes: &[u8]) -> Option<NoteFacts> {
    while let Some((header, rest)) = notes.split_at_checked(12) {
        let field =
            |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (name_len, desc_len, kind) = (field(0), field(4), field(8));
        let (name, rest) = rest.split_at_checked(padded(name_len)?)?;
        // The last one's padding may lie outside of the segment.
        let descriptor = rest.get(..usize::try_from(desc_len).ok()?)?;
        if name_len == NOTE_NAME_LEN && kind == NOTE_TYPE && name == NOTE_NAME {
            return NoteFacts::from_descriptor(descriptor);
        }
        notes = rest.get(padded(desc_len)?..)?;
    }
    None
}

fn padded(length: u32) -> Option<usize> {
    usize::try_from(length).ok()?.checked_next_multiple_of(4)
}
