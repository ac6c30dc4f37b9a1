//! Several logs as one stream: merged by time as far as they have been written, then as they come.

use std::{collections::VecDeque, path::PathBuf};

use anysvc_backend_api::{Deadline, Error, LogChunk, LogQuery, LogRecord, LogStream, Result};

use super::{Place, Source, reader::Reader};
use crate::inotify::{Watch, Watcher, Woken};

/// About how many records a chunk holds.
const CHUNK: usize = 1000;

/// An open stream.
pub(super) struct Stream {
    logs: Vec<Log>,
    query: LogQuery,
    watcher: Watcher,
}

/// One log of it.
struct Log {
    source: Box<dyn Source>,
    reader: Option<Reader>,
    /// Records that are not merged yet, oldest first.
    buffer: VecDeque<LogRecord>,
    /// There is no more to be read for now.
    dry: bool,
    /// What is watched to learn of more.
    watched: Option<(PathBuf, Watch)>,
}

impl Stream {
    pub(super) fn open(sources: Vec<Box<dyn Source>>, query: &LogQuery) -> Result<Stream> {
        let log = |source| Log { source, reader: None, buffer: VecDeque::new(), dry: false, watched: None };
        let mut stream = Stream {
            logs: sources.into_iter().map(log).collect(),
            query: query.clone(),
            watcher: Watcher::new()?,
        };
        for log in &mut stream.logs {
            log.look(query, &mut stream.watcher)?;
        }
        Ok(stream)
    }

    /// Merges what is there.
    fn take(&mut self) -> Result<Vec<LogRecord>> {
        let mut records = Vec::new();
        while records.len() < CHUNK {
            for log in &mut self.logs {
                log.fill()?;
            }
            // A record without a time goes with the one before it, which has left already.
            let head = |log: &Log| log.buffer.front().map(|record| record.time);
            let first = (0..self.logs.len())
                .filter(|i| !self.logs[*i].buffer.is_empty())
                .min_by_key(|i| head(&self.logs[*i]));
            let Some(first) = first else { break };
            let next =
                self.logs.iter().enumerate().filter(|(i, _)| *i != first).filter_map(|(_, log)| head(log));
            let until = next.min();
            let log = &mut self.logs[first];
            // As many as come before all others at once.
            while records.len() < CHUNK
                && let Some(record) = log.buffer.front()
                && until.is_none_or(|until| record.time <= until)
            {
                records.extend(log.buffer.pop_front());
            }
        }
        Ok(records)
    }
}

impl Log {
    /// Makes sure that there is a record at hand, or none to be had.
    fn fill(&mut self) -> Result<()> {
        if self.buffer.is_empty() && !self.dry {
            match &mut self.reader {
                Some(reader) => {
                    let service = self.source.service();
                    self.buffer.extend(reader.next().map_err(|error| error.with_service(service))?);
                    self.dry = self.buffer.is_empty();
                }
                None => self.dry = true,
            }
        }
        Ok(())
    }

    /// Finds the log, if it was not there, and watches what tells of more. First the watch, then the
    /// look: what comes between them is told.
    fn look(&mut self, query: &LogQuery, watcher: &mut Watcher) -> Result<()> {
        loop {
            if self.reader.is_none() {
                match self.source.place()? {
                    Place::Known(path, owner) => {
                        let service = self.source.service().to_owned();
                        let reader = Reader::open(service, path, owner, query);
                        self.reader =
                            Some(reader.map_err(|error| error.with_service(self.source.service()))?);
                    }
                    Place::Later(folder) => {
                        if !query.follow || self.watch(folder, watcher)? {
                            return Ok(());
                        }
                        continue;
                    }
                }
            }
            let Some(reader) = &self.reader else { return Ok(()) };
            if !query.follow || self.watch(reader.to_watch(), watcher)? {
                return Ok(());
            }
        }
    }

    /// Watches a folder instead of another one; whether it was watched before.
    fn watch(&mut self, folder: PathBuf, watcher: &mut Watcher) -> Result<bool> {
        let watch = match watcher.add(&folder) {
            // Another folder of the same name is another watch.
            Ok(watch) => Some((folder, watch)),
            // It has just gone: there is another to watch.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Error::io("watch", folder, &error)
                    .with_service(self.source.service())
                    .with_hint(
                        "the limits fs.inotify.max_user_watches and max_user_instances may be too low",
                    ));
            }
        };
        let same = watch.is_some() && self.watched == watch;
        self.watched = watch;
        Ok(same)
    }
}

impl LogStream for Stream {
    fn next(&mut self, deadline: Deadline) -> Result<LogChunk> {
        loop {
            if self.watcher.cancelled() {
                return Ok(LogChunk { records: Vec::new(), end: true });
            }
            let records = self.take()?;
            if !self.query.follow {
                let end = self.logs.iter().all(|log| log.dry && log.buffer.is_empty());
                return Ok(LogChunk { records, end });
            }
            if !records.is_empty() {
                return Ok(LogChunk { records, end: false });
            }
            match self.watcher.wait(deadline)? {
                Woken::Cancelled => return Ok(LogChunk { records, end: true }),
                Woken::TimedOut => return Ok(LogChunk::default()),
                Woken::Changed => {
                    for log in &mut self.logs {
                        log.look(&self.query, &mut self.watcher)?;
                        log.dry = false;
                    }
                }
            }
        }
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        self.watcher.canceller()
    }
}
