//! Environment files: `NAME=value` lines, read anew at each start and never evaluated. It must not know
//! whose environment they become a part of.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use anysvc_backend_api::{Bytes, expand::is_variable_name};

/// The most that is read of one.
const LONGEST: u64 = 1 << 20;

/// The text of a file. To be called with the rights of the account that the variables are for.
///
/// # Errors
/// When it can't be read, is no file, or is too long.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    Ok(text)
}

/// Never waits for whoever may write to a FIFO.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The variables that a text sets, in order.
///
/// # Errors
/// The number of the first line that is neither empty, nor a comment, nor `NAME=value`.
pub fn parse(text: &[u8]) -> Result<Vec<(Bytes, Bytes)>, usize> {
    let lines = text.split(|b| *b == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"))
        .map(|(at, line)| variable(line).ok_or(at + 1))
        .collect()
}

fn variable(line: &[u8]) -> Option<(Bytes, Bytes)> {
    let at = line.iter().position(|b| *b == b'=')?;
    let (name, value) = (line.get(..at)?, line.get(at + 1..)?);
    let good = std::str::from_utf8(name).is_ok_and(is_variable_name) && !value.contains(&0);
    good.then(|| (Bytes(name.to_vec()), Bytes(value.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_as_they_are() {
        let text = b"# first\n\nA=$HOME 'x' \\\nB=\n#C=2\nB= 2=\xff \nLAST=no newline";
        let pair = |name: &str, value: &[u8]| (Bytes::from(name), Bytes(value.to_vec()));
        let expected =
            [pair("A", b"$HOME 'x' \\"), pair("B", b""), pair("B", b" 2=\xff "), pair("LAST", b"no newline")];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn a_bad_line_is_told_by_its_number() {
        for bad in ["NOEQUALS", "=x", " A=1", "A =1", "1A=1", "A-B=1", "export A=1", "\u{e4}=1", "A=\0"] {
            assert_eq!(parse(format!("# first\n\nA=1\n{bad}\n").as_bytes()), Err(4), "{bad}");
        }
    }
}
