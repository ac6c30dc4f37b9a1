//! Changes to a store, for who holds its lock. Many services at once: one flush for all.

use std::fs::File;

use anysvc_backend_api::{Error, ErrorKind, Result, check_name};

use super::{Desired, Entry, Problem, ProblemKind, Store, folder::Folders, header, replace::Replacement};

/// A store that nobody else changes. Reads as the [`Store`] that it is.
pub struct Locked<'a> {
    store: &'a Store,
    pub(super) folders: &'a Folders,
    _held: File,
}

impl std::ops::Deref for Locked<'_> {
    type Target = Store;
    fn deref(&self) -> &Store {
        self.store
    }
}

impl<'a> Locked<'a> {
    pub(super) fn new(store: &'a Store, folders: &'a Folders, held: File) -> Locked<'a> {
        Locked { store, folders, _held: held }
    }

    /// Stores services, in place of what had their names; one result each. They are on disk when this
    /// returns. A kill in between leaves each as it was or as it is to be.
    ///
    /// # Errors
    /// For what a newer version wrote; for all when the files can't be written, with nothing changed.
    pub fn put(&self, entries: &[Entry]) -> Vec<Result<()>> {
        self.change(entries.iter().collect(), |entry| {
            let name = &entry.header.name;
            check_name(name)?;
            if *name != entry.spec.service.name {
                let message = format!("the entry `{name}` holds the spec `{}`", entry.spec.service.name);
                return Err(Error::new(ErrorKind::InvalidSpec, message));
            }
            self.replaceable(name)?;
            Ok(Some(Replacement { name, text: entry.to_text() }))
        })
        .into_iter()
        .map(|result| result.map(|_| ()))
        .collect()
    }

    /// Notes what is wanted of services; for each, whether that is news. What is as it should be is not
    /// written.
    ///
    /// # Errors
    /// `not-registered` for what is not stored, otherwise as [`Store::header`].
    pub fn set_desired(&self, names: &[&str], desired: Desired) -> Vec<Result<bool>> {
        self.change(names.to_vec(), |name| {
            let text = self.store.text(name).map_err(|problem| problem.error)?;
            let text = text.ok_or_else(|| Error::not_registered(name))?;
            let corrupt = |fault| self.store.problem(name, fault).error;
            let header = header::read(text.as_bytes(), name).map_err(corrupt)?;
            if self.store.is_past(&header) {
                return Err(Error::not_registered(name));
            }
            if header.desired == desired {
                return Ok(None);
            }
            let text = header::with_desired(&text, name, desired).ok_or_else(|| {
                corrupt(header::Fault::Corrupt("its `desired` stands in no line of its own".to_owned()))
            })?;
            Ok(Some(Replacement { name, text }))
        })
    }

    /// Forgets services; for each, whether it was there.
    ///
    /// # Errors
    /// For what a newer version wrote, and what can't be removed.
    pub fn remove(&self, names: &[&str]) -> Vec<Result<bool>> {
        let refusals: Vec<Result<()>> = names.iter().map(|name| self.removable(name)).collect();
        let fine: Vec<&str> = names
            .iter()
            .zip(&refusals)
            .filter_map(|(name, refusal)| refusal.is_ok().then_some(*name))
            .collect();
        let mut removed = self.folders.services.remove(&fine).into_iter();
        let answer = |(refusal, name): (Result<()>, &&str)| {
            let result = refusal.and_then(|()| removed.next().unwrap_or(Ok(false)));
            result.map_err(|e| e.with_service(name))
        };
        refusals.into_iter().zip(names).map(answer).collect()
    }

    /// Replaces a small file beside the services.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_note(&self, file: &str, text: &str) -> Result<()> {
        self.folders.write_note(file, text, false)
    }

    /// As [`Locked::write_note`], and it is on disk when this returns.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_lasting_note(&self, file: &str, text: &str) -> Result<()> {
        self.folders.write_note(file, text, true)
    }

    /// Removes a small file beside the services; its absence is fine.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove_note(&self, file: &str) -> Result<()> {
        self.folders.remove_note(file)
    }

    /// Appends lines to a log beside the services, which is rotated to one `.1` before it becomes longer
    /// than `limit`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn append(&self, file: &str, lines: &str, limit: u64) -> Result<()> {
        self.folders.append(file, lines, limit)
    }

    /// What is not a name can't be a path below the store either.
    fn removable(&self, name: &str) -> Result<()> {
        check_name(name).map_err(|_| Error::not_registered(name))?;
        self.replaceable(name)
    }

    /// Anything may be replaced but what a newer version wrote.
    fn replaceable(&self, name: &str) -> Result<()> {
        match self.store.look(name) {
            Err(Problem { kind: ProblemKind::Newer, error, .. }) => Err(error),
            _ => Ok(()),
        }
    }

    /// Works out what each item is to become (`None`: what it is), and writes that in one go. For each,
    /// whether it was written.
    fn change<'n, T: Copy + 'n>(
        &self,
        items: Vec<T>,
        text: impl Fn(T) -> Result<Option<Replacement<'n>>>,
    ) -> Vec<Result<bool>> {
        let mut files = Vec::new();
        let mut results = Vec::new();
        for item in items {
            results.push(text(item).map(|file| {
                let changes = file.is_some();
                files.extend(file);
                changes
            }));
        }
        let mut written = self.folders.replace(&self.folders.services, &files).into_iter();
        for result in results.iter_mut().filter(|result| matches!(result, Ok(true))) {
            if let Some(Err(error)) = written.next() {
                *result = Err(error);
            }
        }
        results
    }
}
