//! Libraries that are not ELF (Mach-O, PE): is it one at all, and is our note in it? The whole file is
//! searched, which takes longer than following headers; that parts are missing is not noticed. Both end
//! when the headers of these formats are read here as those of ELF are.

use std::io;

use anysvc_backend_api::abi::{NOTE_NAME, NOTE_NAME_LEN, NOTE_TYPE, NoteFacts};

use super::{Bytes, Unfit};

/// Longer libraries are not backends.
const LONGEST: u64 = 256 * 1024 * 1024;
/// How much is searched at a time.
const CHUNK: usize = 256 * 1024;
/// The note: three numbers, the name, sixteen bytes.
const NOTE: usize = 36;
const DESCRIPTOR: usize = 20;

/// The first bytes of Mach-O files for 64-bit machines, of universal ones, and of PE files.
const MAGIC: [&[u8]; 3] = [b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ"];

/// The note of a file that may be a library.
pub(super) fn note(bytes: &dyn Bytes, length: u64) -> io::Result<Result<NoteFacts, Unfit>> {
    if length == 0 {
        return Ok(Err(Unfit::Empty));
    }
    let mut window = vec![0; CHUNK + NOTE];
    let mut at = 0;
    while at < length.min(LONGEST) {
        let filled = bytes.read_at(at, &mut window)?;
        let here = &window[..filled];
        if at == 0 && !MAGIC.iter().any(|magic| here.starts_with(magic)) {
            return Ok(Err(Unfit::NotALibrary));
        }
        if let Some(facts) = find(here) {
            return Ok(Ok(facts));
        }
        // Windows overlap, so that a note across their border is seen whole.
        at += CHUNK as u64;
    }
    Ok(Err(Unfit::NoNote))
}

fn find(window: &[u8]) -> Option<NoteFacts> {
    let mut start = [0; DESCRIPTOR];
    for (field, number) in [NOTE_NAME_LEN, 16, NOTE_TYPE].into_iter().enumerate() {
        start[4 * field..][..4].copy_from_slice(&number.to_ne_bytes());
    }
    start[12..].copy_from_slice(&NOTE_NAME);
    let at = window.windows(NOTE).position(|note| note.starts_with(&start))?;
    NoteFacts::from_descriptor(&window[at + DESCRIPTOR..at + NOTE])
}

#[cfg(test)]
mod tests {
    use anysvc_backend_api::abi::{API_MAJOR, FINGERPRINT};

    use super::*;

    fn library(note_at: usize) -> Vec<u8> {
        let mut file = b"\xcf\xfa\xed\xfe".to_vec();
        file.resize(3 * CHUNK, 0);
        let mut note = Vec::new();
        for word in [7, 16, 1] {
            note.extend(u32::to_ne_bytes(word));
        }
        note.extend(b"anysvc\0\0");
        for word in [API_MAJOR, 0, FINGERPRINT as u32, (FINGERPRINT >> 32) as u32] {
            note.extend(word.to_ne_bytes());
        }
        file[note_at..note_at + NOTE].copy_from_slice(&note);
        file
    }

    fn look(file: &Vec<u8>) -> Result<NoteFacts, Unfit> {
        note(file, file.len() as u64).expect("a slice can be read")
    }

    #[test]
    fn finds_the_note_wherever_it_is() {
        for at in [4, 1001, CHUNK - 1, CHUNK, CHUNK + NOTE - 1, 2 * CHUNK - 20, 3 * CHUNK - NOTE] {
            assert_eq!(look(&library(at)).map(|note| note.fingerprint), Ok(FINGERPRINT), "at {at}");
        }
    }

    #[test]
    fn refuses_what_has_none_and_what_is_no_library() {
        assert_eq!(look(&Vec::new()), Err(Unfit::Empty));
        assert_eq!(look(&b"#!/bin/sh".to_vec()), Err(Unfit::NotALibrary));
        let mut cut = library(CHUNK);
        cut.truncate(CHUNK + NOTE - 1);
        assert_eq!(look(&cut), Err(Unfit::NoNote));
    }
}
