//! A command in one text, split into its words as a shell would, with nothing expanded. For options
//! that take a whole command.

/// Splits by blanks; `'...'` is literal, `"..."` may contain blanks and `\"`, `\` takes the next
/// character as it is.
///
/// # Errors
/// A sentence, when a quote is not closed.
pub(crate) fn split(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(b'"'), b'\\') if matches!(bytes.peek(), Some(b'"' | b'\\')) => {
                word.extend_last(bytes.next())
            }
            (Some(_), _) => word.extend_last(Some(byte)),
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.extend_last(None);
            }
            (None, b'\\') => {
                let next = bytes.next().ok_or("it ends with a backslash")?;
                word.extend_last(Some(next));
            }
            (None, b' ' | b'\t' | b'\n') => words.extend(word.take()),
            (None, _) => word.extend_last(Some(byte)),
        }
    }
    if let Some(open) = quote {
        return Err(format!("the quote `{}` is not closed", char::from(open)));
    }
    words.extend(word);
    Ok(words)
}

/// Adding to a word that begins with its first byte, or with a quote.
trait Growing {
    fn extend_last(&mut self, byte: Option<u8>);
}

impl Growing for Option<Vec<u8>> {
    fn extend_last(&mut self, byte: Option<u8>) {
        self.get_or_insert_default().extend(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let found = split(text.as_bytes()).unwrap();
        found.into_iter().map(|word| String::from_utf8(word).unwrap()).collect()
    }

    #[test]
    fn splits_as_a_shell_does() {
        assert_eq!(words(""), Vec::<String>::new());
        assert_eq!(words("  curl  -f http://x "), ["curl", "-f", "http://x"]);
        assert_eq!(words("a 'b c' \"d 'e\\\" f\" g\\ h"), ["a", "b c", "d 'e\" f", "g h"]);
        assert_eq!(words("'' \"\""), ["", ""]);
        assert_eq!(words("$HOME `x` \"\\n\""), ["$HOME", "`x`", "\\n"]);
        assert_eq!(words("a'b'c"), ["abc"]);
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        assert_eq!(split(b"a 'b").unwrap_err(), "the quote `'` is not closed");
        assert_eq!(split(b"a \"b").unwrap_err(), "the quote `\"` is not closed");
        assert_eq!(split(b"a\\").unwrap_err(), "it ends with a backslash");
    }
}
