//! What the tests of the loader share: the built plugins, a folder to install them in, and who calls.
//! Included by each of them, which may need only a part of it.
#![allow(dead_code, reason = "no test file uses all of it")]

#[path = "mark.rs"]
mod marks;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

use anysvc::{
    config::Config,
    discovery::Catalog,
    environment::{Caller, Environment, Overrides, Variables},
    loader::{self, Loaded},
    selection,
};
use anysvc_backend_api::{Error, Result, Scope};

/// The file that a plugin's constructor leaves.
pub fn mark() -> PathBuf {
    marks::mark()
}

/// Removes the marks of processes that are no more: a number comes back, and then its mark would be ours.
fn sweep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = fs::remove_file(mark());
        for entry in fs::read_dir(std::env::temp_dir()).expect("the temporary folder").flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix("anysvc-constructed-"));
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    });
}

/// The bytes of a plugin's library, which cargo left beside this test.
pub fn library(name: &str) -> Vec<u8> {
    let here = std::env::current_exe().expect("the test's own path");
    let path = here.with_file_name(format!("libanysvc_test_{name}.so"));
    fs::read(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// A folder of root's with one backend in it, `x`.
pub struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    /// With this library, and a manifest under which it fits everywhere.
    pub fn new(library: &[u8]) -> Installed {
        sweep();
        let folder = tempfile::Builder::new().prefix("anysvc-loader-").tempdir().expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
        let installed = Installed { folder };
        installed.write_library(library);
        installed.write_manifest("");
        installed
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn library(&self) -> PathBuf {
        self.folder().join("libx.so")
    }

    pub fn manifest(&self) -> PathBuf {
        self.folder().join("x.toml")
    }

    pub fn write_library(&self, bytes: &[u8]) {
        // A library in use must not be written over: the old one is another file.
        let _ = fs::remove_file(self.library());
        fs::write(self.library(), bytes).expect("a library");
        set(&self.library(), 0, 0o644);
    }

    /// The manifest with something more in front of `[fits]`.
    pub fn write_manifest(&self, more: &str) {
        let text = format!(
            "id = 'x'\nsummary = 'a test'\nlibrary = 'libx.so'\napi = '1.0'\npriority = 100\n\
             scopes = ['system', 'user']\n{more}\n[fits]\n"
        );
        fs::write(self.manifest(), text).expect("a manifest");
        set(&self.manifest(), 0, 0o644);
    }

    /// What this caller sees, with nothing but this folder named.
    pub fn environment(&self, caller: Caller) -> Environment {
        let overrides = Overrides { backend_path: vec![self.folder().into()], ..Overrides::default() };
        Environment::assemble(overrides, caller, Variables::none())
    }

    /// Goes the whole way to the loaded backend.
    pub fn load(&self, caller: Caller) -> Result<Loaded> {
        let env = self.environment(caller);
        let catalog = Catalog::discover(&env);
        let selection = selection::select(&catalog, &env, &Config::default(), Some("x"), Scope::System)?;
        loader::load(selection.library)
    }

    /// The error that root gets.
    #[track_caller]
    pub fn refusal(&self) -> Error {
        match self.load(Caller::plain(0, 0)) {
            Ok(_) => panic!("{} was loaded", self.library().display()),
            Err(error) => error,
        }
    }
}

/// Gives a file to a user, with a mode.
#[track_caller]
pub fn set(path: &Path, uid: u32, mode: u32) {
    chown(path, Some(uid), Some(uid)).expect("these tests have to run as root");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// Copies a program, so that it can be run at once. Another process does it: a child that another test
/// starts meanwhile would hold what this one writes open, and what is open for writing can't be run.
#[track_caller]
pub fn copy_program(from: impl AsRef<Path>, to: &Path) {
    let copied = Command::new("/bin/cp").arg(from.as_ref()).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "no copy of the program at {}", to.display());
}

/// Where some bytes are in others.
pub fn find(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).position(|window| window == needle).expect("these bytes are in there")
}

/// The bytes with some of them replaced, all occurrences, the length kept.
pub fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from) {
        bytes[at + found..][..to.len()].copy_from_slice(to);
        at += found + to.len();
    }
    bytes
}

/// The bytes with some of them put at an offset.
pub fn put(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}
