//! Looking into the directory, by whoever is to look. Everything is opened below one descriptor, without
//! following links or waiting, and judged through its descriptor. This module must not know who looks.

use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path},
    time::{Duration, SystemTime},
};

use anysvc_backend_api::check_name;
use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::state;
use crate::{output::json, spec::template::Discover};

/// So many entries of a directory are looked at.
const MOST: usize = 10_000;
/// So many problems are told.
const MOST_PROBLEMS: usize = 100;

/// What is to be done.
pub(super) enum Task {
    /// Find instances: this one, or all.
    Find(Option<String>),
    /// Find the files of the last boot, and remove them if so told.
    Stale {
        /// In the folders of these.
        instances: Vec<String>,
        /// What was written from then on is of this boot: something has started since it was looked.
        looked: SystemTime,
        /// So told.
        remove: bool,
    },
}

/// A look into a directory.
pub(super) struct Look<'a> {
    pub(super) discover: &'a Discover,
    pub(super) task: Task,
    /// Whose everything has to be, and nobody else's to write.
    pub(super) owner: Option<u32>,
}

/// An instance that was seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) word: Option<String>,
}

/// What was seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) instances: Vec<Instance>,
    /// Files, relative to the directory.
    pub(super) files: Vec<String>,
    pub(super) problems: Vec<String>,
}

impl Look<'_> {
    /// Looks.
    ///
    /// # Errors
    /// When the directory can't be looked into. One that is not there has nothing in it.
    pub(super) fn run(&self) -> Result<Seen, String> {
        let mut seen = Seen::default();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match fs::open(&self.discover.directory, flags, Mode::empty()) {
            Ok(directory) => self.judged(directory.into())?,
            Err(rustix::io::Errno::NOENT) => return Ok(seen),
            Err(cause) => return Err(format!("cannot be opened: {cause}")),
        };
        let names = match &self.task {
            Task::Find(Some(one)) => vec![one.clone()],
            Task::Stale { instances, .. } => instances.clone(),
            Task::Find(None) => {
                names(&directory, &mut seen).map_err(|cause| format!("cannot be listed: {cause}"))?
            }
        };
        for name in names {
            if let Err(problem) = self.entry(&directory, &name, &mut seen) {
                seen.problem(format!("{}: {problem}", self.discover.directory.join(&name).display()));
            }
        }
        Ok(seen)
    }

    /// One entry of the directory: an instance, or nothing of interest.
    fn entry(&self, directory: &File, name: &str, seen: &mut Seen) -> Result<(), String> {
        let folder = match open(directory, name, OFlags::DIRECTORY) {
            Ok(folder) => folder,
            // A file beside the instances, or gone by now. A link is no folder.
            Err(rustix::io::Errno::NOTDIR | rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => {
                return Ok(());
            }
            Err(cause) => return Err(format!("cannot be opened: {cause}")),
        };
        let folder = self.judged(folder)?;
        if !self.is_file(&folder, &self.discover.marker)? {
            return Ok(());
        }
        check_name(name).map_err(|_| "is no name for an instance".to_owned())?;
        match &self.task {
            Task::Find(_) => {
                let word = self.word(&folder).unwrap_or_else(|problem| {
                    seen.problem(format!("{}: {problem}", self.discover.directory.join(name).display()));
                    None
                });
                seen.instances.push(Instance { name: name.to_owned(), word });
            }
            Task::Stale { remove, looked, .. } => self.stale(&folder, name, (*looked, *remove), seen),
        }
        Ok(())
    }

    /// The application's word for an instance. A file that is not there has none.
    fn word(&self, folder: &File) -> Result<Option<String>, String> {
        let Some(wanted) = &self.discover.state else { return Ok(None) };
        let told = |problem: String| format!("`{}` {problem}", wanted.file);
        let Some((folder, name)) = self.way(folder, &wanted.file).map_err(told)? else { return Ok(None) };
        let file = match open(&folder, &name, OFlags::NONBLOCK | OFlags::NOCTTY) {
            Ok(file) => self.judged(file).map_err(told)?,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(told("is a link, which is not followed".to_owned())),
            Err(cause) => return Err(told(format!("cannot be opened: {cause}"))),
        };
        let is_file = file.metadata().is_ok_and(|found| found.is_file());
        let mut file = if is_file { file } else { return Err(told("is not a regular file".to_owned())) };
        state::word(&mut file, &wanted.pointer).map_err(told)
    }

    fn stale(&self, folder: &File, instance: &str, (looked, remove): (SystemTime, bool), seen: &mut Seen) {
        for file in &self.discover.stale {
            let done = self.way(folder, file).and_then(|way| {
                let Some((folder, name)) = way else { return Ok(false) };
                let found = fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW);
                let removed = found.and_then(|found| match is_new(&found, looked) {
                    true => Ok(false),
                    false if remove => fs::unlinkat(&folder, &name, AtFlags::empty()).map(|()| true),
                    false => Ok(true),
                });
                match removed {
                    Ok(removed) => Ok(removed),
                    Err(rustix::io::Errno::NOENT) => Ok(false),
                    Err(cause) => Err(format!("cannot be removed: {cause}")),
                }
            });
            match done {
                Ok(there) => seen.files.extend(there.then(|| format!("{instance}/{file}"))),
                Err(problem) => {
                    let path = self.discover.directory.join(instance).join(file);
                    seen.problem(format!("{} {problem}", path.display()));
                }
            }
        }
    }

    /// Whether there is a regular file of that name.
    fn is_file(&self, folder: &File, file: &str) -> Result<bool, String> {
        let Some((folder, name)) = self.way(folder, file)? else { return Ok(false) };
        match fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(FileType::from_raw_mode(found.st_mode) == FileType::RegularFile),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(false),
            Err(cause) => Err(format!("cannot be looked at: {cause}")),
        }
    }

    /// The folder that a file is in, and its name there. `None` where the way ends before.
    fn way(&self, folder: &File, file: &str) -> Result<Option<(File, String)>, String> {
        let failed = |cause: io::Error| format!("cannot be opened: {cause}");
        let mut at = folder.try_clone().map_err(failed)?;
        let mut parts: Vec<&str> = Path::new(file)
            .components()
            .filter_map(|part| if let Component::Normal(part) = part { part.to_str() } else { None })
            .collect();
        let name = parts.pop().unwrap_or_default().to_owned();
        for part in parts {
            at = match open(&at, part, OFlags::DIRECTORY) {
                Ok(inner) => self.judged(inner)?,
                Err(rustix::io::Errno::NOENT) => return Ok(None),
                Err(rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {
                    return Err(format!("is below `{part}`, which is no folder"));
                }
                Err(cause) => return Err(failed(cause.into())),
            };
        }
        Ok(Some((at, name)))
    }

    /// What is open, unless somebody else could have made it.
    fn judged(&self, file: File) -> Result<File, String> {
        let Some(owner) = self.owner else { return Ok(file) };
        let found = file.metadata().map_err(|cause| format!("cannot be looked at: {cause}"))?;
        if found.uid() == owner && found.mode() & 0o022 == 0 {
            return Ok(file);
        }
        let (uid, mode) = (found.uid(), found.mode() & 0o7777);
        Err(format!("is not root's alone (owner {uid}, mode {mode:04o}); `discover.user` says who may look"))
    }
}

/// Times of files are those of the last tick of the kernel's clock, of which there are a hundred a second at
/// least.
const TICK: Duration = Duration::from_millis(10);

/// Whether a file was written since then. One that is from the future was written before the clock was set.
fn is_new(found: &Stat, looked: SystemTime) -> bool {
    let written = u64::try_from(found.st_mtime).ok().and_then(|seconds| {
        let since = Duration::new(seconds, u32::try_from(found.st_mtime_nsec).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    });
    written.is_some_and(|written| looked <= written + TICK && written <= SystemTime::now() + TICK)
}

/// Opens an entry of a folder, no link.
fn open(folder: &File, name: &str, flags: OFlags) -> rustix::io::Result<File> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(folder, name, flags, Mode::empty()).map(File::from)
}

/// The entries of the directory, sorted, without those that begin with a dot.
fn names(directory: &File, seen: &mut Seen) -> rustix::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if entry.file_name().to_bytes().starts_with(b".") {
            continue;
        }
        if names.len() == MOST {
            seen.problem(format!("there are more than {MOST} entries; the rest is passed over"));
            break;
        }
        // What is not UTF-8 is no instance's name, nor anything that an entry is called.
        names.extend(entry.file_name().to_str().ok().map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

impl Seen {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// As it crosses a pipe.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let instance = |seen: &Instance| {
            json::Object::new().with("name", seen.name.as_str()).maybe("word", seen.word.as_deref())
        };
        let texts = |texts: &[String]| json::list(texts.iter().map(String::as_str));
        let document = json::Object::new()
            .with("instances", json::list(self.instances.iter().map(instance)))
            .with("files", texts(&self.files))
            .with("problems", texts(&self.problems));
        json::text(document).into_bytes()
    }

    /// As it came through a pipe.
    ///
    /// # Errors
    /// Where it makes no sense.
    pub(super) fn parse(bytes: &[u8]) -> Result<Seen, String> {
        let read = |document: &serde_json::Value| {
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            let texts = |key: &str| document[key].as_array()?.iter().map(text).collect::<Option<Vec<_>>>();
            let instance = |value: &serde_json::Value| {
                Some(Instance { name: text(&value["name"])?, word: text(&value["word"]) })
            };
            let instances = document["instances"].as_array()?.iter().map(instance).collect::<Option<_>>()?;
            Some(Seen { instances, files: texts("files")?, problems: texts("problems")? })
        };
        let document = serde_json::from_slice(bytes).ok();
        document.as_ref().and_then(read).ok_or_else(|| "the answer makes no sense".to_owned())
    }
}
