//! Finding the last lines of a file from its end, so that the rest need not be read.

use std::os::unix::fs::FileExt;

use super::folder::Opened;

/// Where the last `count` lines of a file begin, and how many there are. A last line without an end is
/// one too.
///
/// # Errors
/// When it can't be read.
pub(super) fn last_lines(opened: &Opened, count: u64) -> std::io::Result<(u64, u64)> {
    const BLOCK: usize = 64 << 10;
    let mut buffer = vec![0; BLOCK];
    let size = opened.size();
    let (mut position, mut found) = (size, 0);
    if count == 0 || size == 0 {
        return Ok((size, 0));
    }
    while position > 0 {
        let length = (position as usize).min(BLOCK);
        let start = position - length as u64;
        opened.file.read_exact_at(&mut buffer[..length], start)?;
        for (index, byte) in buffer[..length].iter().enumerate().rev() {
            let at = start + index as u64;
            // The end of the last line separates nothing.
            if *byte == b'\n' && at + 1 < size {
                found += 1;
                if found == count {
                    return Ok((at + 1, count));
                }
            }
        }
        position = start;
    }
    Ok((0, found + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn last(text: &[u8], count: u64) -> (u64, u64) {
        let path = std::env::temp_dir().join(format!("anysvc-tail-{}-{count}", std::process::id()));
        let mut file =
            std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path);
        file.as_mut().unwrap().write_all(text).unwrap();
        std::fs::remove_file(path).unwrap();
        last_lines(&Opened { identity: (0, 0), file: file.unwrap() }, count).unwrap()
    }

    #[test]
    fn the_last_lines_of_a_file_begin_where_they_should() {
        assert_eq!(last(b"", 5), (0, 0));
        assert_eq!(last(b"a\nb\nc\n", 0), (6, 0));
        assert_eq!(last(b"a\nb\nc\n", 1), (4, 1));
        assert_eq!(last(b"a\nb\nc\n", 2), (2, 2));
        assert_eq!(last(b"a\nb\nc\n", 3), (0, 3));
        assert_eq!(last(b"a\nb\nc\n", 9), (0, 3));
        assert_eq!(last(b"a\nb\nc", 1), (4, 1));
        assert_eq!(last(b"\n\n\n", 2), (1, 2));
        let long = [vec![b'x'; 200_000], b"\ny\n".to_vec()].concat();
        assert_eq!(last(&long, 1), (200_001, 1));
        assert_eq!(last(&long, 2), (0, 2));
    }
}
