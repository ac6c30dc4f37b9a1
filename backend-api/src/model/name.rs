//! The rule for the names of services that we create.

use crate::error::{Error, ErrorKind, Result};

/// The longest name, in bytes.
pub const MAX_NAME: usize = 240;

/// Checks a name that is about to be created: `[a-z0-9][a-z0-9_-]*`, at most [`MAX_NAME`] bytes.
///
/// # Errors
/// `invalid-name`, saying which rule is broken and by what.
pub fn check_name(name: &str) -> Result<()> {
    let fault = if name.is_empty() {
        "it is empty".to_owned()
    } else if name.len() > MAX_NAME {
        format!("it has {} bytes, and {MAX_NAME} is the limit", name.len())
    } else if let Some(c) = name.chars().find(|&c| !matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')) {
        format!("it contains `{}`", c.escape_default())
    } else if name.starts_with(['-', '_']) {
        format!("it begins with `{}`", &name[..1])
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::InvalidName,
        format!("`{}` is no name for a service: {fault}", name.escape_debug()),
    )
    .with_hint("use lower-case letters, digits, `-` and `_`, beginning with a letter or digit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_rule_allows() {
        for name in ["a", "0", "web-1", "a_b", &"x".repeat(MAX_NAME)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refuses_everything_else_and_says_which_rule() {
        let long = "x".repeat(MAX_NAME + 1);
        let cases = [
            ("", "empty"),
            ("-a", "begins with `-`"),
            ("_a", "begins with `_`"),
            ("Web", "contains `W`"),
            ("a b", "contains ` `"),
            ("../x", "contains `.`"),
            ("a\n", "contains `\\n`"),
            (&long, "241 bytes"),
            ("ä", "contains `\\u{e4}`"),
            ("a/b", "contains `/`"),
        ];
        for (name, reason) in cases {
            let error = check_name(name).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidName);
            assert!(error.message.contains(reason), "{name:?}: {}", error.message);
        }
    }
}
