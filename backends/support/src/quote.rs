//! Quoting for /bin/sh: whatever the bytes, the shell gives them back. Knows nothing of scripts.

/// One word of a POSIX shell that stands for exactly these bytes (which hold no NUL: no argument can).
pub fn sh(bytes: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./:@%+,".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut word = Vec::with_capacity(bytes.len() + 2);
    word.push(b'\'');
    for &byte in bytes {
        if byte == b'\'' {
            // A quoted string has no escapes: it is closed, a quote is added, and it is opened again.
            word.extend_from_slice(b"'\\''");
        } else {
            word.push(byte);
        }
    }
    word.push(b'\'');
    word
}
