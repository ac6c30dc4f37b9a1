//! Which files of a log folder are still to be read, oldest first, each once, while s6-log rotates them.
//!
//! s6-log rotates so (s6-log.c, `rotator` and `finish`): `current` becomes `previous`, a new `current` is
//! made, `previous` gets the name of a rotated file as well and then loses its own. It writes whole lines,
//! and never again to what was renamed. So a file that is no longer `current` is complete, and it is held
//! open here until its last name was seen, which keeps its identity from being given to another file.
//!
//! Who reads more slowly than files are pruned misses some. That is noticed: by a name that is gone before
//! its file was read, or by a file that never came again under its last name, as it is pruned after all that
//! came before it and before all that came after. Where no rotated file is kept at all, each goes at once,
//! and one that was read to its end looks the same whether another was filled and pruned after it or not:
//! times of files are those of the kernel's last tick, which a whole rotation fits into. So it is always
//! told, as to be wrongly silent is worse.

use std::{
    collections::{HashSet, VecDeque},
    path::Path,
    time::{Duration, SystemTime},
};

use anysvc_backend_api::{Error, Result};

use super::{
    Owner,
    folder::{Folder, Identity, Opened},
    line, tail,
};

const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

/// The files of one folder.
#[derive(Debug)]
pub(super) struct Queue {
    folder: Folder,
    ahead: VecDeque<Ahead>,
    /// The rotated files that are not to be read (again).
    known: HashSet<String>,
    /// What was `current` or `previous` when it was read, and will come again under another name.
    done: Vec<Opened>,
    /// A file may have been pruned before it was read.
    missed: bool,
}

#[derive(Debug)]
struct Ahead {
    name: String,
    from: u64,
    /// `current` and `previous` are held: by the time they are read, these names may stand for others.
    held: Option<Opened>,
}

/// The next file.
#[derive(Debug)]
pub(super) struct Next {
    /// The file.
    pub(super) opened: Opened,
    /// Where to begin.
    pub(super) from: u64,
    /// It has the name that it keeps.
    rotated: bool,
}

impl Queue {
    /// All files of a folder; `None` if it is not there.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn open(path: &Path, owner: Owner) -> Result<Option<Queue>> {
        let Some(folder) = Folder::open(path, owner)? else { return Ok(None) };
        let mut queue =
            Queue { folder, ahead: VecDeque::new(), known: HashSet::new(), done: Vec::new(), missed: false };
        queue.look()?;
        Ok(Some(queue))
    }

    /// Whether the folder's path still leads to it.
    pub(super) fn is_in_place(&self) -> bool {
        self.folder.is_in_place()
    }

    /// Whether nothing is ahead.
    pub(super) fn is_empty(&self) -> bool {
        self.ahead.is_empty()
    }

    /// Whether this file is `current` no longer, and another one is.
    pub(super) fn has_left(&self, file: Option<Identity>) -> bool {
        let current = self.folder.identity(CURRENT);
        current.is_some() && current != file
    }

    /// The next file.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(super) fn pop(&mut self) -> Result<Option<Next>> {
        while let Some(Ahead { name, from, held }) = self.ahead.pop_front() {
            let rotated = held.is_none();
            if let Some(opened) = held.map_or_else(|| self.folder.file(&name), |held| Ok(Some(held)))? {
                return Ok(Some(Next { opened, from, rotated }));
            }
            // One that does not count is there all the same.
            self.missed |= self.folder.identity(&name).is_none();
        }
        Ok(None)
    }

    /// Whether a file may have been missed since the last time that this was asked.
    pub(super) fn take_missed(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    /// Takes back a file that has been read; one that will get another name is remembered.
    pub(super) fn done(&mut self, read: Next) {
        if !read.rotated {
            self.done.push(read.opened);
        }
    }

    /// Puts ahead what is new: rotated files, `previous`, `current`.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub(super) fn look(&mut self) -> Result<()> {
        // A rotation takes much less time than filling a file: one look is mostly enough.
        for _ in 0..100 {
            let names = || (self.folder.identity(PREVIOUS), self.folder.identity(CURRENT));
            let before = names();
            let (previous, current) = (self.folder.file(PREVIOUS)?, self.folder.file(CURRENT)?);
            let rotated = self.folder.rotated()?;
            // One that does not count is left out.
            let is =
                |opened: &Option<Opened>, before| opened.as_ref().is_none_or(|o| Some(o.identity) == before);
            if names() == before && is(&previous, before.0) && is(&current, before.1) {
                self.add(rotated, previous, current);
                break;
            }
            // Renamed meanwhile: what was listed may not be all that came before `current`.
        }
        Ok(())
    }

    fn add(&mut self, rotated: Vec<String>, previous: Option<Opened>, current: Option<Opened>) {
        let is_done = |identity: Identity| self.done.iter().any(|done| done.identity == identity);
        let mut named = HashSet::new();
        for name in &rotated {
            let Some(identity) = self.folder.identity(name) else {
                self.missed |= !self.known.contains(name);
                continue;
            };
            named.insert(identity);
            if !self.known.contains(name) && !is_done(identity) {
                self.ahead.push_back(Ahead { name: name.clone(), from: 0, held: None });
            }
        }
        let unnamed = previous.as_ref().map(|previous| previous.identity);
        let newest = current.as_ref().map(|current| current.identity);
        let is_there = |read: &Opened| {
            named.contains(&read.identity) || [unnamed, newest].contains(&Some(read.identity))
        };
        self.missed |= !self.done.iter().all(is_there);
        let previous = previous.filter(|p| !named.contains(&p.identity) && !is_done(p.identity));
        for (name, held) in [(PREVIOUS, previous), (CURRENT, current)] {
            if held.is_some() {
                self.ahead.push_back(Ahead { name: name.to_owned(), from: 0, held });
            }
        }
        // Those that have their last name are known by it from now on.
        self.done.retain(|done| Some(done.identity) == unnamed && !named.contains(&done.identity));
        self.known = rotated.into_iter().collect();
    }

    /// Leaves out all but the last lines.
    ///
    /// # Errors
    /// When a file can't be read.
    pub(super) fn skip_to_last(&mut self, lines: u64) -> Result<()> {
        let (mut left, mut keep) = (lines, self.ahead.len());
        // Also with no lines at all: what is written from now on comes after the end of the last file.
        while keep > 0 && (left > 0 || keep == self.ahead.len()) {
            keep -= 1;
            let Ahead { name, from, held } = &mut self.ahead[keep];
            let opened = if held.is_some() { None } else { self.folder.file(name)? };
            if let Some(opened) = held.as_ref().or(opened.as_ref()) {
                let failed = |cause| Error::io("read", self.folder.path().join(&*name), &cause);
                let (start, found) = tail::last_lines(opened, left).map_err(failed)?;
                *from = start;
                left -= found;
            }
        }
        self.ahead.drain(..keep);
        Ok(())
    }

    /// Leaves out files that were complete before a time.
    pub(super) fn skip_to_time(&mut self, since: SystemTime) {
        // Names carry TAI, which is some leap seconds off.
        let grace = Duration::from_secs(60);
        let old = |ahead: &Ahead| line::rotated_at(&ahead.name).is_some_and(|at| at + grace < since);
        let count = self.ahead.iter().take_while(|ahead| old(ahead)).count();
        self.ahead.drain(..count);
    }
}
