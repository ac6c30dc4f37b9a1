//! How values are written in a unit, so that systemd reads back the same bytes (systemd.syntax(7),
//! systemd.service(5), "Command lines"; measured on 252).

use std::fmt::Write as _;

/// One argument of a command line.
pub(super) fn argument(bytes: &[u8]) -> String {
    if is_plain(bytes) {
        // Only ASCII is plain.
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut quoted = String::with_capacity(bytes.len() + 2);
    quoted.push('"');
    for &byte in bytes {
        match byte {
            b'%' => quoted.push_str("%%"),
            // `\x24` would not do: variables are looked for after unquoting.
            b'$' => quoted.push_str("$$"),
            b'\n' => quoted.push_str("\\n"),
            b'"' | b'\\' | 0..b' ' | 0x7f.. => {
                let _ = write!(quoted, "\\x{byte:02x}");
            }
            _ => quoted.push(char::from(byte)),
        }
    }
    quoted.push('"');
    quoted
}

/// A whole command line.
pub(super) fn command_line<'a>(arguments: impl IntoIterator<Item = &'a [u8]>) -> String {
    arguments.into_iter().map(argument).collect::<Vec<_>>().join(" ")
}

/// A value that is taken as it is, but for `%`.
pub(super) fn raw(text: &str) -> String {
    text.replace('%', "%%")
}

/// Whether nothing in it means anything to systemd, quoted or not.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_./:=@,+-".contains(byte))
}

/// Whether systemd takes it for UTF-8: not with what Unicode reserves (`unichar_is_valid` in its utf8.c).
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    let reserved = |c: char| matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe;
    str::from_utf8(bytes).is_ok_and(|text| !text.contains(reserved))
}

/// A line of an environment file: what systemd unquotes to exactly this value.
pub(super) fn assignment(name: &str, value: &str) -> String {
    let mut line = format!("{name}=\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push_str("\"\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_as_readable_as_can_be() {
        assert_eq!(command_line([&b"/usr/bin/a"[..], b"--port=80", b""]), "/usr/bin/a --port=80 \"\"");
        assert_eq!(argument(b"it's 5% of $HOME"), "\"it's 5%% of $$HOME\"");
        assert_eq!(argument(b"a\"b\\c\nd\te\xff"), "\"a\\x22b\\x5cc\\nd\\x09e\\xff\"");
        assert_eq!(argument(b";"), "\";\"");
    }

    #[test]
    fn what_unicode_reserves_is_no_utf_8_to_systemd() {
        assert!(is_utf8("grüß\u{fffd}\n".as_bytes()));
        for text in ["\u{fffe}", "\u{1ffff}", "\u{fdd0}"] {
            assert!(!is_utf8(text.as_bytes()), "{text:?}");
        }
        assert!(!is_utf8(b"\xff"));
    }

    #[test]
    fn values_are_quoted_as_the_shell_would() {
        assert_eq!(assignment("A", "b c"), "A=\"b c\"\n");
        assert_eq!(assignment("A", "\"\\`$'\n"), "A=\"\\\"\\\\\\`\\$'\n\"\n");
    }
}
