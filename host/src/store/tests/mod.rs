//! The store on a real file system: what it creates, what it refuses, and that a change is whole.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anysvc_backend_api::{Boot, Deadline, ErrorKind, Scope};

use super::{Desired, Entry, Header, ProblemKind, Store, header};
use crate::spec::Spec;

mod changes;
mod distrust;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path =
            std::env::temp_dir().join(format!("anysvc-store-{:016x}", crate::store::replace::random()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn state(&self) -> PathBuf {
        self.0.join("home/state")
    }

    fn store(&self) -> Store {
        Store::open(&self.state(), uid()).unwrap()
    }

    /// A store with these services.
    fn with(names: &[&str]) -> (Folder, Store) {
        let folder = Folder::new();
        let store = folder.store();
        put(&store, &names.iter().map(|name| entry(name)).collect::<Vec<_>>());
        (folder, store)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

fn entry(name: &str) -> Entry {
    let mut spec = Spec::default();
    spec.service.name = name.to_owned();
    spec.service.command = vec!["/bin/true".into(), name.into()];
    Entry::new(spec, Desired::Up, "test", Scope::User)
}

fn put(store: &Store, entries: &[Entry]) {
    store.lock(Deadline::NONE).unwrap().put(entries).into_iter().for_each(|result| result.unwrap());
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// The error's text with the path of the state folder as `STATE`.
fn told(store: &Store, error: &anysvc_backend_api::Error) -> String {
    error.message.replace(store.state_dir().to_str().unwrap(), "STATE")
}
