//! The tool itself: it finds mistakes, and it tries what it was given.

use std::cell::{Cell, RefCell};

use crate::{Corpus, fuzz};

#[test]
#[should_panic(expected = "out of range for slice")]
fn a_length_that_is_believed_is_found() {
    fuzz(Corpus::of("nothing").with(b"\x03abc"), |document| {
        if let Some((length, rest)) = document.split_first() {
            let _ = &rest[..usize::from(*length)];
        }
    });
}

#[test]
#[should_panic(expected = "a word twice")]
fn a_mistake_behind_two_edits_is_found() {
    fuzz(Corpus::of("nothing").with("name = 1\n").words(&["deep"]), |document| {
        assert!(document.windows(4).filter(|window| *window == b"deep").count() < 2, "a word twice");
    });
}

#[test]
fn the_corpus_comes_first_and_much_after_it() {
    let (seen, count) = (RefCell::new(Vec::new()), Cell::new(0));
    fuzz(Corpus::of("nothing").with("").with("xy"), |document| {
        count.set(count.get() + 1);
        if count.get() <= 2 {
            seen.borrow_mut().push(document.to_vec());
        }
    });
    assert_eq!(seen.into_inner(), [b"".to_vec(), b"xy".to_vec()]);
    assert!(count.get() > 100, "only {} documents", count.get());
}

#[test]
#[should_panic(expected = "a corpus without a document")]
fn an_empty_corpus_is_a_mistake() {
    fuzz(Corpus::of("nothing"), |_| ());
}
