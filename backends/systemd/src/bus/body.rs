//! The arguments of a call, as bytes. Always little-endian, which every reader has to understand.

/// Some arguments. They are added in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    pub(super) signature: String,
    pub(super) bytes: Vec<u8>,
}

impl Body {
    /// No arguments yet.
    pub(crate) fn new() -> Body {
        Body::default()
    }

    /// A text. D-Bus knows no NUL in texts: it ends there.
    pub(crate) fn text(mut self, text: &str) -> Body {
        self.signature.push('s');
        put_text(&mut self.bytes, text);
        self
    }

    /// An array of texts.
    pub(crate) fn texts<'a>(mut self, texts: impl IntoIterator<Item = &'a str>) -> Body {
        self.signature.push_str("as");
        align(&mut self.bytes, 4);
        let at = self.bytes.len();
        put_u32(&mut self.bytes, 0);
        for text in texts {
            put_text(&mut self.bytes, text);
        }
        let length = length(self.bytes.len() - at - 4);
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self
    }

    /// A number.
    pub(crate) fn number(mut self, number: i32) -> Body {
        self.signature.push('i');
        put_u32(&mut self.bytes, number.cast_unsigned());
        self
    }
}

pub(super) fn align(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

pub(super) fn put_u32(bytes: &mut Vec<u8>, number: u32) {
    align(bytes, 4);
    bytes.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let text = text.split('\0').next().unwrap_or_default();
    put_u32(bytes, length(text.len()));
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

pub(super) fn put_signature(bytes: &mut Vec<u8>, signature: &str) {
    // Those that we write have a few letters.
    bytes.push(signature.len() as u8);
    bytes.extend_from_slice(signature.as_bytes());
    bytes.push(0);
}

/// What is longer than this makes a message that nobody takes.
pub(super) fn length(length: usize) -> u32 {
    length.try_into().unwrap_or(u32::MAX)
}
