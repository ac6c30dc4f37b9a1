//! Quoting for /bin/sh: whatever the bytes, the shell gives them back. Knows nothing of scripts.

/// One word of a POSIX shell that stands for exactly these bytes (which hold no NUL: no argument can).
pub fn sh(bytes: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./:@%+,".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut word = Vec::with_capacity(bytes.len() + 2);
    word.push(b'\'');
    for &byte in bytes {
        if byte == b'\'' {
            // A quoted string has no escapes: it is closed, a quote is added, and it is opened again.
            word.extend_from_slice(b"'\\''");
        } else {
            word.push(byte);
        }
    }
    word.push(b'\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Command};

    /// Numbers that are the same in every run, so that a failure can be repeated.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            // xorshift64*, Vigna 2014.
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }

        fn word(&mut self) -> Vec<u8> {
            const NASTY: &[u8] =
                b"'\"$`\\\n\t *?[]{}()<>|&;!#~=%-a\x7f\x80\x81\x82\x83\x84\x85\x86\x87\x88\xff";
            let length = self.next() % 20;
            (0..length)
                .map(|_| match self.next() % 3 {
                    0 => (self.next() % 255 + 1) as u8,
                    _ => NASTY[self.next() as usize % NASTY.len()],
                })
                .collect()
        }
    }

    /// The shells that are on this machine.
    fn shells() -> Vec<Vec<&'static str>> {
        let known = [vec!["/bin/sh"], vec!["/bin/dash"], vec!["/bin/bash"], vec!["/bin/busybox", "sh"]];
        known.into_iter().filter(|shell| std::path::Path::new(shell[0]).exists()).collect()
    }

    #[test]
    fn every_shell_gives_back_whatever_it_was() {
        let mut numbers = Numbers(0x5eed);
        let mut all: Vec<Vec<u8>> = (1..=255).map(|byte| vec![byte]).collect();
        all.extend(
            [&b""[..], b"-n", b"--", b"~root", b"a=b", b"it's", b"''", b"$(id)", b"\\\n"].map(<[u8]>::to_vec),
        );
        all.extend((0..2000).map(|_| numbers.word()));
        let mut script = b"printf '%s\\0'".to_vec();
        for word in &all {
            script.push(b' ');
            script.extend(sh(word));
        }
        let expected: Vec<u8> = all.iter().flat_map(|word| [word, &b"\0"[..]].concat()).collect();
        for shell in shells() {
            for locale in ["C", "C.UTF-8"] {
                let mut command = Command::new(shell[0]);
                command.args(&shell[1..]).arg("-c").arg(OsStr::from_bytes(&script)).env("LC_ALL", locale);
                let output = command.output().unwrap();
                assert!(output.stdout == expected, "{shell:?}, {locale}: other bytes came back");
            }
        }
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(sh(b"/usr/bin/a-b_c.d"), b"/usr/bin/a-b_c.d");
        assert_eq!(sh(b"it's"), b"'it'\\''s'");
        assert_eq!(sh(b""), b"''");
    }
}
