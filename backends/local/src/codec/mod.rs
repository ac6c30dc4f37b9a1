//! Values as bytes, for the socket and the records: the API's own values, so that specs, statuses and
//! errors cross as they are. Reading is total: whatever the bytes, the answer is a value or a
//! [`Damaged`], with bounded depth and memory. It must not know what any structure means.

mod decode;
mod encode;
mod keys;

use std::fmt;

use anysvc_backend_api::{
    Error, ErrorKind, Result,
    abi::AbiValue,
    wire::{Refusal, WireStruct},
};

pub use decode::decode;
pub use encode::encode;

/// How deep values may be nested; the deepest of the API's own has 6 levels, apart from free-form ones.
pub const MAX_DEPTH: usize = 32;
/// How many values there may be in one: a byte becomes 40 in memory. A status has about 15.
pub const MOST_VALUES: usize = 1 << 20;
/// The longest name of an attribute.
pub const MAX_KEY: usize = 64;

/// Why bytes are no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damaged {
    /// They end too early.
    Truncated,
    /// They go on behind the value.
    Trailing,
    /// There is no such kind of value.
    Kind(u8),
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
    /// More values than [`MOST_VALUES`].
    Many,
    /// A text is not UTF-8.
    Text,
    /// An attribute's name is too long, or one of too many different ones.
    Key,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damaged::Truncated => f.write_str("it ends too early"),
            Damaged::Trailing => f.write_str("something follows its end"),
            Damaged::Kind(kind) => write!(f, "{kind} is no kind of value"),
            Damaged::Depth => f.write_str("it is nested too deeply"),
            Damaged::Many => f.write_str("it has too many parts"),
            Damaged::Text => f.write_str("a text in it is not UTF-8"),
            Damaged::Key => f.write_str("the name of an attribute is too long, or there are too many"),
        }
    }
}

/// Codes, in this order, of the kinds of value.
mod kind {
    pub const NULL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const TEXT: u8 = 5;
    pub const BYTES: u8 = 6;
    pub const LIST: u8 = 7;
    pub const MAP: u8 = 8;
    pub const BAG: u8 = 9;
}

/// A structure as bytes.
pub fn to_bytes<T: WireStruct>(value: T) -> Vec<u8> {
    encode(&AbiValue::Bag(value.into_bag()))
}

/// A structure from bytes; `what` names it in the error.
///
/// # Errors
/// `io`, for damaged bytes, and the structure's own refusals.
pub fn from_bytes<T: WireStruct>(bytes: &[u8], what: &str) -> Result<T> {
    let damaged = |why: String| Error::new(ErrorKind::Io, format!("{what} is damaged: {why}"));
    match decode(bytes).map_err(|why| damaged(why.to_string()))? {
        AbiValue::Bag(bag) => T::from_bag(bag).map_err(|refusal| match refusal {
            Refusal::Unknown(_) => Error::from(refusal),
            other => damaged(Error::from(other).message),
        }),
        _ => Err(damaged("it is no structure".to_owned())),
    }
}

#[cfg(test)]
mod tests;
