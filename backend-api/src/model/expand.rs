//! `${VAR}` and `${VAR:-default}` in paths: the pieces, so that each backend can render them in its own
//! language. Expansion itself happens when the service starts, never here.

/// A piece of an expandable text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Taken as it is.
    Literal(&'a [u8]),
    /// The value of a variable.
    Variable {
        /// Its name.
        name: &'a str,
        /// Used when it is unset or empty; without one the start fails.
        default: Option<&'a [u8]>,
    },
}

/// Whether a name can be that of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Splits a text. A `$` that is not followed by `{` is literal.
///
/// # Errors
/// A sentence that says what is wrong with an expansion.
pub fn pieces(text: &[u8]) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.windows(2).position(|w| w == b"${") {
        if start > 0 {
            found.push(Piece::Literal(&rest[..start]));
        }
        let inner = &rest[start + 2..];
        let end = inner.iter().position(|b| *b == b'}').ok_or("`${` has no closing `}`")?;
        found.push(variable(&inner[..end])?);
        rest = &inner[end + 1..];
    }
    if !rest.is_empty() {
        found.push(Piece::Literal(rest));
    }
    Ok(found)
}

fn variable(inner: &[u8]) -> Result<Piece<'_>, String> {
    let shown = || String::from_utf8_lossy(inner).escape_debug().to_string();
    let (name, default) = match inner.windows(2).position(|w| w == b":-") {
        Some(at) => (&inner[..at], Some(&inner[at + 2..])),
        None => (inner, None),
    };
    if default.is_some_and(|default| default.windows(2).any(|w| w == b"${")) {
        return Err(format!("`${{{}` has another `${{` in its default, which is not expanded", shown()));
    }
    match str::from_utf8(name) {
        Ok(name) if is_variable_name(name) => Ok(Piece::Variable { name, default }),
        _ => Err(format!("`${{{}}}` is not `${{VAR}}` or `${{VAR:-default}}`", shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_text_into_literals_and_variables() {
        let expected = vec![
            Piece::Literal(b"/a$b/"),
            Piece::Variable { name: "DATA", default: None },
            Piece::Literal(b"/"),
            Piece::Variable { name: "X", default: Some(b"de f") },
        ];
        assert_eq!(pieces(b"/a$b/${DATA}/${X:-de f}"), Ok(expected));
        assert_eq!(pieces(b""), Ok(vec![]));
    }

    #[test]
    fn refuses_what_is_no_expansion() {
        for text in ["${", "${}", "${1}", "${A-b}", "${A B}", "x${A:=b}", "${A:-${B}}", "${A:-x${B}"] {
            assert!(pieces(text.as_bytes()).is_err(), "{text}");
        }
    }
}
