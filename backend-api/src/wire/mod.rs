//! The codec between ordinary Rust types and the bags of the ABI. Decoding is total: hostile or newer
//! input gives a typed refusal, never a panic. This module must not know what any structure means.

mod basics;
#[cfg(test)]
mod fuzz;
mod macros;

use abi_stable::std_types::RVec;

use crate::abi::{AbiValue, Attr, Bag};
pub(crate) use macros::{wire_enum, wire_struct};

/// Why a bag could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An attribute that must be understood, and is not known here, or has a choice that is not.
    Unknown(String),
    /// An attribute that every such structure has is not there.
    Missing(&'static str),
    /// An attribute holds another kind of value, or one outside its range.
    Malformed(&'static str),
}

impl Refusal {
    /// Puts the refusal in the context of an attribute.
    pub(crate) fn within(self, key: &'static str) -> Refusal {
        match self {
            Refusal::Malformed("") => Refusal::Malformed(key),
            Refusal::Unknown(inner) if inner.is_empty() => Refusal::Unknown(key.to_owned()),
            Refusal::Unknown(inner) => Refusal::Unknown(format!("{key}.{inner}")),
            other => other,
        }
    }
}

/// A value that can cross.
pub trait Wire: Sized {
    /// Turns it into what crosses.
    fn into_wire(self) -> AbiValue;
    /// Reads it back.
    ///
    /// # Errors
    /// A [`Refusal`] when the value is of another kind, or newer than this side.
    fn from_wire(value: AbiValue) -> Result<Self, Refusal>;
    /// What the absence of the attribute means, if it may be absent.
    fn absent() -> Option<Self> {
        None
    }
    /// Whether it need not be sent.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A structure that crosses as a bag.
pub trait WireStruct: Sized {
    /// Turns it into a bag.
    fn into_bag(self) -> Bag;
    /// Reads it from a bag.
    ///
    /// # Errors
    /// A [`Refusal`] naming the attribute.
    fn from_bag(bag: Bag) -> Result<Self, Refusal>;
}

/// Nothing: the answer of verbs that only succeed or fail.
impl WireStruct for () {
    fn into_bag(self) -> Bag {
        Bag::default()
    }
    fn from_bag(_: Bag) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Adds an attribute, unless it says nothing.
pub(crate) fn put<T: Wire>(attrs: &mut RVec<Attr>, key: &'static str, must: bool, value: T) {
    if !value.is_absent() {
        attrs.push(Attr { key: key.into(), must, value: value.into_wire() });
    }
}

/// The value of a field after all attributes were read.
pub(crate) fn take<T: Wire>(key: &'static str, found: Option<T>) -> Result<T, Refusal> {
    found.or_else(T::absent).ok_or(Refusal::Missing(key))
}

/// What to do with an attribute that this side does not know.
pub(crate) fn unknown(attr: &Attr) -> Result<(), Refusal> {
    if attr.must { Err(Refusal::Unknown(attr.key.as_str().to_owned())) } else { Ok(()) }
}
