//! The built tree is as packagers and the trust rules want it.

use anysvc_tests::{APP, S6Lab, target_dir};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Every file and folder of the tree.
fn tree() -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        found.push(dir.to_path_buf());
        let entries = std::fs::read_dir(dir)
            .unwrap_or_else(|error| panic!("listing {}: {error}; ./x build makes the tree", dir.display()));
        for path in entries.map(|entry| entry.expect("a folder that can be listed has entries").path()) {
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&target_dir().join("anysvc"), &mut found);
    found
}

#[test]
fn modes_let_everyone_read_and_only_the_owner_write() {
    for path in tree() {
        let mode = path.metadata().expect("it is there").permissions().mode() & 0o7777;
        let program = path.is_dir() || path.parent().is_some_and(|dir| dir.ends_with("bin"));
        let wanted = if program { 0o755 } else { 0o644 };
        assert_eq!(mode, wanted, "{} has mode {mode:o}, not {wanted:o}", path.display());
    }
}

#[test]
fn every_manifest_has_its_library_and_every_library_its_manifest() {
    let folder = target_dir().join("anysvc/lib/anysvc/backends");
    for path in tree().into_iter().filter(|path| path.parent() == Some(&folder)) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let other = match name.strip_suffix(".toml") {
            Some(id) => format!("libanysvc_{id}.so"),
            None => name.trim_start_matches("libanysvc_").replace(".so", ".toml"),
        };
        assert!(folder.join(&other).is_file(), "{name} is there without {other}");
    }
}

#[test]
#[cfg(target_env = "gnu")]
fn nothing_is_linked_with_libgcc_s() {
    for path in tree().into_iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(&path).expect("it can be read");
        let needs = bytes.windows(13).any(|window| window == b"libgcc_s.so.1");
        assert!(
            !needs,
            "{} needs libgcc_s.so.1, which costs 0.13 ms at each start: see xtask/src/build.rs",
            path.display()
        );
    }
}

#[test]
fn the_laboratory_has_it_as_root_s_own() {
    let lab = S6Lab::new().start();
    lab.command("which").arg("anysvc").uid(APP).run().success().stdout_is("/opt/anysvc/bin/anysvc\n");
    let not_ours = ["/opt/anysvc", "(", "-not", "-user", "0", "-o", "-perm", "/022", ")"];
    lab.command("find").args(not_ours).run().success().stdout_is("");
}
