//! What the fuzz targets of all crates share. It knows nothing of what they read.
//!
//! A target is a function of a document (any bytes) that panics where a property does not hold: what is
//! read can be written and read again, two readers agree, a refusal says where. That nothing panics is
//! not a property worth a target of its own. Targets stand in a `#[cfg(test)] mod fuzz` beside what they
//! test:
//!
//! ```
//! use anysvc_fuzz::{Corpus, fuzz};
//!
//! fuzz(Corpus::of("numbers").with("17"), |document| {
//!     let Ok(text) = str::from_utf8(document) else { return };
//!     let Ok(number) = text.parse::<u8>() else { return };
//!     assert_eq!(number.to_string().parse(), Ok(number));
//! });
//! ```
//!
//! First every document of the corpus is tried as it is, then spoilt ones for as long as
//! `ARBTEST_BUDGET_MS` says (a tenth of a second where it says nothing). A failure says where the document is:
//! put it into `corpus/TARGET/`, where it is tried on every run from then on.

mod corpus;
mod spoil;
#[cfg(test)]
mod tests;

pub use arbtest::arbitrary::{Result, Unstructured};
pub use corpus::Corpus;

/// More choices than a document's edits take are not made.
const MOST_CHOICES: u32 = 256;

/// Tries a target on the documents of a corpus, and then on spoilt ones.
///
/// # Panics
/// As the target does, and when the corpus is empty.
pub fn fuzz(corpus: Corpus, target: impl Fn(&[u8])) {
    assert!(!corpus.documents.is_empty(), "a corpus without a document: spoiling nothing finds nothing");
    for document in &corpus.documents {
        watched(document, |document| target(document));
    }
    check(|choices| {
        let document = spoil::document(&corpus, choices)?;
        watched(&document, |document| target(document));
        Ok(())
    });
}

/// Tries a target on whatever its choices lead to, where there is no document to spoil.
///
/// # Panics
/// As the target does.
pub fn check(target: impl FnMut(&mut Unstructured<'_>) -> Result<()>) {
    arbtest::arbtest(target).size_max(MOST_CHOICES).run();
}

/// Keeps the document, if the target panics.
fn watched(document: &[u8], target: impl FnOnce(&[u8])) {
    let watch = Watch(document);
    target(document);
    drop(watch);
}

struct Watch<'d>(&'d [u8]);

impl Drop for Watch<'_> {
    #[expect(clippy::print_stderr, reason = "a failed test says what it failed at")]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let document = self.0;
        let test = std::thread::current().name().unwrap_or("main").replace("::", "-");
        let file = std::env::temp_dir().join(format!("anysvc-fuzz-{test}"));
        match std::fs::write(&file, document) {
            Ok(()) => eprintln!("the document is {}", file.display()),
            Err(error) => eprintln!("the document could not be kept: {}: {error}", file.display()),
        }
        eprintln!("it begins with b\"{}\"", document[..document.len().min(300)].escape_ascii());
    }
}
