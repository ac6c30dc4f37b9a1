//! The journal's export format: entries of fields, as text or with their length where they hold anything
//! else (systemd's JOURNAL_EXPORT_FORMATS). It knows no service and no process.

/// One entry: only the fields that were kept.
pub(super) type Entry = Vec<(String, Vec<u8>)>;

/// More than any entry that journald takes.
const LONGEST: u64 = 1 << 30;

/// Entries out of bytes that come in pieces.
#[derive(Debug, Default)]
pub(super) struct Parser {
    buffer: Vec<u8>,
    /// How much of the buffer has been used.
    used: usize,
    entry: Entry,
}

/// It is no export format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbled;

impl Parser {
    /// Takes more bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next entry that is complete.
    ///
    /// # Errors
    /// Where a length makes no sense.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Garbled> {
        loop {
            let rest = &self.buffer[self.used..];
            let Some(end) = memchr::memchr(b'\n', rest) else { return Ok(None) };
            let line = &rest[..end];
            if line.is_empty() {
                self.used += 1;
                if !self.entry.is_empty() {
                    return Ok(Some(std::mem::take(&mut self.entry)));
                }
                continue;
            }
            let (name, value, length) = match memchr::memchr(b'=', line) {
                Some(at) => (&line[..at], &line[at + 1..], end + 1),
                None => match binary(&rest[end + 1..])? {
                    Some(value) => (line, value, end + 1 + 8 + value.len() + 1),
                    None => return Ok(None),
                },
            };
            self.entry.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
            self.used += length;
        }
    }
}

/// A value with its length before it and a newline behind; `None` as long as not all of it is there.
fn binary(rest: &[u8]) -> Result<Option<&[u8]>, Garbled> {
    let Some((length, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
    let length = u64::from_le_bytes(*length);
    if length > LONGEST {
        return Err(Garbled);
    }
    let length = usize::try_from(length).map_err(|_| Garbled)?;
    match rest.get(length) {
        None => Ok(None),
        Some(b'\n') => Ok(Some(&rest[..length])),
        Some(_) => Err(Garbled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut bytes = b"__CURSOR=c1\nMESSAGE=a=b\n\nMESSAGE\n".to_vec();
        bytes.extend(5u64.to_le_bytes());
        bytes.extend(b"x\n\n\xff=\n_PID=1\n\n");
        bytes
    }

    fn entries(pieces: &[&[u8]]) -> Vec<Entry> {
        let mut parser = Parser::default();
        let mut entries = Vec::new();
        for piece in pieces {
            parser.feed(piece);
            while let Some(entry) = parser.next().unwrap() {
                entries.push(entry);
            }
        }
        entries
    }

    #[test]
    fn entries_come_whole_however_they_are_cut() {
        let field = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let expected = vec![
            vec![field("__CURSOR", b"c1"), field("MESSAGE", b"a=b")],
            vec![field("MESSAGE", b"x\n\n\xff="), field("_PID", b"1")],
        ];
        let bytes = sample();
        assert_eq!(entries(&[&bytes]), expected);
        for at in 0..bytes.len() {
            assert_eq!(entries(&[&bytes[..at], &bytes[at..]]), expected, "cut at {at}");
        }
    }

    #[test]
    fn a_length_that_is_not_true_is_no_entry() {
        for (length, rest) in [(u64::MAX, &b""[..]), (1, b"ab\n")] {
            let mut parser = Parser::default();
            parser.feed(&[b"MESSAGE\n", &length.to_le_bytes()[..], rest].concat());
            assert_eq!(parser.next(), Err(Garbled));
        }
    }
}
