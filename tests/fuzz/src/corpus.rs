//! The documents that a target begins with: those in its folder below `corpus/`, and what its test makes.

use std::{fs, path::Path};

/// Documents to begin with, and words that mean something in them.
#[derive(Debug, Default)]
pub struct Corpus {
    pub(crate) documents: Vec<Vec<u8>>,
    pub(crate) words: Vec<Vec<u8>>,
    /// Where each document says something: elsewhere are only zeros.
    pub(crate) telling: Vec<Vec<usize>>,
}

impl Corpus {
    /// The documents of a target's folder, which need not be there.
    ///
    /// # Panics
    /// When one can't be read.
    pub fn of(target: &str) -> Corpus {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let read = |path| fs::read(path).expect("a document of the corpus can be read");
        paths.iter().map(read).fold(Corpus::default(), Corpus::with)
    }

    /// The documents, for tests that what they begin with is right.
    pub fn documents(&self) -> impl Iterator<Item = &[u8]> {
        self.documents.iter().map(Vec::as_slice)
    }

    /// One more document.
    #[must_use]
    pub fn with(mut self, document: impl Into<Vec<u8>>) -> Corpus {
        let document = document.into();
        let telling = document.iter().enumerate().filter(|(_, byte)| **byte != 0);
        self.telling.push(telling.map(|(at, _)| at).collect());
        self.documents.push(document);
        self
    }

    /// Words to put in.
    #[must_use]
    pub fn words<W: AsRef<[u8]>>(mut self, words: &[W]) -> Corpus {
        self.words.extend(words.iter().map(|word| word.as_ref().to_owned()));
        self
    }
}
