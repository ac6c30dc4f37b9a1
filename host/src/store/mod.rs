//! What the host keeps: each registered spec with what the operator wants of it, one file per service.
//!
//! Reading needs no lock and creates nothing. Changes need [`Store::lock`], which creates the folders:
//!
//! ```text
//! STATE/            0700; root's 0711, so that the users of its services reach their logs
//!   lock            held by whoever changes the store
//!   staging/        0700: files being written; without the lock held, all in it is left over
//!   services/       0700: NAME.toml, 0600
//!   templates/      likewise
//!   logs/           like STATE: NAME/, where a spec names no folder
//! ```
//!
//! A STATE that is there already, with other things in it, keeps its mode. Root's is reached through
//! nothing that somebody else can exchange, links included.
//!
//! A file begins with a header (what listings need) and goes on as a spec file. This module must not know
//! any service manager: whether what is stored is so is for others to compare.

mod change;
mod entry;
mod folder;
#[cfg(test)]
mod fuzz;
mod header;
mod lock;
mod notes;
mod replace;
mod shelf;
mod templates;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anysvc_backend_api::{Deadline, Error, Result, check_name, in_parts};

pub use change::Locked;
pub use entry::{Desired, Entry, Header};
use folder::Folders;
use header::Fault;
use shelf::{Shelf, StoreFile};

/// The kept specs of one account.
pub struct Store {
    path: PathBuf,
    uid: u32,
    folders: OnceLock<Folders>,
    /// Only found out where something is for one boot alone.
    boot: OnceLock<String>,
}

/// All headers of a store, by name.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that could be read.
    pub headers: Vec<Header>,
    /// The names of those that were for an earlier boot alone.
    pub past: Vec<String>,
    /// What could not.
    pub problems: Vec<Problem>,
}

/// A file of the store that is set aside.
#[derive(Debug)]
pub struct Problem {
    /// The service; the name of the file where it is not that of one.
    pub name: String,
    /// What sort.
    pub kind: ProblemKind,
    /// For people, with the file.
    pub error: Error,
}

/// Why a file is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// It can't be understood.
    Corrupt,
    /// A newer version wrote it. It is never changed.
    Newer,
    /// Another account could have written it.
    Untrusted,
    /// It is nothing of ours.
    Unknown,
}

impl ProblemKind {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemKind::Corrupt => "corrupt",
            ProblemKind::Newer => "newer",
            ProblemKind::Untrusted => "untrusted",
            ProblemKind::Unknown => "unknown",
        }
    }
}

impl Store {
    /// The store of the account that this process runs as. Creates nothing: a folder that is not there is
    /// an empty store.
    ///
    /// # Errors
    /// `permission-denied` when another account owns the folder or could write it, or may not read it;
    /// `io`.
    pub fn open(state_dir: &Path, uid: u32) -> Result<Store> {
        let (folders, boot) = (OnceLock::new(), OnceLock::new());
        let store = Store { path: state_dir.to_owned(), uid, folders, boot };
        store.folders()?;
        Ok(store)
    }

    /// Whether it was for an earlier boot alone: it is as good as gone.
    fn is_past(&self, header: &Header) -> bool {
        let other = |boot: &String| !entry::may_be_same_boot(boot, self.boot.get_or_init(entry::this_boot));
        header.transient.as_ref().is_some_and(other)
    }

    /// The folder for state.
    pub fn state_dir(&self) -> &Path {
        &self.path
    }

    /// The file of a service, whether it is there or not.
    pub fn file_of(&self, name: &str) -> PathBuf {
        self.path.join("services").join(format!("{name}.toml"))
    }

    /// The folder for a service's log where its spec names none.
    pub fn log_directory(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(name)
    }

    /// What is known of a service without its spec. `None` for what is not stored, native names included.
    ///
    /// # Errors
    /// When its file is corrupt, newer or not to be trusted.
    pub fn header(&self, name: &str) -> Result<Option<Header>> {
        self.look(name).map_err(|problem| problem.error)
    }

    /// A service with its spec.
    ///
    /// # Errors
    /// As [`Store::header`].
    pub fn entry(&self, name: &str) -> Result<Option<Entry>> {
        let entry = self.read(name).map_err(|problem| problem.error)?;
        Ok(entry.filter(|entry| !self.is_past(&entry.header)))
    }

    /// Every header. Files that can't be used are listed as problems.
    ///
    /// # Errors
    /// Only when the folder can't be read.
    pub fn headers(&self) -> Result<Listing> {
        let files = files_in(self.services()?)?;
        let found = in_parts(&files, |part| {
            let mut buffer = Vec::new();
            part.iter().map(|file| self.look_into(&mut buffer, self.known(file)?)).collect()
        });
        let mut listing = Listing::default();
        listing.headers.reserve_exact(found.len());
        for found in found {
            match found {
                Ok(Some(header)) if self.is_past(&header) => listing.past.push(header.name),
                Ok(header) => listing.headers.extend(header),
                Err(problem) => listing.problems.push(problem),
            }
        }
        Ok(listing)
    }

    /// Whether nothing is kept, whatever it may be.
    ///
    /// # Errors
    /// As [`Store::headers`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(files_in(self.services()?)?.is_empty())
    }

    /// Every service with its spec; the names of those that were for an earlier boot alone, and the problems.
    ///
    /// # Errors
    /// As [`Store::headers`].
    pub fn entries(&self) -> Result<(Vec<Entry>, Vec<String>, Vec<Problem>)> {
        let (mut entries, mut past, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        let files = files_in(self.services()?)?;
        let read = |file: &String| self.known(file).and_then(|name| self.read(name));
        for found in in_parts(&files, |part| part.iter().map(read).collect()) {
            match found {
                Ok(Some(entry)) if self.is_past(&entry.header) => past.push(entry.header.name),
                Ok(entry) => entries.extend(entry),
                Err(problem) => problems.push(problem),
            }
        }
        Ok((entries, past, problems))
    }

    /// The text of a small file beside the services; `None` where there is none.
    ///
    /// # Errors
    /// When it is not to be trusted, or can't be read.
    pub fn note(&self, file: &str) -> Result<Option<String>> {
        self.folders()?.map_or(Ok(None), |folders| folders.note(file))
    }

    /// Takes the store for changes, and clears away what a killed run left half written. Creates the
    /// folders.
    ///
    /// # Errors
    /// `timed-out` when somebody else holds it until the deadline; otherwise as [`Store::open`].
    pub fn lock(&self, deadline: Deadline) -> Result<Locked<'_>> {
        if self.folders()?.is_none() {
            folder::create(&self.path, self.uid)?;
        }
        let folders = self.folders()?.ok_or_else(|| self.vanished())?;
        let held = lock::acquire(&folders.lock_file()?, &self.path, deadline)?;
        folders.clear_staging()?;
        Ok(Locked::new(self, folders, held))
    }

    /// The folders, once they are there.
    fn folders(&self) -> Result<Option<&Folders>> {
        if self.folders.get().is_none() {
            match Folders::open(&self.path, self.uid)? {
                Some(folders) => self.folders.get_or_init(|| folders),
                None => return Ok(None),
            };
        }
        Ok(self.folders.get())
    }

    fn vanished(&self) -> Error {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        Error::io("use", &self.path, &gone)
    }

    /// The folder of the services, once it is there.
    fn services(&self) -> Result<Option<&Shelf>> {
        Ok(self.folders()?.map(|folders| &folders.services))
    }

    /// The service that a file is of.
    fn known<'a>(&self, file: &'a str) -> Result<&'a str, Problem> {
        name_of(|| self.path.join("services"), file, "a service")
    }

    fn look(&self, name: &str) -> Result<Option<Header>, Problem> {
        let found = self.look_into(&mut Vec::new(), name)?;
        Ok(found.filter(|header| !self.is_past(header)))
    }

    /// Reads the beginning of a file, where the header is.
    fn look_into(&self, buffer: &mut Vec<u8>, name: &str) -> Result<Option<Header>, Problem> {
        let Some(mut file) = self.open_file(name)? else { return Ok(None) };
        let part = file.beginning(buffer).map_err(|e| self.unreadable(name, &e))?;
        header::read(part, name).map(Some).map_err(|fault| self.problem(name, fault))
    }

    fn read(&self, name: &str) -> Result<Option<Entry>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        Entry::parse(&text, name, &self.file_of(name)).map(Some).map_err(|fault| self.problem(name, fault))
    }

    /// All of a file.
    fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(mut file) = self.open_file(name)? else { return Ok(None) };
        let bytes = file.all().map_err(|e| self.unreadable(name, &e))?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::Corrupt("it is not UTF-8".to_owned()));
        text.map(Some).map_err(|fault| self.problem(name, fault))
    }

    fn open_file(&self, name: &str) -> Result<Option<StoreFile>, Problem> {
        open_in(self.services(), name)
    }

    fn unreadable(&self, name: &str, cause: &std::io::Error) -> Problem {
        unreadable(&self.file_of(name), name, cause)
    }

    fn problem(&self, name: &str, fault: Fault) -> Problem {
        problem(&self.file_of(name), name, fault, "unregister")
    }
}

/// The names of the files in a folder, sorted; those with a leading dot are nobody's business.
fn files_in(shelf: Option<&Shelf>) -> Result<Vec<String>> {
    let mut files = shelf.map_or_else(|| Ok(Vec::new()), Shelf::list)?;
    files.sort_unstable();
    Ok(files)
}

/// What a file in a folder is of, by its name.
fn name_of<'a>(folder: impl Fn() -> PathBuf, file: &'a str, what: &str) -> Result<&'a str, Problem> {
    let name = file.strip_suffix(".toml").filter(|name| check_name(name).is_ok());
    name.ok_or_else(|| {
        let path = folder().join(file);
        let message = format!("{} is not the file of {what}", path.display());
        let error = Error::new(anysvc_backend_api::ErrorKind::Io, message).with_path(path);
        Problem { name: file.to_owned(), kind: ProblemKind::Unknown, error }
    })
}

fn open_in(shelf: Result<Option<&Shelf>>, name: &str) -> Result<Option<StoreFile>, Problem> {
    let plain = |error| Problem { name: name.to_owned(), kind: ProblemKind::Untrusted, error };
    match shelf.map_err(plain)? {
        Some(shelf) if check_name(name).is_ok() => shelf.open_file(name).map_err(plain),
        _ => Ok(None),
    }
}

fn unreadable(path: &Path, name: &str, cause: &std::io::Error) -> Problem {
    let error = Error::io("read", path, cause).with_service(name);
    Problem { name: name.to_owned(), kind: ProblemKind::Corrupt, error }
}

/// What is wrong with a file; `remove` is the command that gets rid of it.
fn problem(path: &Path, name: &str, fault: Fault, remove: &str) -> Problem {
    let (kind, error) = match fault {
        Fault::Newer(format) => (ProblemKind::Newer, header::newer(path, format)),
        Fault::Corrupt(why) => (ProblemKind::Corrupt, header::corrupt(path, name, &why, remove)),
    };
    Problem { name: name.to_owned(), kind, error: error.with_service(name) }
}
