//! The log of one service, line after line: the rotated files, `current`, and, for those who follow, what
//! is written next, over any number of rotations, each line once.
//!
//! s6-log rotates so (s6-log.c, `rotator` and `finish`): `current` becomes `previous`, a new `current` is
//! made, `previous` gets the name of a rotated file as well and then loses its own. It writes whole lines,
//! and never again to what was renamed. So a file that is no longer `current` is complete, and it is held
//! open here, which keeps its identity from being given to another file.

use std::{
    collections::{HashSet, VecDeque},
    os::unix::fs::FileExt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Error, LogQuery, LogRecord, Result};

use super::{
    Owner,
    folder::{Folder, Identity, Opened},
    line::{self, Lines},
    tail,
};

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// A log that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    service: String,
    path: PathBuf,
    owner: Owner,
    since: Option<SystemTime>,
    follow: bool,
    folder: Option<Folder>,
    /// Rotated files that are still to be read.
    ahead: VecDeque<Ahead>,
    /// The rotated files that are not to be read (again).
    known: HashSet<String>,
    /// The file that is being read.
    now: Option<Reading>,
    /// What was `current` or `previous` when it was read, and will come again under another name.
    done: Vec<Opened>,
    lines: Lines,
    /// Whether the last line with a time was late enough.
    wanted: bool,
}

/// A file that is still to be read.
#[derive(Debug)]
struct Ahead {
    name: String,
    from: u64,
    /// `current` and `previous` are held: by the time they are read, these names may stand for others.
    held: Option<Opened>,
}

#[derive(Debug)]
struct Reading {
    opened: Opened,
    position: u64,
    /// It has the name that it keeps.
    rotated: bool,
}

impl Reader {
    /// Opens a log at the first line that the query asks for.
    ///
    /// # Errors
    /// When the folder or its files can't be read.
    pub(super) fn open(service: String, path: PathBuf, owner: Owner, query: &LogQuery) -> Result<Reader> {
        let mut reader = Reader {
            service,
            path,
            owner,
            since: query.since,
            follow: query.follow,
            folder: None,
            ahead: VecDeque::new(),
            known: HashSet::new(),
            now: None,
            done: Vec::new(),
            lines: Lines::default(),
            wanted: query.since.is_none(),
        };
        reader.enter()?;
        if let Some(lines) = query.lines {
            reader.skip_to_last(lines)?;
        } else if let Some(since) = query.since {
            reader.skip_to_time(since);
        }
        Ok(reader)
    }

    /// The folder that is to be watched: its own, or where it would appear.
    pub(super) fn to_watch(&self) -> PathBuf {
        let ancestors = self.path.ancestors();
        ancestors.into_iter().find(|path| path.is_dir()).unwrap_or(&self.path).to_owned()
    }

    /// Reads the next records, about a piece of them. None means that there are no more for now.
    ///
    /// # Errors
    /// When a file can't be read.
    pub(super) fn next(&mut self) -> Result<Vec<LogRecord>> {
        let mut records = Vec::new();
        loop {
            if !self.read_piece(&mut records)? && !self.go_on(&mut records)? {
                return Ok(records);
            }
            if !records.is_empty() {
                return Ok(records);
            }
        }
    }

    /// Reads a piece of the file at hand; whether there was one.
    fn read_piece(&mut self, records: &mut Vec<LogRecord>) -> Result<bool> {
        let Some(now) = &mut self.now else { return Ok(false) };
        let mut buffer = vec![0; PIECE];
        let read = now.opened.file.read_at(&mut buffer, now.position);
        let length = read.map_err(|cause| Error::io("read", &self.path, &cause))?;
        now.position += length as u64;
        let (service, since, wanted) = (&self.service, self.since, &mut self.wanted);
        self.lines.push(&buffer[..length], |line| records.extend(record(service, since, wanted, line)));
        Ok(length > 0)
    }

    /// A line that was left without an end in a file that is complete.
    fn finish_line(&mut self, records: &mut Vec<LogRecord>) {
        let (service, since, wanted) = (&self.service, self.since, &mut self.wanted);
        self.lines.finish(|line| records.extend(record(service, since, wanted, line)));
    }

    /// The file at hand is at its end: goes on to what follows it. Whether there is something to read.
    fn go_on(&mut self, records: &mut Vec<LogRecord>) -> Result<bool> {
        if self.ahead.is_empty() {
            if !self.follow {
                self.finish_line(records);
                return Ok(false);
            }
            if !self.catch_up(records)? {
                return Ok(false);
            }
        }
        self.finish_line(records);
        self.next_file()
    }

    /// Opens the next file that is ahead.
    fn next_file(&mut self) -> Result<bool> {
        let Some(folder) = &self.folder else { return Ok(false) };
        while let Some(ahead) = self.ahead.pop_front() {
            let rotated = ahead.held.is_none();
            // It may have been pruned meanwhile.
            if let Some(opened) =
                ahead.held.map_or_else(|| folder.file(&ahead.name), |held| Ok(Some(held)))?
            {
                self.retire();
                self.now = Some(Reading { opened, position: ahead.from, rotated });
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts the file at hand aside; one that will get another name is remembered.
    fn retire(&mut self) {
        self.done.extend(self.now.take().filter(|now| !now.rotated).map(|now| now.opened));
    }

    /// Looks for what is new since `current` was read to its end; whether there is something ahead.
    fn catch_up(&mut self, records: &mut Vec<LogRecord>) -> Result<bool> {
        let held = self.now.as_ref().map(|now| now.opened.identity);
        let moved = self.folder.as_ref().is_some_and(|folder| !folder.is_in_place());
        if let (Some(folder), false) = (&self.folder, moved) {
            let current = folder.identity(CURRENT);
            if current.is_none() || current == held {
                return Ok(false);
            }
        }
        // What is held is complete now; it may have grown between its end being read and its renaming.
        while self.read_piece(records)? {}
        self.retire();
        if moved || self.folder.is_none() {
            self.done.clear();
            self.known.clear();
            self.enter()?;
        } else {
            self.look_ahead()?;
        }
        Ok(!self.ahead.is_empty())
    }

    /// Opens the folder, all of it being ahead.
    fn enter(&mut self) -> Result<()> {
        self.folder = Folder::open(&self.path, self.owner)?;
        self.look_ahead()
    }

    /// Puts ahead what is new in the folder: rotated files, `previous`, `current`.
    fn look_ahead(&mut self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        // Rotations take turns with writing a whole file: one look is mostly enough.
        for _ in 0..100 {
            let (previous, current) = (folder.file(PREVIOUS)?, folder.file(CURRENT)?);
            let rotated = folder.rotated()?;
            let same =
                |opened: &Option<Opened>, name| opened.as_ref().map(|o| o.identity) == folder.identity(name);
            if folder.is_in_place() && !(same(&previous, PREVIOUS) && same(&current, CURRENT)) {
                // A rotation under way: what was listed may not be all that came before `current`.
                continue;
            }
            let is_done = |identity: Identity| self.done.iter().any(|done| done.identity == identity);
            let mut named = HashSet::new();
            for name in &rotated {
                let Some(identity) = folder.identity(name) else { continue };
                named.insert(identity);
                if !self.known.contains(name) && !is_done(identity) {
                    self.ahead.push_back(Ahead { name: name.clone(), from: 0, held: None });
                }
            }
            let is_new = |opened: &Opened| !named.contains(&opened.identity) && !is_done(opened.identity);
            let previous = previous.filter(is_new);
            for (name, held) in [(PREVIOUS, previous), (CURRENT, current)] {
                if held.is_some() {
                    self.ahead.push_back(Ahead { name: name.to_owned(), from: 0, held });
                }
            }
            // Those that have their last name are known by it from now on.
            let unnamed = folder.identity(PREVIOUS);
            self.done.retain(|done| Some(done.identity) == unnamed && !named.contains(&done.identity));
            self.known = rotated.into_iter().collect();
            break;
        }
        Ok(())
    }

    /// Leaves out all but the last lines.
    fn skip_to_last(&mut self, lines: u64) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let (mut left, mut keep) = (lines, self.ahead.len());
        // Also with no lines at all: what is written from now on comes after the end of the last file.
        while keep > 0 && (left > 0 || keep == self.ahead.len()) {
            keep -= 1;
            let Ahead { name, from, held } = &mut self.ahead[keep];
            let opened = if held.is_some() { None } else { folder.file(name)? };
            if let Some(opened) = held.as_ref().or(opened.as_ref()) {
                let failed = |cause| Error::io("read", self.path.join(&*name), &cause);
                let (start, found) = tail::last_lines(opened, left).map_err(failed)?;
                *from = start;
                left -= found;
            }
        }
        self.ahead.drain(..keep);
        Ok(())
    }

    /// Leaves out files that were complete before a time.
    fn skip_to_time(&mut self, since: SystemTime) {
        // Names carry TAI, which is some leap seconds off.
        let grace = Duration::from_secs(60);
        let old = |ahead: &Ahead| line::rotated_at(&ahead.name).is_some_and(|at| at + grace < since);
        let count = self.ahead.iter().take_while(|ahead| old(ahead)).count();
        self.ahead.drain(..count);
    }
}

const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

fn record(service: &str, since: Option<SystemTime>, wanted: &mut bool, line: &[u8]) -> Option<LogRecord> {
    let (time, text) = line::split_time(line);
    if let (Some(since), Some(time)) = (since, time) {
        *wanted = time >= since;
    }
    wanted.then(|| LogRecord { service: service.to_owned(), time, line: text.to_vec().into() })
}
