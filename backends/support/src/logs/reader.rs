//! The log of one service, line after line: what has been written, and, for those who follow, what is
//! written next, over any number of rotations.

use std::{os::unix::fs::FileExt, path::PathBuf, time::SystemTime};

use anysvc_backend_api::{Error, LogQuery, LogRecord, Result};

use super::{
    Owner,
    line::{self, Lines},
    queue::{Next, Queue},
};

/// What stands in the place of lines that were removed before they were read.
const MISSED: &str =
    "anysvc: lines may be missing here: log files were removed by rotation before they were read";
/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// A log that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    owner: Owner,
    follow: bool,
    /// `None` as long as the folder is not there.
    queue: Option<Queue>,
    /// Whether some file was reached.
    begun: bool,
    /// The file that is being read, and how far.
    now: Option<(Next, u64)>,
    lines: Lines,
    filter: Filter,
}

/// What becomes of a line.
#[derive(Debug)]
struct Filter {
    service: String,
    since: Option<SystemTime>,
    /// Whether the last line with a time was late enough.
    wanted: bool,
}

impl Filter {
    fn record(&mut self, line: &[u8]) -> Option<LogRecord> {
        let (time, text) = line::split_time(line);
        if let (Some(since), Some(time)) = (self.since, time) {
            self.wanted = time >= since;
        }
        self.wanted.then(|| LogRecord { service: self.service.clone(), time, line: text.to_vec().into() })
    }
}

impl Reader {
    /// Opens a log at the first line that the query asks for.
    ///
    /// # Errors
    /// When the folder or its files can't be read.
    pub(super) fn open(service: String, path: PathBuf, owner: Owner, query: &LogQuery) -> Result<Reader> {
        let mut queue = Queue::open(&path, owner)?;
        if let Some(queue) = &mut queue {
            match (query.lines, query.since) {
                (Some(lines), _) => queue.skip_to_last(lines)?,
                (None, Some(since)) => queue.skip_to_time(since),
                (None, None) => {}
            }
        }
        let filter = Filter { service, since: query.since, wanted: query.since.is_none() };
        Ok(Reader {
            path,
            owner,
            follow: query.follow,
            queue,
            begun: false,
            now: None,
            lines: Lines::default(),
            filter,
        })
    }

    /// The folder that is to be watched: its own, or where it would appear.
    pub(super) fn to_watch(&self) -> PathBuf {
        self.path.ancestors().find(|path| path.is_dir()).unwrap_or(&self.path).to_owned()
    }

    /// Reads the next records, about a piece of them. None means that there are no more for now.
    ///
    /// # Errors
    /// When a file can't be read.
    pub(super) fn next(&mut self) -> Result<Vec<LogRecord>> {
        let mut records = Vec::new();
        while records.is_empty() && (self.read_piece(&mut records)? || self.go_on(&mut records)?) {}
        Ok(records)
    }

    /// Reads a piece of the file at hand; whether there was one.
    fn read_piece(&mut self, records: &mut Vec<LogRecord>) -> Result<bool> {
        let Some((now, position)) = &mut self.now else { return Ok(false) };
        let mut buffer = vec![0; PIECE];
        let read = now.opened.file.read_at(&mut buffer, *position);
        let length = read.map_err(|cause| Error::io("read", &self.path, &cause))?;
        *position += length as u64;
        let filter = &mut self.filter;
        self.lines.push(&buffer[..length], |line| records.extend(filter.record(line)));
        Ok(length > 0)
    }

    /// The file at hand is at its end: goes on to what follows it. Whether there is something to read.
    fn go_on(&mut self, records: &mut Vec<LogRecord>) -> Result<bool> {
        if self.queue.as_ref().is_none_or(Queue::is_empty) && self.follow && !self.catch_up(records)? {
            return Ok(false);
        }
        // Only a file that is complete is left, or one that nobody follows.
        self.lines.finish(|line| records.extend(self.filter.record(line)));
        let Some(queue) = &mut self.queue else { return Ok(false) };
        let Some(next) = queue.pop()? else { return Ok(false) };
        // Where nothing was read yet, this is where the log begins.
        if queue.take_missed() && (self.begun || self.follow) {
            records.push(LogRecord { service: self.filter.service.clone(), time: None, line: MISSED.into() });
        }
        self.begun = true;
        let from = next.from;
        if let Some((read, _)) = self.now.replace((next, from)) {
            queue.done(read);
        }
        Ok(true)
    }

    /// Looks for what is new since `current` was read to its end; whether there is something ahead.
    fn catch_up(&mut self, records: &mut Vec<LogRecord>) -> Result<bool> {
        let held = self.now.as_ref().map(|(now, _)| now.opened.identity);
        let stays = self.queue.as_ref().is_some_and(Queue::is_in_place);
        if stays && !self.queue.as_ref().is_some_and(|queue| queue.has_left(held)) {
            return Ok(false);
        }
        // What is held is complete now; it may have grown between its end being read and its renaming.
        while self.read_piece(records)? {}
        let read = self.now.take();
        match &mut self.queue {
            Some(queue) if stays => {
                if let Some((read, _)) = read {
                    queue.done(read);
                }
                queue.look()?;
            }
            queue => *queue = Queue::open(&self.path, self.owner)?,
        }
        Ok(self.queue.as_ref().is_some_and(|queue| !queue.is_empty()))
    }
}
