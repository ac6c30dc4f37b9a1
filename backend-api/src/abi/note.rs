//! The note that identifies a plugin's file before any of its code runs, and the fingerprint that
//! tells whether host and plugin were built with the very same ABI.
//!
//! In an ELF file it is a SHT_NOTE section (found through PT_NOTE): name `anysvc`, type 1, and a
//! descriptor of major, minor (both u32, native order) and the fingerprint (u64). This file must not
//! know how files are read.

/// Major version of the API. Host and plugin must agree.
pub const API_MAJOR: u32 = 1;
/// Minor version of the API: grows with each addition; old and new work together.
pub const API_MINOR: u32 = 0;

/// The name in the note, NUL included, padded to four bytes.
pub const NOTE_NAME: [u8; 8] = *b"anysvc\0\0";
/// The length of the name, NUL included, before padding.
pub const NOTE_NAME_LEN: u32 = 7;
/// The type of the note.
pub const NOTE_TYPE: u32 = 1;

/// The note as it lies in the file.
#[repr(C, align(4))]
pub struct Note {
    name_len: u32,
    desc_len: u32,
    kind: u32,
    name: [u8; 8],
    major: u32,
    minor: u32,
    fingerprint: [u32; 2],
}

impl Note {
    /// The note of a plugin that is built with this crate.
    pub const THIS: Note = Note {
        name_len: NOTE_NAME_LEN,
        desc_len: 16,
        kind: NOTE_TYPE,
        name: NOTE_NAME,
        major: API_MAJOR,
        minor: API_MINOR,
        fingerprint: [FINGERPRINT as u32, (FINGERPRINT >> 32) as u32],
    };

    /// A note with other versions, for tests of hosts.
    pub const fn with_version(mut self, major: u32, minor: u32) -> Note {
        self.major = major;
        self.minor = minor;
        self
    }
}

/// What a host reads out of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteFacts {
    /// Major version of the API that the plugin was built with.
    pub major: u32,
    /// Minor version of the API that the plugin was built with.
    pub minor: u32,
    /// Its [`FINGERPRINT`].
    pub fingerprint: u64,
}

impl NoteFacts {
    /// Reads the descriptor of a note; `None` when it is too short. Longer ones are fine: a later
    /// minor version may append.
    pub fn from_descriptor(bytes: &[u8]) -> Option<NoteFacts> {
        let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(NoteFacts {
            major: word(0)?,
            minor: word(4)?,
            fingerprint: u64::from(word(8)?) | u64::from(word(12)?) << 32,
        })
    }
}

/// A hash of everything that decides the layout of what crosses: the sources of the frozen types, the
/// exact abi_stable, and the target. Equal fingerprints make the layout check unnecessary.
pub const FINGERPRINT: u64 = {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    hash = fnv(hash, include_bytes!("types.rs"));
    hash = fnv(hash, include_bytes!("module.rs"));
    // Pinned with `=` in the workspace's Cargo.toml.
    hash = fnv(hash, b"abi_stable 0.11.3");
    hash = fnv(hash, std::env::consts::ARCH.as_bytes());
    hash = fnv(hash, std::env::consts::OS.as_bytes());
    hash = fnv(hash, if cfg!(target_env = "musl") { b"musl" } else { b"other" });
    fnv(hash, &[size_of::<usize>() as u8])
};

const fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_gives_back_what_the_note_says() {
        let note = Note::THIS;
        let words = [note.major, note.minor, note.fingerprint[0], note.fingerprint[1]];
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        let facts = NoteFacts::from_descriptor(&bytes).unwrap();
        assert_eq!((facts.major, facts.minor, facts.fingerprint), (API_MAJOR, API_MINOR, FINGERPRINT));
        assert_eq!(NoteFacts::from_descriptor(&bytes[..15]), None);
    }

    #[test]
    fn the_pinned_abi_stable_is_the_one_in_the_fingerprint() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains("name = \"abi_stable\"\nversion = \"0.11.3\""), "change note.rs with it");
    }
}
