//! Values to bytes: a byte for the kind, then lengths and counts in base 128, low end first. Writes
//! anything that the types allow; that it can be read back is for `decode` to say.

use anysvc_backend_api::abi::AbiValue;

use super::kind;

/// The bytes of a value.
pub fn encode(value: &AbiValue) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, value);
    out
}

fn put(out: &mut Vec<u8>, value: &AbiValue) {
    match value {
        AbiValue::Null => out.push(kind::NULL),
        AbiValue::Bool(false) => out.push(kind::FALSE),
        AbiValue::Bool(true) => out.push(kind::TRUE),
        AbiValue::Int(n) => {
            out.push(kind::INT);
            out.extend_from_slice(&n.to_le_bytes());
        }
        AbiValue::Float(f) => {
            out.push(kind::FLOAT);
            out.extend_from_slice(&f.to_le_bytes());
        }
        AbiValue::Text(text) => sized(out, kind::TEXT, text.as_bytes()),
        AbiValue::Bytes(bytes) => sized(out, kind::BYTES, bytes),
        AbiValue::List(items) => {
            counted(out, kind::LIST, items.len());
            for item in items {
                put(out, item);
            }
        }
        AbiValue::Map(entries) => {
            counted(out, kind::MAP, entries.len());
            for entry in entries {
                length(out, entry.key.len());
                out.extend_from_slice(entry.key.as_bytes());
                put(out, &entry.value);
            }
        }
        AbiValue::Bag(bag) => {
            counted(out, kind::BAG, bag.attrs.len());
            for attr in &bag.attrs {
                out.push(u8::from(attr.must));
                length(out, attr.key.len());
                out.extend_from_slice(attr.key.as_bytes());
                put(out, &attr.value);
            }
        }
    }
}

fn sized(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    counted(out, kind, bytes.len());
    out.extend_from_slice(bytes);
}

fn counted(out: &mut Vec<u8>, kind: u8, count: usize) {
    out.push(kind);
    length(out, count);
}

fn length(out: &mut Vec<u8>, mut n: usize) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
