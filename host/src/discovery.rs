//! What backends are installed: the search path, and every manifest found along it. The first hit of an id
//! wins. This module must not know which backend fits, nor load anything.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Error, ErrorKind, Result};

use crate::{
    environment::{Environment, absolute_folders},
    manifest::{self, Manifest},
    trust::{self, Folder, Owners, Trusted},
};

/// Where packagers put backends, unless they say otherwise when they build.
const LIBDIR: &str = match option_env!("ANYSVC_LIBDIR") {
    Some(folder) => folder,
    None => "/usr/lib/anysvc/backends",
};

/// What put a folder on the search path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `--backend-path`.
    CommandLine,
    /// `ANYSVC_BACKEND_PATH`.
    Variable,
    /// It is beside the program.
    Program,
    /// It was set when the program was built.
    Libdir,
    /// It is in the caller's data home.
    DataHome,
}

/// A folder of the search path.
#[derive(Clone, Debug, PartialEq)]
pub struct Searched {
    /// The folder.
    pub folder: PathBuf,
    /// What put it there.
    pub source: Source,
    /// Why nothing was found in it; nothing for a folder that could be read.
    pub problem: Option<Error>,
    /// Nothing in it counts, whatever it is; else a problem means that nobody knows what is in it.
    pub ignored: bool,
}

/// A backend that is installed, in order or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Its manifest's path, as found.
    pub path: PathBuf,
    /// What put its folder on the search path.
    pub source: Source,
    /// What its manifest says, or why that can't be used.
    pub manifest: Result<Manifest>,
    /// Its folder, if that was judged already.
    pub judged: Option<Folder>,
}

/// All backends that are installed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Catalog {
    /// One for each id, in the order of the search path.
    pub found: Vec<Found>,
    /// The folders that were searched.
    pub searched: Vec<Searched>,
}

impl Catalog {
    /// Reads every manifest along the search path. Faults are kept with what has them.
    pub fn discover(env: &Environment) -> Catalog {
        search(env, None)
    }

    /// As [`Catalog::discover`], but reads the manifest of one backend only.
    pub fn discover_only(env: &Environment, id: &str) -> Catalog {
        search(env, Some(id))
    }

    /// The backend of an id.
    pub fn get(&self, id: &str) -> Option<&Found> {
        self.found.iter().find(|found| found.id == id)
    }

    /// Everything that is wrong with what was found, for listings.
    pub fn problems(&self) -> impl Iterator<Item = &Error> {
        let of_folders = self.searched.iter().filter_map(|searched| searched.problem.as_ref());
        of_folders.chain(self.found.iter().filter_map(|found| found.manifest.as_ref().err()))
    }
}

impl Found {
    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Its library's path.
    ///
    /// # Errors
    /// What is wrong with its manifest.
    pub fn library(&self) -> Result<PathBuf> {
        let manifest = self.manifest.as_ref().map_err(Clone::clone)?;
        Ok(self.folder().join(&manifest.library))
    }

    /// Opens its library, if that is trusted.
    ///
    /// # Errors
    /// What is wrong with its manifest; those of [`trust::open`].
    pub fn open_library(&self, owners: Owners) -> Result<Trusted> {
        let manifest = self.manifest.as_ref().map_err(Clone::clone)?;
        match &self.judged {
            Some(folder) => folder.open(manifest.library.as_ref()),
            None => trust::open(&self.library()?, owners),
        }
    }
}

/// The backend of a manifest at this very path.
pub fn found_at(path: &Path, env: &Environment) -> Found {
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let manifest = read(path, trust::open(path, env.owners()));
    Found { id, path: path.to_owned(), source: Source::CommandLine, manifest, judged: None }
}

/// The folders that are searched, in order, each once.
pub fn search_path(env: &Environment) -> Vec<(PathBuf, Source)> {
    let lists = env.overrides().backend_path.iter();
    let mut path: Vec<(PathBuf, Source)> = lists
        .flat_map(std::env::split_paths)
        .filter_map(|folder| std::path::absolute(folder).ok())
        .map(|folder| (folder, Source::CommandLine))
        .collect();
    let named = env.variable("ANYSVC_BACKEND_PATH").map(|list| absolute_folders(&list)).unwrap_or_default();
    path.extend(named.into_iter().map(|folder| (folder, Source::Variable)));
    path.extend(beside_program(env).map(|folder| (folder, Source::Program)));
    path.push((LIBDIR.into(), Source::Libdir));
    let data = env.xdg_folder("XDG_DATA_HOME", ".local/share");
    path.extend(data.map(|data| (data.join("anysvc/backends"), Source::DataHome)));
    let mut distinct: Vec<(PathBuf, Source)> = Vec::with_capacity(path.len());
    for entry in path {
        if !distinct.iter().any(|(folder, _)| *folder == entry.0) {
            distinct.push(entry);
        }
    }
    distinct
}

/// `../lib/anysvc/backends`, seen from where the program really is.
fn beside_program(env: &Environment) -> Option<PathBuf> {
    let named = env.overrides().program.clone();
    let program = named.map_or_else(std::env::current_exe, Ok).ok()?;
    Some(program.parent()?.parent()?.join("lib/anysvc/backends"))
}

fn search(env: &Environment, only: Option<&str>) -> Catalog {
    let mut catalog = Catalog::default();
    for (folder, source) in search_path(env) {
        let searched = match ignored(&folder, source, env) {
            Some(problem) => Searched { folder, source, problem: Some(problem), ignored: true },
            None => {
                let problem = search_in(&mut catalog, &folder, source, env, only).err();
                Searched { folder, source, problem, ignored: false }
            }
        };
        catalog.searched.push(searched);
        if only.is_some() && !catalog.found.is_empty() {
            break;
        }
    }
    catalog
}

/// Why nothing in a folder counts: root started from a user's session must not act on what that user
/// wrote, nor may it hide what root installed.
fn ignored(folder: &Path, source: Source, env: &Environment) -> Option<Error> {
    if source != Source::Variable || !env.caller().is_root() {
        return None;
    }
    let mut fault = trust::check_way(folder, env.owners()).err()?;
    if fault.kind != ErrorKind::Plugin {
        return None;
    }
    fault.message = format!("a folder of {source} is ignored: {}", fault.message);
    Some(fault)
}

fn search_in(
    catalog: &mut Catalog,
    folder: &Path,
    source: Source,
    env: &Environment,
    only: Option<&str>,
) -> Result<()> {
    let found = match only {
        Some(id) => one(folder, id),
        None => all(folder),
    };
    match found {
        Ok(paths) => {
            add_all(catalog, paths, source, Folder::judge(folder, env.owners()));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("read", folder, &error)),
    }
}

/// The path that the manifest of an id would have, if it is there.
fn one(folder: &Path, id: &str) -> io::Result<Vec<PathBuf>> {
    let path = folder.join(format!("{id}.toml"));
    path.symlink_metadata().map(|_| vec![path])
}

/// The manifests of a folder, by name.
fn all(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Adds what is in a folder; where that is not trusted, nothing in it is.
fn add_all(catalog: &mut Catalog, paths: Vec<PathBuf>, source: Source, judged: Result<Folder>) {
    for path in paths {
        // Other names belong to other programs, or to nobody.
        let Some(id) = path.file_stem().and_then(|stem| stem.to_str()).filter(|id| manifest::is_id(id))
        else {
            continue;
        };
        if catalog.get(id).is_some() {
            continue;
        }
        let id = id.to_owned();
        let opened = judged.clone().and_then(|folder| folder.open(path.file_name().unwrap_or_default()));
        let manifest = read(&path, opened);
        catalog.found.push(Found { id, path, source, manifest, judged: judged.clone().ok() });
    }
}

fn read(path: &Path, opened: Result<Trusted>) -> Result<Manifest> {
    let text = opened.and_then(|file| file.text(manifest::LONGEST));
    text.and_then(|text| Manifest::parse(path, &text)).map_err(as_plugin)
}

/// Whatever is wrong with a backend's files, it is the backend that can't be used.
fn as_plugin(mut error: Error) -> Error {
    error.kind = ErrorKind::Plugin;
    error.hint.get_or_insert_with(|| "install the backend again, or remove its manifest".to_owned());
    error
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::CommandLine => "--backend-path",
            Source::Variable => "ANYSVC_BACKEND_PATH",
            Source::Program => "beside the program",
            Source::Libdir => "the system's backends",
            Source::DataHome => "the user's backends",
        })
    }
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
