//! A look into a stopped process: its memory, its descriptors, and the file a call is about.

use super::calls::{Subject, WRITING, When};
use std::fs::File;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::PathBuf;

/// The longest path that is shown whole.
const LONGEST: usize = 512;

/// A process that does not run at the moment, by its id out here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped(pub(super) libc::pid_t);

impl Stopped {
    /// Whether a call with these arguments changes files.
    pub(super) fn changes(self, when: When, args: &[u64; 6]) -> bool {
        match when {
            When::Always | When::Opens(_) | When::Hidden => true,
            // In doubt it counts: a call too many costs one run, one too few hides a bug.
            When::OpensBehind(at) => self.word(args[at]).is_none_or(|flags| flags & WRITING != 0),
            When::WritesTo(at) => self.keeps_writes(args[at]),
            When::Binds(at) => {
                let address = self.memory(args[at], 3);
                matches!(address[..], [family, 0, first] if i32::from(family) == libc::AF_UNIX && first != 0)
            }
        }
    }

    /// The file that it is about, for people.
    pub(super) fn subject(self, subject: Subject, args: &[u64; 6]) -> String {
        match subject {
            Subject::Path(at) => self.text(args[at]),
            Subject::Fd(at) => self.descriptor(args[at]).display().to_string(),
            // A descriptor is an int in a register, whose upper half may hold anything.
            Subject::At(at) if args[at] as i32 == libc::AT_FDCWD => self.text(args[at + 1]),
            Subject::At(at) => self.descriptor(args[at]).join(self.text(args[at + 1])).display().to_string(),
            Subject::None => String::new(),
        }
    }

    /// Whether what is written there is a change to a file: a regular file that has a name, or a
    /// FIFO that has one, by which a supervisor is told what to do.
    fn keeps_writes(self, fd: u64) -> bool {
        let path = self.descriptor(fd);
        let path = path.as_os_str().as_encoded_bytes();
        // Pipes and the like are "pipe:[1]"; what memfd_create made is "/memfd:name (deleted)".
        let named = path.starts_with(b"/") && !path.starts_with(b"/memfd:");
        let kind = std::fs::metadata(self.link(fd)).map(|found| found.file_type());
        named && kind.is_ok_and(|kind| kind.is_file() || kind.is_fifo())
    }

    fn descriptor(self, fd: u64) -> PathBuf {
        std::fs::read_link(self.link(fd)).unwrap_or_default()
    }

    fn link(self, fd: u64) -> String {
        format!("/proc/{}/fd/{}", self.0, fd as i32)
    }

    fn text(self, address: u64) -> String {
        let bytes = self.memory(address, LONGEST);
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    fn word(self, address: u64) -> Option<u32> {
        self.memory(address, 4).try_into().ok().map(u32::from_ne_bytes)
    }

    /// What of that much memory is there.
    fn memory(self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let memory = File::open(format!("/proc/{}/mem", self.0));
        let read = memory.and_then(|memory| memory.read_at(&mut bytes, address)).unwrap_or(0);
        bytes.truncate(read);
        bytes
    }
}
