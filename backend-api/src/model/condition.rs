//! When a condition of a spec holds: one table of words, for every backend. Pure; it must not know where
//! the value of the variable comes from.

use super::Condition;

/// The words for true, in any case. Every other value is none, the usual words for false (0, false, no, off)
/// included.
pub const TRUE_WORDS: [&str; 4] = ["1", "true", "yes", "on"];

impl Condition {
    /// Whether it holds for this value of its variable; one that is not set is like an empty one.
    pub fn holds(&self, value: &[u8]) -> bool {
        match self.truthy {
            None => !value.is_empty(),
            Some(wanted) => {
                TRUE_WORDS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes())) == wanted
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_says_what_a_value_means() {
        let holds = |truthy, value: &str| Condition { env: "A".into(), truthy }.holds(value.as_bytes());
        for (value, [alone, yes, no]) in [
            ("1", [true, true, false]),
            ("YES", [true, true, false]),
            ("On", [true, true, false]),
            ("true", [true, true, false]),
            ("0", [true, false, true]),
            ("false", [true, false, true]),
            ("no", [true, false, true]),
            ("off", [true, false, true]),
            ("11", [true, false, true]),
            ("", [false, false, true]),
        ] {
            assert_eq!(
                [holds(None, value), holds(Some(true), value), holds(Some(false), value)],
                [alone, yes, no],
                "{value}"
            );
        }
    }
}
