//! A look at a library's file before any of its code runs. Opening a library runs its constructors before
//! anything can be checked, one that was cut short ends the process with SIGBUS, and one for another
//! machine reads as "no such file": so the headers and the note are read first. This module must not
//! trust a byte, nor know what a backend is beyond its note.
//!
//! ELF is read as a dynamic loader would; for other formats see `scan`.

mod elf;
#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod fuzz;
mod note;
#[cfg(any(not(all(unix, not(target_vendor = "apple"))), test))]
mod scan;

use std::{fmt, fs::File, io, path::Path};

use anysvc_backend_api::{
    Error, ErrorKind, Result,
    abi::{API_MAJOR, API_MINOR, NoteFacts},
};

/// Why a file is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It has no bytes.
    Empty,
    /// Its beginning is not that of a library.
    NotALibrary,
    /// Its headers make no sense.
    Damaged,
    /// A part that its headers name is not in the file.
    Truncated,
    /// It is for 32-bit programs.
    Bits32,
    /// It is for 64-bit programs.
    Bits64,
    /// It is for processors of the other byte order.
    ByteOrder,
    /// It is for another kind of processor, by the format's number.
    Machine(u16),
    /// It is a program, an object file or a memory dump.
    NotShared,
    /// It does not say that it is an anysvc backend.
    NoNote,
    /// It is one for another major version of the API.
    Major(u32, u32),
}

/// Looks at an open file.
///
/// # Errors
/// `plugin`, each fault with its own text.
pub fn look(file: &File, path: &Path) -> Result<NoteFacts> {
    let length = file.metadata().map_err(|cause| Error::io("look at", path, &cause))?.len();
    let facts = inspect(&FileBytes { file }, length).map_err(|cause| Error::io("read", path, &cause))?;
    facts.map_err(|unfit| unfit.error(path))
}

/// Bytes at an offset: a file, or in tests a slice.
trait Bytes {
    /// Fills the buffer, or as much of it as there is.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

struct FileBytes<'f> {
    file: &'f File,
}

impl Bytes for FileBytes<'_> {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt as _;
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

fn inspect(bytes: &dyn Bytes, length: u64) -> io::Result<Result<NoteFacts, Unfit>> {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    use elf::note as read_note;
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    use scan::note as read_note;
    let facts = match read_note(bytes, length)? {
        Ok(facts) => facts,
        Err(unfit) => return Ok(Err(unfit)),
    };
    if facts.major != API_MAJOR {
        return Ok(Err(Unfit::Major(facts.major, facts.minor)));
    }
    Ok(Ok(facts))
}

impl Unfit {
    fn error(self, path: &Path) -> Error {
        let error = Error::new(ErrorKind::Plugin, format!("{} {self}", path.display())).with_path(path);
        error.with_hint(match self {
            Unfit::Empty | Unfit::Damaged | Unfit::Truncated => "install the backend again",
            Unfit::Bits32 | Unfit::Bits64 | Unfit::ByteOrder | Unfit::Machine(_) => {
                "install the backend's package for this machine"
            }
            Unfit::Major(major, _) if major > API_MAJOR => "update anysvc",
            Unfit::Major(..) => "update the backend",
            Unfit::NotALibrary | Unfit::NotShared | Unfit::NoNote => {
                "the manifest's `library` has to name a library made with `export_backend!`"
            }
        })
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arch = std::env::consts::ARCH;
        match self {
            Unfit::Empty => f.write_str("is empty"),
            Unfit::NotALibrary => f.write_str("is not a library"),
            Unfit::Damaged => f.write_str("is damaged: its headers make no sense"),
            Unfit::Truncated => f.write_str("is truncated: a part that its headers name is missing"),
            Unfit::Bits32 => f.write_str("is a 32-bit library, and this anysvc is a 64-bit program"),
            Unfit::Bits64 => f.write_str("is a 64-bit library, and this anysvc is a 32-bit program"),
            Unfit::ByteOrder => write!(f, "is for another machine: its byte order is not that of {arch}"),
            Unfit::Machine(number) => match elf::machine_name(*number) {
                Some(name) => write!(f, "is for another machine: {name}, and this anysvc is for {arch}"),
                None => write!(f, "is for another machine: number {number}, and this anysvc is for {arch}"),
            },
            Unfit::NotShared => f.write_str("is not a shared library, but a program or an object file"),
            Unfit::NoNote => f.write_str("is not an anysvc backend: it has no note that says so"),
            Unfit::Major(major, minor) => {
                write!(f, "is made for API {major}.{minor}, and this anysvc has {API_MAJOR}.{API_MINOR}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
