//! Made-up files: one good one, and every way to spoil it. Nothing here is loaded.

use anysvc_backend_api::abi::{FINGERPRINT, Note};

use super::*;

impl Bytes for Vec<u8> {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.get(usize::try_from(at).expect("an offset")..).unwrap_or_default();
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }
}

fn look(file: &[u8]) -> Result<NoteFacts, Unfit> {
    inspect(&file.to_vec(), file.len() as u64).expect("a slice can be read")
}

const NOTE_AT: usize = 0x400;
const DYNAMIC_AT: usize = 0x2000;
const LENGTH: usize = 0x3000;

/// Bytes of the good file that a test changes.
pub(super) struct Draft(pub(super) Vec<u8>);

impl Draft {
    fn put(mut self, at: usize, bytes: &[u8]) -> Draft {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn word(self, at: usize, value: u64) -> Draft {
        self.put(at, &value.to_ne_bytes())
    }

    fn half(self, at: usize, value: u16) -> Draft {
        self.put(at, &value.to_ne_bytes())
    }

    fn segment(self, index: usize, kind: u32, offset: u64, size: u64) -> Draft {
        let at = 64 + index * 56;
        let placed = self.put(at, &kind.to_ne_bytes()).word(at + 8, offset).word(at + 16, offset);
        placed.word(at + 32, size).word(at + 40, size)
    }

    /// Another address or size in memory than in the file.
    fn memory(self, index: usize, address: u64, size: u64) -> Draft {
        let at = 64 + index * 56;
        self.word(at + 16, address).word(at + 40, size)
    }

    fn entry(self, index: usize, tag: u64, value: u64) -> Draft {
        let at = DYNAMIC_AT + index * 16;
        self.word(at, tag).word(at + 8, value)
    }
}

fn note(name: &[u8; 8], kind: u32, words: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [7, words.len() as u32 * 4, kind] {
        bytes.extend(u32::to_ne_bytes(word));
    }
    bytes.extend(name);
    words.iter().for_each(|word| bytes.extend(word.to_ne_bytes()));
    bytes
}

pub(super) fn our_note(major: u32) -> Vec<u8> {
    note(b"anysvc\0\0", 1, &[major, 0, FINGERPRINT as u32, (FINGERPRINT >> 32) as u32])
}

/// A 64-bit shared library of this machine, as far as we look: headers, note, what is loaded, and a
/// dynamic section in it.
pub(super) fn good() -> Draft {
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    Draft(vec![0; LENGTH])
        .put(0, b"\x7fELF\x02\x01\x01")
        .half(16, 3)
        .half(18, machine)
        .put(20, &1u32.to_ne_bytes())
        .word(32, 64)
        .word(40, LENGTH as u64 - 64)
        .half(54, 56)
        .half(56, 3)
        .half(60, 1)
        .segment(0, 1, 0, 0x2800)
        .segment(1, 2, DYNAMIC_AT as u64, 0x100)
        .entry(0, 1, 0x7777_7777)
        .entry(1, 5, 0x1000)
        .entry(2, 6, 0x1100)
        .entry(3, 0x6fff_fef5, 0x1200)
        .segment(2, 4, NOTE_AT as u64, our_note(1).len() as u64)
        .put(NOTE_AT, &our_note(1))
}

#[test]
fn a_good_file_says_what_its_note_says() {
    let expected = NoteFacts { major: API_MAJOR, minor: API_MINOR, fingerprint: FINGERPRINT };
    assert_eq!(look(&good().0), Ok(expected));
}

#[test]
fn the_note_made_here_is_the_one_that_plugins_have() {
    let real: Vec<u8> = {
        let note = Note::THIS;
        // SAFETY: `Note` is repr(C) of 4-byte words without padding, and lives through the copy.
        unsafe { std::slice::from_raw_parts((&raw const note).cast::<u8>(), size_of::<Note>()) }.to_vec()
    };
    assert_eq!(real, our_note(API_MAJOR));
}

#[test]
fn each_spoilt_file_has_its_own_fault() {
    let cases: Vec<(Vec<u8>, Unfit)> = vec![
        (vec![], Unfit::Empty),
        (b"#!/bin/sh\n".to_vec(), Unfit::NotALibrary),
        (b"\x7f".to_vec(), Unfit::NotALibrary),
        (vec![0; LENGTH], Unfit::NotALibrary),
        (b"!<arch>\n".repeat(600), Unfit::NotALibrary),
        (b"\x7fELF\x02\x01\x01".to_vec(), Unfit::Truncated),
        (good().put(4, &[1]).0, Unfit::Bits32),
        (good().put(4, &[9]).0, Unfit::Damaged),
        (good().put(5, &[2]).0, Unfit::ByteOrder),
        (good().put(5, &[0]).0, Unfit::Damaged),
        (good().put(6, &[2]).0, Unfit::Damaged),
        (good().put(20, &[0; 4]).0, Unfit::Damaged),
        (good().half(18, 40).0, Unfit::Machine(40)),
        (good().half(18, 9999).0, Unfit::Machine(9999)),
        (good().half(16, 1).0, Unfit::NotShared),
        (good().half(16, 4).0, Unfit::NotShared),
        (good().segment(1, 3, 0, 10).0, Unfit::NotShared),
        (good().half(54, 57).0, Unfit::Damaged),
        (good().half(56, 0).0, Unfit::Damaged),
        (good().half(56, 60_000).0, Unfit::Damaged),
        (good().word(32, u64::MAX - 10).0, Unfit::Truncated),
        (good().word(32, LENGTH as u64).0, Unfit::Truncated),
        (good().word(40, LENGTH as u64).0, Unfit::Truncated),
        (good().segment(0, 1, 0x2000, 0x1001).0, Unfit::Truncated),
        (good().segment(0, 1, u64::MAX, 1).0, Unfit::Truncated),
        (good().segment(1, 2, 0, u64::MAX).0, Unfit::Truncated),
        (good().segment(1, 0, 0, 0).0, Unfit::Damaged),
        (good().segment(0, 0, 0, 0).0, Unfit::Damaged),
        (good().memory(0, 0, 0x27ff).0, Unfit::Damaged),
        (good().segment(0, 1, 0, 0).0, Unfit::Damaged),
        (good().memory(0, 0x10, 0x2800).0, Unfit::Damaged),
        (good().memory(0, 0, (1 << 31) + 1).0, Unfit::Damaged),
        (good().memory(0, u64::MAX - 0xfff, 0x2800).0, Unfit::Damaged),
        (good().segment(2, 1, 0x2000, 0x100).0, Unfit::Damaged),
        (good().segment(2, 1, 0x2000, 0x100).memory(2, 1 << 40, 0x100).0, Unfit::Damaged),
        (good().segment(1, 2, 0, 0).0, Unfit::Damaged),
        (good().segment(1, 2, 0x2780, 0x100).0, Unfit::Damaged),
        (good().memory(1, 0x1000, 0x100).0, Unfit::Damaged),
        (good().put(DYNAMIC_AT, &[0; 0x100]).0, Unfit::Damaged),
        (good().segment(1, 2, DYNAMIC_AT as u64, 0x108).0, Unfit::Damaged),
        (good().segment(1, 2, DYNAMIC_AT as u64, 0x40).0, Unfit::Damaged),
        (good().entry(1, 0, 0).0, Unfit::Damaged),
        (good().entry(1, 5, 0x2800).0, Unfit::Damaged),
        (good().entry(2, 6, u64::MAX).0, Unfit::Damaged),
        (good().entry(3, 7, 0x1200).0, Unfit::Damaged),
        (good().segment(2, 0, 0, 0).0, Unfit::NoNote),
        (good().segment(2, 4, NOTE_AT as u64, 11).0, Unfit::NoNote),
        (good().put(NOTE_AT, &[0; 64]).0, Unfit::NoNote),
        (good().put(NOTE_AT, &[0xff; 36]).0, Unfit::NoNote),
        (good().put(NOTE_AT + 12, b"other\0\0\0").0, Unfit::NoNote),
        (good().put(NOTE_AT, &our_note(2)).0, Unfit::Major(2, 0)),
        (good().put(NOTE_AT, &our_note(0)).0, Unfit::Major(0, 0)),
    ];
    for (index, (file, fault)) in cases.into_iter().enumerate() {
        assert_eq!(look(&file), Err(fault), "case {index}");
    }
}

#[test]
fn a_note_is_found_behind_others_and_beyond_the_first_read() {
    let mut notes = note(b"GNU\0\0\0\0\0", 3, &[1, 2, 3]);
    notes.extend(our_note(1));
    let behind = good().put(0x2100, &notes).segment(2, 4, 0x2100, notes.len() as u64);
    assert!(look(&behind.0).is_ok());
}

#[test]
fn cut_anywhere_it_is_refused() {
    let whole = good().0;
    for length in 0..whole.len() {
        assert!(look(&whole[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn texts_differ_and_name_versions_and_machines() {
    let all = [
        Unfit::Empty,
        Unfit::NotALibrary,
        Unfit::Damaged,
        Unfit::Truncated,
        Unfit::Bits32,
        Unfit::Bits64,
        Unfit::ByteOrder,
        Unfit::Machine(40),
        Unfit::Machine(9999),
        Unfit::NotShared,
        Unfit::NoNote,
        Unfit::Major(2, 7),
    ];
    let texts: std::collections::HashSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all.len());
    let error = Unfit::Major(2, 7).error(Path::new("/x.so"));
    assert_eq!(
        error.message,
        format!("/x.so is made for API 2.7, and this anysvc has {API_MAJOR}.{API_MINOR}")
    );
    assert_eq!((error.kind, error.hint.as_deref()), (ErrorKind::Plugin, Some("update anysvc")));
    assert!(Unfit::Machine(40).to_string().contains("another machine: arm, and this anysvc is for"));
}

#[test]
fn random_damage_is_survived() {
    let whole = good().0;
    let mut seed = 1_u64;
    let mut roll = |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % sides
    };
    for _ in 0..100_000 {
        let mut file = whole.clone();
        // Mostly where the headers and the note are: elsewhere nobody looks.
        for _ in 0..=roll(4) {
            let at = if roll(4) == 0 { NOTE_AT + roll(36) } else { roll(64 + 3 * 56) };
            file[at] = if roll(2) == 0 { 0xff } else { roll(256) as u8 };
        }
        file.truncate(if roll(8) == 0 { roll(LENGTH) } else { LENGTH });
        let _ = look(&file);
    }
}
