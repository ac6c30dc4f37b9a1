//! A folder that goes with the test.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

#[derive(Debug)]
pub(in crate::engine) struct Scratch(PathBuf);

impl Scratch {
    pub(in crate::engine) fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("anysvc-engine-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap_or_else(|error| panic!("making {}: {error}", path.display()));
        Scratch(path)
    }

    pub(in crate::engine) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_for_the_system = fs::remove_dir_all(&self.0);
    }
}
