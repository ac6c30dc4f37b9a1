//! The frozen types that cross the library boundary. Nothing here may change within API major 1:
//! what is new becomes an attribute of a bag, a verb code, or a function below the prefix of
//! [`BackendModule`](crate::abi::BackendModule).
//!
//! This file must not know what a service is.

use abi_stable::{
    StableAbi,
    std_types::{RStr, RString, RVec},
};

/// One value. A closed enum: there are no other kinds of value in this major version.
#[repr(u8)]
#[derive(StableAbi, Clone, Debug, PartialEq)]
pub enum AbiValue {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number; durations and times are nanoseconds.
    Int(i64),
    /// A fraction.
    Float(f64),
    /// UTF-8 text.
    Text(RString),
    /// Any bytes.
    Bytes(RVec<u8>),
    /// A sequence.
    List(RVec<AbiValue>),
    /// Free-form keys, in order.
    Map(RVec<Entry>),
    /// A structure of known attributes.
    Bag(Bag),
}

/// One pair of a [`AbiValue::Map`].
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: RString,
    /// Its value.
    pub value: AbiValue,
}

/// One attribute of a structure.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq)]
pub struct Attr {
    /// The attribute's name. Libraries are never unloaded, so a name may live in one of them.
    pub key: RStr<'static>,
    /// Whether a reader that does not know this attribute has to refuse the whole structure.
    pub must: bool,
    /// What it says.
    pub value: AbiValue,
}

/// A structure: attributes in any order, absent ones left out.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Bag {
    /// The attributes.
    pub attrs: RVec<Attr>,
}

/// An operation on a list of services: an open code, see [`Verb`](crate::abi::Verb).
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbCode(pub u32);

/// An opened backend, as its own library knows it.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Handle(pub *const ());

/// An open stream of log records, as its own library knows it.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct StreamHandle(pub *const ());

/// What the host gives a plugin.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct HostFns {
    /// The most verbose level that the host wants: 0 off, 1 error, to 5 trace.
    pub max_level: u8,
    /// Takes one log record: level (1 to 5), target, message. May be called from any thread.
    pub log: extern "C" fn(level: u8, target: RStr<'_>, message: RStr<'_>),
}

impl HostFns {
    /// A host that wants no log records.
    pub const fn silent() -> HostFns {
        extern "C" fn ignore(_: u8, _: RStr<'_>, _: RStr<'_>) {}
        HostFns { max_level: 0, log: ignore }
    }
}
