//! Text that others wrote, made safe to show: what would act on a terminal is written out.

use std::borrow::Cow;

/// The text with every control character written out (`\n`, `\u{1b}`), for names and one-line texts.
pub fn line(text: &str) -> Cow<'_, str> {
    only(text, |c| c.is_control() || is_bidi(c))
}

/// The same for a text of several lines: line ends and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    only(text, |c| (c.is_control() && c != '\n' && c != '\t') || is_bidi(c))
}

/// Bytes of a log line as they can be shown on a terminal.
pub fn bytes(line: &[u8]) -> String {
    let mut shown = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        shown.push_str(&block(chunk.valid()));
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

/// The characters that change the direction of what follows: they make a text read as another.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn only(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Nearly all text is of these alone, which is seen quickly.
    let harmless = text.bytes().all(|byte| (b' '..0x7f).contains(&byte));
    if harmless || !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_is_left() {
        assert_eq!(line("a\u{1b}]0;x\u{7}\nb\u{9b}1mé"), "a\\u{1b}]0;x\\u{7}\\nb\\u{9b}1mé");
        assert_eq!(line("abc\u{202e}def"), "abc\\u{202e}def");
        assert_eq!(block("a\tb\nc\rd"), "a\tb\nc\\rd");
        assert_eq!(bytes(b"ok \xff\x1b[2J"), "ok \\xff\\u{1b}[2J");
        assert!(matches!(line("plain ä"), Cow::Borrowed(_)));
    }
}
