//! How a document is spoilt: a few small edits, each of a kind that finds mistakes in readers.

use std::ops::Range;

use arbtest::arbitrary::{Result, Unstructured};

use crate::Corpus;

/// Most edits at once: more make noise that is refused at its first byte.
const MOST_EDITS: usize = 6;
/// Longer documents say nothing new.
const LONGEST: usize = 64 << 10;
/// Values at the edges of what numbers can be.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];
/// Bytes that end or begin something.
const MARKS: &[u8] = b"\0\n\r\t \"'\\#=.,:-_/[]{}()09azAZ\x1b\x7f\x80\xc2\xff";

/// A document of the corpus, spoilt.
pub(crate) fn document(corpus: &Corpus, choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let which = choices.choose_index(corpus.documents.len())?;
    let mut bytes = corpus.documents[which].clone();
    for _ in 0..=choices.choose_index(MOST_EDITS)? {
        edit(&mut bytes, corpus, which, choices)?;
        bytes.truncate(LONGEST);
    }
    Ok(bytes)
}

fn edit(bytes: &mut Vec<u8>, corpus: &Corpus, which: usize, choices: &mut Unstructured<'_>) -> Result<()> {
    let at = place(bytes, &corpus.telling[which], choices)?;
    match choices.choose_index(10)? {
        0 => put(bytes, at, &[choices.arbitrary()?]),
        1 => put(bytes, at, &[*choices.choose(MARKS)?]),
        2 => bytes.insert(at, *choices.choose(MARKS)?),
        3 => {
            let flipped = bytes.get(at).map(|byte| byte ^ 1 << (at % 8));
            put(bytes, at, flipped.as_slice());
        }
        4 => put(bytes, at, &number(choices)?),
        5 => drop(bytes.drain(range(bytes, at, choices)?)),
        6 => {
            let part = bytes[range(bytes, at, choices)?].to_vec();
            bytes.splice(at..at, part);
        }
        7 => {
            let other = choices.choose(&corpus.documents)?;
            let from = choices.choose_index(other.len() + 1)?;
            let part = other[range(other, from, choices)?].to_vec();
            bytes.splice(range(bytes, at, choices)?, part);
        }
        8 if !corpus.words.is_empty() => {
            let word = choices.choose(&corpus.words)?.clone();
            bytes.splice(at..at, word);
        }
        _ => bytes.truncate(at),
    }
    Ok(())
}

/// A number of some width and byte order.
fn number(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let number = choices.choose(&EDGES)?.wrapping_sub(choices.choose_index(3)? as u64);
    let width = 1 << choices.choose_index(4)?;
    Ok(match choices.arbitrary()? {
        true => number.to_le_bytes()[..width].to_vec(),
        false => number.to_be_bytes()[8 - width..].to_vec(),
    })
}

/// Writes over what is there.
fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (old, new) in bytes.iter_mut().skip(at).zip(new) {
        *old = *new;
    }
}

/// Where to edit: mostly where the document said something.
fn place(bytes: &[u8], telling: &[usize], choices: &mut Unstructured<'_>) -> Result<usize> {
    if telling.is_empty() || choices.ratio(1, 4)? {
        return choices.choose_index(bytes.len() + 1);
    }
    Ok((*choices.choose(telling)?).min(bytes.len()))
}

/// A part that begins there: a few bytes, or the rest of the line with its end.
fn range(bytes: &[u8], at: usize, choices: &mut Unstructured<'_>) -> Result<Range<usize>> {
    let rest = &bytes[at..];
    let length = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) if choices.arbitrary()? => end + 1,
        _ => choices.choose_index(rest.len().min(64) + 1)?,
    };
    Ok(at..at + length)
}
