//! Whatever a library's file holds: what is called fit, an independent reader of ELF finds fit as well,
//! with the same note; and a look costs a few small reads, whatever the numbers in the file.

use std::cell::Cell;

use anysvc_backend_api::abi::{NOTE_TYPE, NoteFacts};
use anysvc_fuzz::{Corpus, fuzz};
use object::{
    NativeEndian as Endian,
    elf::{self, FileHeader64},
    read::elf::{Dyn as _, FileHeader as _, NoteIterator, ProgramHeader as _},
};

use super::*;
use tests::{good, our_note};

/// A file that counts what is read of it.
struct Counted<'f> {
    file: &'f [u8],
    reads: Cell<usize>,
    bytes: Cell<usize>,
}

impl Bytes for Counted<'_> {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + buffer.len());
        assert!(i64::try_from(at + buffer.len() as u64).is_ok(), "pread(2) takes no such place");
        self.file.to_vec().read_at(at, buffer)
    }
}

/// The notes of ours in a file, by the other reader; `None` when it finds that it could not be loaded.
fn by_object(file: &[u8]) -> Option<Vec<NoteFacts>> {
    let header = FileHeader64::<Endian>::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, file).ok()?;
    let has = |kind| segments.iter().any(|segment| segment.p_type(endian) == kind);
    let shared = header.e_type(endian) == elf::ET_DYN && !has(elf::PT_INTERP);
    if !shared || !has(elf::PT_LOAD) || !has(elf::PT_DYNAMIC) {
        return None;
    }
    let dynamic = segments.iter().find_map(|segment| segment.dynamic(endian, file).ok().flatten())?;
    dynamic.iter().any(|entry| entry.tag(endian) == elf::DT_STRTAB).then_some(())?;
    let mut found = Vec::new();
    for segment in segments {
        let Ok(data) = segment.data(endian, file) else { continue };
        if segment.p_type(endian) != elf::PT_NOTE {
            continue;
        }
        // Ours are aligned to four bytes, whatever the segment is.
        let Ok(mut notes) = NoteIterator::<FileHeader64<Endian>>::new(endian, 4, data) else { continue };
        while let Ok(Some(note)) = notes.next() {
            if note.name() == b"anysvc" && note.n_type(endian).0 == NOTE_TYPE {
                found.extend(NoteFacts::from_descriptor(note.desc()));
            }
        }
    }
    Some(found)
}

/// Where the last part that is loaded ends, by the other reader.
fn loaded(file: &[u8]) -> usize {
    let header = FileHeader64::<Endian>::parse(file).expect("a header");
    let endian = header.endian().expect("a byte order");
    let segments = header.program_headers(endian, file).expect("program headers");
    let loads = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD);
    let ends = loads.map(|segment| segment.p_offset(endian) + segment.p_filesz(endian));
    ends.max().expect("something that is loaded") as usize
}

#[test]
fn libraries() {
    let corpus = Corpus::of("library").with(good().0).words(&[&our_note(1)[..], b"\x7fELF", b"anysvc\0\0"]);
    fuzz(corpus, |document| {
        let counted = Counted { file: document, reads: Cell::new(0), bytes: Cell::new(0) };
        let outcome = inspect(&counted, document.len() as u64).expect("a slice can be read");
        // The first, the program headers, the dynamic section, and eight segments of notes.
        assert!(counted.reads.get() <= 11, "{} reads", counted.reads.get());
        assert!(counted.bytes.get() <= 4096 + 128 * 56 + 9 * 16 * 1024, "{} bytes", counted.bytes.get());
        match outcome {
            Ok(facts) => {
                let found = by_object(document).expect("the other reader finds it fit");
                assert!(found.contains(&facts), "{facts:?} is not among {found:?}");
                assert_eq!(facts.major, API_MAJOR);
                // A file that ends before what is loaded would kill whoever opens it.
                let shorter = document[..loaded(document) - 1].to_vec();
                let outcome = inspect(&shorter, shorter.len() as u64).expect("a slice can be read");
                assert_eq!(outcome, Err(Unfit::Truncated));
            }
            Err(unfit) => {
                let error = unfit.error(Path::new("/x.so"));
                assert!(error.message.starts_with("/x.so ") && error.hint.is_some());
            }
        }
    });
}
