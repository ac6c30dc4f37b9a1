//! The headers of an ELF file, as far as a dynamic loader would follow them. Every number in the file is
//! taken for a lie until it is within bounds.

#![cfg_attr(target_vendor = "apple", allow(dead_code, reason = "only the names of machines are used"))]

use std::io;

use anysvc_backend_api::abi::NoteFacts;

use super::{Bytes, Unfit, note};

/// Program headers are here nearly always, and notes most of the time.
const FIRST_READ: usize = 1024;
/// More program headers than this no linker makes.
const MOST_HEADERS: u64 = 128;
/// Notes longer than this are not ours.
const LONGEST_NOTES: u64 = 16 * 1024;
/// Ours is among the first.
const MOST_NOTES: usize = 8;

/// A longer dynamic section no linker makes.
const LONGEST_DYNAMIC: u64 = 16 * 1024;
/// The smallest page there is: larger ones are multiples of it.
const PAGE: u64 = 4096;
/// Code that is to reach its data with 32-bit offsets has no more room than this.
const WIDEST: u64 = 1 << 31;

/// The byte order of this program.
const ORDER: u8 = if cfg!(target_endian = "little") { 1 } else { 2 };
/// The version of the format.
const VERSION: u8 = 1;
const ET_DYN: u16 = 3;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;

/// What a dynamic section has to name: strings, symbols, and one of two tables to find them by.
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_HASH: u64 = 4;
const DT_GNU_HASH: u64 = 0x6fff_fef5;

/// Machines that we may be built for, and some whose libraries get mixed up.
const MACHINES: [(u16, &str); 11] = [
    (3, "x86"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (43, "sparc64"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
    (258, "loongarch64"),
];

/// Where the fields lie in files of this program's word size.
#[cfg(target_pointer_width = "64")]
mod place {
    pub(super) const CLASS: u8 = 2;
    pub(super) const WORD: usize = 8;
    pub(super) const HEADER: usize = 64;
    pub(super) const PHOFF: usize = 32;
    pub(super) const SHOFF: usize = 40;
    pub(super) const PHENTSIZE: usize = 54;
    pub(super) const SEGMENT: usize = 56;
    pub(super) const OFFSET: usize = 8;
    pub(super) const VADDR: usize = 16;
    pub(super) const FILESZ: usize = 32;
    pub(super) const MEMSZ: usize = 40;
    pub(super) const SECTION: u64 = 64;
}
#[cfg(target_pointer_width = "32")]
mod place {
    pub(super) const CLASS: u8 = 1;
    pub(super) const WORD: usize = 4;
    pub(super) const HEADER: usize = 52;
    pub(super) const PHOFF: usize = 28;
    pub(super) const SHOFF: usize = 32;
    pub(super) const PHENTSIZE: usize = 42;
    pub(super) const SEGMENT: usize = 32;
    pub(super) const OFFSET: usize = 4;
    pub(super) const VADDR: usize = 8;
    pub(super) const FILESZ: usize = 16;
    pub(super) const MEMSZ: usize = 20;
    pub(super) const SECTION: u64 = 40;
}

/// A part of the file that a program header names.
struct Segment {
    kind: u32,
    offset: u64,
    size: u64,
    address: u64,
    memory: u64,
}

/// The note of a file that could be loaded.
pub(super) fn note(bytes: &dyn Bytes, length: u64) -> io::Result<Result<NoteFacts, Unfit>> {
    let mut first = vec![0; FIRST_READ];
    let filled = bytes.read_at(0, &mut first)?;
    first.truncate(filled);
    match segments(bytes, &first, length)? {
        Ok(segments) if dynamic(bytes, &first, &segments)? => find_note(bytes, &first, &segments),
        Ok(_) => Ok(Err(Unfit::Damaged)),
        Err(unfit) => Ok(Err(unfit)),
    }
}

/// The name of a machine number.
pub(super) fn machine_name(number: u16) -> Option<&'static str> {
    MACHINES.iter().find(|(n, _)| *n == number).map(|(_, name)| *name)
}

fn segments(bytes: &dyn Bytes, first: &[u8], length: u64) -> io::Result<Result<Vec<Segment>, Unfit>> {
    let (table, count) = match header(first, length) {
        Ok(found) => found,
        Err(unfit) => return Ok(Err(unfit)),
    };
    let size = count as usize * place::SEGMENT;
    let Some(raw) = part(bytes, first, table, size)? else { return Ok(Err(Unfit::Truncated)) };
    let segments: Vec<Segment> = raw.chunks_exact(place::SEGMENT).map(segment).collect();
    Ok(check(&segments, length).map(|()| segments))
}

/// Checks the file's header: where the program headers are, and how many.
fn header(first: &[u8], length: u64) -> Result<(u64, u64), Unfit> {
    let Some(magic) = first.get(..4) else {
        return Err(if first.is_empty() { Unfit::Empty } else { Unfit::NotALibrary });
    };
    if magic != b"\x7fELF" {
        return Err(Unfit::NotALibrary);
    }
    if first.len() < place::HEADER {
        return Err(Unfit::Truncated);
    }
    match first[4] {
        class if class == place::CLASS => {}
        1 => return Err(Unfit::Bits32),
        2 => return Err(Unfit::Bits64),
        _ => return Err(Unfit::Damaged),
    }
    match first[5] {
        order if order == ORDER => {}
        1 | 2 => return Err(Unfit::ByteOrder),
        _ => return Err(Unfit::Damaged),
    }
    // There is no other version, and a loader asks for this one.
    if first[6] != VERSION || !first[20..].starts_with(&u32::from(VERSION).to_ne_bytes()) {
        return Err(Unfit::Damaged);
    }
    let machine = half(first, 18);
    if machine_name(machine) != Some(std::env::consts::ARCH) {
        return Err(Unfit::Machine(machine));
    }
    if half(first, 16) != ET_DYN {
        return Err(Unfit::NotShared);
    }
    let (table, count) = (word(first, place::PHOFF), u64::from(half(first, place::PHENTSIZE + 2)));
    if usize::from(half(first, place::PHENTSIZE)) != place::SEGMENT || !(1..=MOST_HEADERS).contains(&count) {
        return Err(Unfit::Damaged);
    }
    // The loader needs no section headers, but linkers put them last, so that they show any cut.
    let (sections, number) = (word(first, place::SHOFF), u64::from(half(first, place::PHENTSIZE + 6)));
    if sections != 0 && !within(sections, number * place::SECTION, length) {
        return Err(Unfit::Truncated);
    }
    Ok((table, count))
}

fn check(segments: &[Segment], length: u64) -> Result<(), Unfit> {
    let has = |kind| segments.iter().any(|segment| segment.kind == kind);
    let missing = |segment: &&Segment| {
        matches!(segment.kind, PT_LOAD | PT_DYNAMIC | PT_NOTE)
            && !within(segment.offset, segment.size, length)
    };
    if has(PT_INTERP) {
        Err(Unfit::NotShared)
    } else if segments.iter().any(|segment| missing(&segment)) {
        Err(Unfit::Truncated)
    } else if !has(PT_LOAD) || !has(PT_DYNAMIC) || !can_be_mapped(segments) {
        Err(Unfit::Damaged)
    } else {
        Ok(())
    }
}

/// Whether the parts that are loaded lie one behind the other, where pages of the file can be put.
fn can_be_mapped(segments: &[Segment]) -> bool {
    let (mut first, mut end) = (None, 0);
    for segment in segments.iter().filter(|segment| segment.kind == PT_LOAD) {
        let base = *first.get_or_insert(segment.address);
        let Some(ends) = segment.address.checked_add(segment.memory) else { return false };
        let in_order = segment.address >= end && ends - base <= WIDEST;
        let in_place = segment.address % PAGE == segment.offset % PAGE;
        if segment.memory == 0 || segment.size > segment.memory || !in_order || !in_place {
            return false;
        }
        end = ends;
    }
    true
}

/// Whether the dynamic section is loaded from where it is said to be, and names what a loader can't do
/// without, within what is loaded.
fn dynamic(bytes: &dyn Bytes, first: &[u8], segments: &[Segment]) -> io::Result<bool> {
    let loaded = || segments.iter().filter(|segment| segment.kind == PT_LOAD);
    let Some(section) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) else { return Ok(false) };
    let in_place = |load: &Segment| {
        section.address.checked_sub(load.address) == section.offset.checked_sub(load.offset)
            && load.holds(section.address, section.size)
    };
    let whole = section.size <= LONGEST_DYNAMIC && section.size.is_multiple_of(2 * place::WORD as u64);
    if !loaded().any(in_place) || !whole {
        return Ok(false);
    }
    let Some(raw) = part(bytes, first, section.offset, section.size as usize)? else { return Ok(false) };
    let entries = raw.chunks_exact(2 * place::WORD).map(|entry| (word(entry, 0), word(entry, place::WORD)));
    let entries: Vec<(u64, u64)> = entries.collect();
    // A loader reads on until the end is marked, wherever that is.
    let Some(end) = entries.iter().position(|(tag, _)| *tag == 0) else { return Ok(false) };
    let entries = &entries[..end];
    let names = |wanted: u64| {
        let mut values = entries.iter().filter(|(tag, _)| *tag == wanted);
        values.any(|(_, address)| loaded().any(|load| load.holds(*address, 1)))
    };
    Ok(names(DT_STRTAB) && names(DT_SYMTAB) && (names(DT_HASH) || names(DT_GNU_HASH)))
}

fn find_note(bytes: &dyn Bytes, first: &[u8], segments: &[Segment]) -> io::Result<Result<NoteFacts, Unfit>> {
    let notes = segments.iter().filter(|segment| segment.kind == PT_NOTE).take(MOST_NOTES);
    for segment in notes {
        let size = segment.size.min(LONGEST_NOTES) as usize;
        if let Some(facts) = part(bytes, first, segment.offset, size)?.and_then(|raw| note::find(&raw)) {
            return Ok(Ok(facts));
        }
    }
    Ok(Err(Unfit::NoNote))
}

/// Some bytes of the file, from the first read if they are in it; nothing when the file ends before.
fn part<'b>(
    bytes: &dyn Bytes,
    first: &'b [u8],
    at: u64,
    size: usize,
) -> io::Result<Option<std::borrow::Cow<'b, [u8]>>> {
    let start = usize::try_from(at).unwrap_or(usize::MAX);
    if let Some(slice) = start.checked_add(size).and_then(|end| first.get(start..end)) {
        return Ok(Some(slice.into()));
    }
    if at.checked_add(size as u64).is_none_or(|end| i64::try_from(end).is_err()) {
        return Ok(None);
    }
    let mut buffer = vec![0; size];
    let filled = bytes.read_at(at, &mut buffer)?;
    Ok((filled == size).then(|| buffer.into()))
}

fn segment(raw: &[u8]) -> Segment {
    let kind = u32::from_ne_bytes([raw[0], raw[1], raw[2], raw[3]]);
    let field = |at| word(raw, at);
    Segment {
        kind,
        offset: field(place::OFFSET),
        size: field(place::FILESZ),
        address: field(place::VADDR),
        memory: field(place::MEMSZ),
    }
}

impl Segment {
    /// Whether these addresses are filled from the file by it.
    fn holds(&self, address: u64, size: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|start| within(start, size, self.size))
    }
}

fn within(offset: u64, size: u64, length: u64) -> bool {
    offset.checked_add(size).is_some_and(|end| end <= length)
}

/// A 16-bit field of a header whose length was checked.
fn half(raw: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([raw[at], raw[at + 1]])
}

/// A field of the word size of a header whose length was checked.
fn word(raw: &[u8], at: usize) -> u64 {
    let mut bytes = [0; size_of::<usize>()];
    bytes.copy_from_slice(&raw[at..at + place::WORD]);
    usize::from_ne_bytes(bytes) as u64
}
