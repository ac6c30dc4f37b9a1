//! What services write: read, cut into lines, written to their logs. Knows services only as the keys of
//! logs and streams.

use std::{
    collections::{HashMap, VecDeque},
    io,
    path::Path,
};

use super::super::{
    log::{Console, LINE_LIMIT, Lines, Shared, Writer},
    machine::Moment,
    os::{Account, Os, Run},
};

/// Log files that are kept open: those written last.
const OPEN_FILES: usize = 64;
/// Reads of one stream before the others have their turn.
const READS: usize = 8;
/// A stream that outlives its process (somebody who left the group holds it) is given up when its service
/// has so many.
const STREAMS: usize = 4;

/// All output.
#[derive(Debug)]
pub(super) struct Output {
    buffer: Box<[u8]>,
    shared: Shared,
    batch: Vec<u8>,
    console: Option<Console>,
    streams: HashMap<Run, Stream>,
    logs: HashMap<u32, Log>,
    open: VecDeque<u32>,
}

#[derive(Debug)]
struct Stream {
    key: u32,
    lines: Lines,
}

/// Where the lines of one service go.
#[derive(Debug)]
pub(super) struct Log {
    /// Its files.
    pub(super) writer: Option<Writer>,
    /// Whose rights they are opened with, if not ours.
    pub(super) account: Option<Account>,
    /// Whether they are copied to the console.
    pub(super) console: bool,
}

impl Output {
    pub(super) fn new(console: Option<Console>) -> Output {
        Output {
            // A pipe holds so much.
            buffer: vec![0; 64 << 10].into_boxed_slice(),
            shared: Shared::default(),
            batch: Vec::new(),
            console,
            streams: HashMap::new(),
            logs: HashMap::new(),
            open: VecDeque::new(),
        }
    }

    /// Sets where the lines of a service go from now on. Files that stay the same stay open.
    pub(super) fn set_log(&mut self, key: u32, log: Log) {
        let settings = |log: &Log| log.writer.as_ref().map(|w| w.settings().clone());
        match self.logs.get_mut(&key) {
            Some(old) if settings(old) == settings(&log) && old.account == log.account => {
                old.console = log.console;
            }
            _ => drop(self.logs.insert(key, log)),
        }
    }

    /// Another service that writes into this folder now.
    pub(super) fn other_writer(&self, key: u32, folder: &Path) -> Option<u32> {
        let same = |log: &Log| log.writer.as_ref().is_some_and(|w| w.settings().folder == folder);
        let others = self.logs.iter().filter(|(other, log)| **other != key && same(log));
        let mut writing = others.filter(|(other, _)| self.streams.values().any(|s| s.key == **other));
        writing.next().map(|(other, _)| *other)
    }

    /// Where the files of a service are.
    pub(super) fn folder(&self, key: u32) -> Option<&Path> {
        Some(&self.logs.get(&key)?.writer.as_ref()?.settings().folder)
    }

    /// Why the last lines of a service were lost.
    pub(super) fn trouble(&self, key: u32) -> Option<&str> {
        self.logs.get(&key)?.writer.as_ref()?.trouble()
    }

    /// A process has begun to write.
    pub(super) fn begin(&mut self, os: &mut impl Os, key: u32, run: Run) {
        let mut old: Vec<Run> = self.streams.iter().filter(|(_, s)| s.key == key).map(|(r, _)| *r).collect();
        old.sort_unstable();
        for run in old.iter().take((old.len() + 1).saturating_sub(STREAMS)) {
            self.end(os, *run);
        }
        self.streams.insert(run, Stream { key, lines: Lines::default() });
    }

    /// Reads what there is, but not for ever; `all`: until nothing is left, because its writers are dead.
    pub(super) fn read(&mut self, os: &mut impl Os, run: Run, all: bool) {
        // A dead process's pipe holds one pipeful; the rest of this is for one that was made larger.
        let times = if all { 64 } else { READS };
        for _ in 0..times {
            let mut buffer = std::mem::take(&mut self.buffer);
            let result = os.read(run, &mut buffer);
            if let Ok(length @ 1..) = result {
                let now = os.now();
                self.write(os, run, now, |lines, limit, each| {
                    lines.take(buffer.get(..length).unwrap_or_default(), limit, each);
                });
            }
            let full = buffer.len();
            self.buffer = buffer;
            match result {
                // Less than was asked for: there was no more, and asking again would only say so.
                Ok(length @ 1..) if length < full && !all => return,
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return self.end(os, run),
            }
        }
    }

    /// Everything of a service is over.
    pub(super) fn forget(&mut self, os: &mut impl Os, key: u32) {
        let runs: Vec<Run> = self.streams.iter().filter(|(_, s)| s.key == key).map(|(r, _)| *r).collect();
        for run in runs {
            self.end(os, run);
        }
        self.logs.remove(&key);
        self.open.retain(|open| *open != key);
    }

    /// A stream is over: what is left of it is a line.
    fn end(&mut self, os: &mut impl Os, run: Run) {
        let now = os.now();
        self.write(os, run, now, |lines, limit, each| lines.finish(limit, each));
        os.close_output(run);
        self.streams.remove(&run);
    }

    fn write(
        &mut self,
        os: &mut impl Os,
        run: Run,
        now: Moment,
        cut: impl FnOnce(&mut Lines, usize, &mut dyn FnMut(&mut dyn Iterator<Item = &[u8]>)),
    ) {
        let Some(stream) = self.streams.get_mut(&run) else { return };
        let Some(log) = self.logs.get_mut(&stream.key) else { return };
        let limit = log.writer.as_ref().map_or(LINE_LIMIT, Writer::line_limit);
        let (shared, batch) = (&mut self.shared, &mut self.batch);
        let console = self.console.as_mut().filter(|_| log.console);
        let (writer, account) = (log.writer.as_mut(), log.account.as_ref());
        let at = (now.mono, now.wall);
        let mut rights = |act: &mut dyn FnMut() -> io::Result<()>| os.as_account(account, act);
        match (writer, console) {
            (Some(writer), None) => cut(&mut stream.lines, limit, &mut |lines| {
                writer.write(lines, at, shared, &mut rights);
            }),
            (None, Some(console)) => cut(&mut stream.lines, limit, &mut |lines| console.write(lines, batch)),
            (Some(writer), Some(console)) => cut(&mut stream.lines, limit, &mut |lines| {
                let lines: Vec<&[u8]> = lines.collect();
                writer.write(lines.iter().copied(), at, shared, &mut rights);
                console.write(lines.iter().copied(), batch);
            }),
            (None, None) => cut(&mut stream.lines, limit, &mut |lines| lines.for_each(drop)),
        }
        let key = stream.key;
        self.used(key);
    }

    /// Keeps the files open that were written last, and closes the others.
    fn used(&mut self, key: u32) {
        let is_open = |log: &Log| log.writer.as_ref().is_some_and(Writer::is_open);
        if self.open.back() == Some(&key) || !self.logs.get(&key).is_some_and(is_open) {
            return;
        }
        self.open.retain(|open| *open != key);
        self.open.push_back(key);
        if self.open.len() > OPEN_FILES
            && let Some(writer) =
                self.open.pop_front().and_then(|key| self.logs.get_mut(&key)?.writer.as_mut())
        {
            writer.close();
        }
    }
}
