//! A sum by which what we wrote is told from what somebody edited since, the same in every version of ours.
//! It protects against nobody who means harm. This module must not know what is summed.

use std::fmt;

use crate::{
    abi::{AbiValue, Bag},
    model::ServiceSpec,
    wire::WireStruct as _,
};

/// FNV-1a of 128 bits: the standard library's hashers promise nothing from one build to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum(u128);

impl Default for Sum {
    fn default() -> Sum {
        Sum(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Sum {
    /// The sum of these bytes.
    pub fn of(bytes: &[u8]) -> Sum {
        let mut sum = Sum::default();
        sum.bytes(bytes);
        sum
    }

    /// The sum of a spec: of what is set in it, so that a version that knows more fields has the same.
    pub fn of_spec(spec: &ServiceSpec) -> Sum {
        let mut sum = Sum::default();
        sum.bag(&spec.clone().into_bag());
        sum
    }

    fn bag(&mut self, bag: &Bag) {
        self.field(&bag.attrs.len().to_be_bytes());
        for attr in &bag.attrs {
            self.field(attr.key.as_bytes());
            self.value(&attr.value);
        }
    }

    fn value(&mut self, value: &AbiValue) {
        match value {
            AbiValue::Null => self.field(b"null"),
            AbiValue::Bool(truth) => self.tagged(b'?', &[u8::from(*truth)]),
            AbiValue::Int(number) => self.tagged(b'i', &number.to_be_bytes()),
            AbiValue::Float(number) => self.tagged(b'f', &number.to_be_bytes()),
            AbiValue::Text(text) => self.tagged(b't', text.as_bytes()),
            AbiValue::Bytes(bytes) => self.tagged(b'b', bytes),
            AbiValue::List(values) => {
                self.tagged(b'l', &values.len().to_be_bytes());
                values.iter().for_each(|value| self.value(value));
            }
            AbiValue::Map(entries) => {
                self.tagged(b'm', &entries.len().to_be_bytes());
                for entry in entries {
                    self.field(entry.key.as_bytes());
                    self.value(&entry.value);
                }
            }
            AbiValue::Bag(bag) => self.bag(bag),
        }
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.bytes(&[tag]);
        self.field(bytes);
    }

    /// Adds bytes that can't be taken for the end of what was added before.
    pub fn field(&mut self, bytes: &[u8]) {
        self.bytes(&(bytes.len() as u64).to_be_bytes());
        self.bytes(bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a() {
        // Of the algorithm's authors: draft-eastlake-fnv.
        assert_eq!(Sum::of(b"").to_string(), "6c62272e07bb014262b821756295c58d");
        assert_eq!(Sum::of(b"foobar").to_string(), "343e1662793c64bf6f0d3597ba446f18");
    }

    #[test]
    fn a_spec_has_the_same_sum_until_something_in_it_changes() {
        let spec =
            ServiceSpec { name: "web".into(), command: vec!["a".into(), "b".into()], ..Default::default() };
        let same = spec.clone();
        assert_eq!(Sum::of_spec(&spec), Sum::of_spec(&same));
        let mut others = [spec.clone(), spec.clone(), spec.clone()];
        others[0].command = vec!["ab".into()];
        others[1].umask = Some(0);
        others[2].native = crate::Value::Map(vec![("x".into(), crate::Value::Null)]);
        for other in others {
            assert_ne!(Sum::of_spec(&spec), Sum::of_spec(&other), "{other:?}");
        }
    }

    #[test]
    fn fields_do_not_run_together() {
        let sum = |fields: [&str; 2]| {
            let mut sum = Sum::default();
            fields.iter().for_each(|field| sum.field(field.as_bytes()));
            sum
        };
        assert_ne!(sum(["ab", "c"]), sum(["a", "bc"]));
    }
}
