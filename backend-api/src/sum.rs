//! A sum by which what we wrote is told from what somebody edited since, the same in every version of ours.
//! It protects against nobody who means harm. This module must not know what is summed.

use std::fmt;

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
    fn fields_do_not_run_together() {
        let sum = |fields: [&str; 2]| {
            let mut sum = Sum::default();
            fields.iter().for_each(|field| sum.field(field.as_bytes()));
            sum
        };
        assert_ne!(sum(["ab", "c"]), sum(["a", "bc"]));
    }
}
