//! Writing a service's lines to files that are rotated by size: whole lines, each with its time. The
//! layout is that of s6-log with `T`: the newest lines are in `current`, older ones in `@STAMP.s`.
//! It knows folders and bytes; not processes, and not how logs are read.
//!
//! # What is promised
//! - A line is in the files once, whole, in the order of its stream, after [`Writer::write`] returned.
//! - All files of a folder together never hold more than `size × (keep + 1)` bytes.
//! - A line longer than [`LINE_LIMIT`] (or than a file may be) is split there, each part with its time.
//! - A folder that can't be written (full, gone, forbidden) costs lines, never the service: output is
//!   still taken, because a service that can't write stands still, and its work counts for more than its
//!   log. The lines are counted, writing is tried again every second, and the first line after that says
//!   how many are missing and why.
//!
//! Files are not flushed to the disk one by one: that would hold up every service that shares the thread.

mod console;
mod folder;
mod lines;
mod stamp;

use std::{
    io,
    time::{Duration, Instant, SystemTime},
};

pub use self::{
    console::Console,
    folder::Settings,
    lines::{LINE_LIMIT, Lines},
};
use self::{folder::Folder, stamp::Stamper};

/// Does something to files with the rights of the service.
pub type Rights<'a> = dyn FnMut(&mut dyn FnMut() -> io::Result<()>) -> io::Result<()> + 'a;

/// How long a folder that can't be written is left alone.
const RETRY: Duration = Duration::from_secs(1);
/// How much is gathered before it is written.
const BATCH: usize = 256 << 10;

/// What is shared by all writers of a thread, so that an idle service costs no memory.
#[derive(Debug, Default)]
pub struct Shared {
    batch: Vec<u8>,
    stamper: Stamper,
}

/// The log of one service.
#[derive(Debug)]
pub struct Writer {
    folder: Folder,
    trouble: Option<Box<Trouble>>,
}

#[derive(Debug)]
struct Trouble {
    why: String,
    lost: u64,
    again: Instant,
}

impl Writer {
    /// Opens nothing yet.
    pub fn new(settings: Settings) -> Writer {
        Writer { folder: Folder::new(settings), trouble: None }
    }

    /// Where and how it writes.
    pub fn settings(&self) -> &Settings {
        self.folder.settings()
    }

    /// The longest text that one line of it holds.
    pub fn line_limit(&self) -> usize {
        let room = self.settings().size.saturating_sub(stamp::LENGTH as u64 + 1);
        usize::try_from(room).unwrap_or(usize::MAX).clamp(1, LINE_LIMIT)
    }

    /// Why the last lines could not be written.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.why.as_str())
    }

    /// Whether it holds a file open.
    pub fn is_open(&self) -> bool {
        self.folder.is_open()
    }

    /// Closes its file; the next line opens it again.
    pub fn close(&mut self) {
        self.folder.close();
    }

    /// Writes lines (without their ends) that were read at this time. Never fails: see the module.
    pub fn write<'a>(
        &mut self,
        mut lines: impl Iterator<Item = &'a [u8]>,
        at: (Instant, SystemTime),
        shared: &mut Shared,
        rights: &mut Rights<'_>,
    ) {
        if self.trouble.as_ref().is_some_and(|trouble| at.0 < trouble.again) {
            return self.lose(lines.count() as u64, None, at.0);
        }
        let Some(mut line) = lines.next() else { return };
        let Shared { batch, stamper } = shared;
        batch.clear();
        stamper.set(at.1);
        let limit = self.line_limit();
        if let Some(trouble) = &self.trouble {
            let text = format!("anysvc: {} lines of output are missing here: {}", trouble.lost, trouble.why);
            stamper.line(text.as_bytes().get(..limit).unwrap_or(text.as_bytes()), batch);
        }
        let mut result = self.folder.open(rights).map_err(|error| (error, 0));
        while result.is_ok() {
            let length = (batch.len() + stamp::LENGTH + line.len() + 1) as u64;
            if !self.folder.has_room(length) || batch.len() >= BATCH {
                result = self.folder.append(batch);
                if result.is_err() {
                    break;
                }
                // What is written is out of danger, and so is the report of what was not.
                self.trouble = None;
                batch.clear();
                if !self.folder.has_room((stamp::LENGTH + line.len() + 1) as u64) {
                    result = self.folder.rotate(stamper.now(), rights).map_err(|error| (error, 0));
                    if result.is_err() {
                        break;
                    }
                }
            }
            stamper.line(line, batch);
            match lines.next() {
                Some(next) => line = next,
                None => {
                    result = self.folder.append(batch);
                    if result.is_ok() {
                        self.trouble = None;
                        batch.shrink_to(2 * BATCH);
                        return;
                    }
                    // Counted with the batch, not as the line that is at hand.
                    let (error, written) = result.err().unwrap_or_else(|| (io::Error::other(""), 0));
                    return self.lose(self.unwritten(batch, written), Some(&error), at.0);
                }
            }
        }
        if let Err((error, written)) = result {
            let left = 1 + lines.count() as u64;
            self.lose(self.unwritten(batch, written) + left, Some(&error), at.0);
        }
    }

    /// How many lines of a batch were not written. A report of earlier ones, its first line, is none.
    fn unwritten(&self, batch: &[u8], written: usize) -> u64 {
        let lines = memchr::memchr_iter(b'\n', batch.get(written..).unwrap_or_default()).count() as u64;
        lines.saturating_sub(u64::from(written == 0 && self.trouble.is_some()))
    }

    fn lose(&mut self, lines: u64, error: Option<&io::Error>, now: Instant) {
        let folder = &self.folder.settings().folder;
        let trouble =
            self.trouble.get_or_insert_with(|| Box::new(Trouble { why: String::new(), lost: 0, again: now }));
        trouble.lost += lines;
        if let Some(error) = error {
            let why = format!("cannot write the log in {}: {error}", folder.display());
            if why != trouble.why {
                log::warn!("{why}");
                trouble.why = why;
            }
            trouble.again = now + RETRY;
            self.folder.close();
        }
    }
}
