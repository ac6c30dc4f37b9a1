//! Bad plugins as a user meets them: exit code 8, kind `plugin`, the reason, and a process that ends by
//! itself; one among good ones is a warning. Then a plugin that panics, and a setuid copy of the program.

#[path = "../../tests/plugins/support.rs"]
mod support;

use std::{
    fs,
    os::unix::{fs::FileExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use support::{Installed, copy_program, find, library, put, set};

const ALICE: u32 = 10_000;

const PAGE: usize = 4096;

/// Ends of `anysvc`.
struct Run {
    output: Output,
    shown: String,
}

/// Runs it with an empty environment and a store of its own.
fn anysvc(installed: &Installed, args: &[&str]) -> Run {
    let state = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_anysvc"));
    command.env_clear().arg("--state-dir").arg(state.path());
    command.arg("--backend-path").arg(installed.folder()).args(args);
    run(&mut command)
}

/// Beside the backends.
fn copy_of_the_program(installed: &Installed) -> PathBuf {
    let program = installed.folder().join("anysvc");
    copy_program(env!("CARGO_BIN_EXE_anysvc"), &program);
    program
}

fn run(command: &mut Command) -> Run {
    let output = command.output().expect("anysvc can be run");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let shown = format!("{command:?}\n{}\n--- output\n{out}--- errors\n{err}", output.status);
    Run { output, shown }
}

impl Run {
    #[track_caller]
    fn ends(self, code: i32) -> Run {
        assert_eq!(self.output.status.code(), Some(code), "{}", self.shown);
        self
    }

    #[track_caller]
    fn shows(self, text: &str) -> Run {
        assert!(self.shown.contains(text), "no {text:?} in {}", self.shown);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout).unwrap_or_else(|_| panic!("no JSON: {}", self.shown))
    }
}

/// A name, the file, and the reason that it is refused.
fn bad_libraries() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = library("unruly");
    let note = find(&good, b"anysvc\0\0\x01\0\0\0") - 12;
    vec![
        ("no library", b"#!/bin/sh\n".to_vec(), "is not a library"),
        ("empty", Vec::new(), "is empty"),
        ("cut", good[..good.len() / 2].to_vec(), "is truncated"),
        ("32-bit", put(&good, 4, &[1]), "is a 32-bit library"),
        ("other machine", put(&good, 18, &22_u16.to_ne_bytes()), "is for another machine: s390x"),
        ("zeroed", vec![0; good.len()], "is not a library"),
        ("no note", put(&good, note, &[0; 36]), "is not an anysvc backend"),
        ("major", put(&good, note + 20, &9_u32.to_ne_bytes()), "is made for API 9.0, and this anysvc has 1."),
        ("no root module", library("rootless"), "has no root module"),
        ("misfit", library("misfit"), "its functions do not fit"),
    ]
}

#[test]
fn a_bad_plugin_that_is_needed_is_exit_code_8_and_kind_plugin() {
    for (name, file, reason) in bad_libraries() {
        let installed = Installed::new(&file);
        for args in [
            &["--json", "--backend", "x", "status", "web"][..],
            &["--json", "status", "web"],
            &["--json", "backends", "verify", installed.manifest().to_str().expect("a path")],
            &["--json", "backends", "verify", installed.library().to_str().expect("a path")],
        ] {
            let run = anysvc(&installed, args).ends(8);
            let error = &run.json()["error"];
            assert_eq!(error["kind"], "plugin", "{name}: {}", run.shown);
            let message = error["message"].as_str().expect("a message");
            assert!(message.contains(reason), "{name}: {}", run.shown);
        }
    }
}

#[test]
fn owner_and_mode_too() {
    let installed = Installed::new(&library("unruly"));
    set(&installed.library(), ALICE, 0o644);
    anysvc(&installed, &["status", "web"])
        .ends(8)
        .shows("libx.so is not trusted: somebody else owns it (owner 10000");
    set(&installed.library(), 0, 0o666);
    anysvc(&installed, &["status", "web"])
        .ends(8)
        .shows("everybody may write it (owner 0, mode 0666)")
        .shows("chmod go-w");
    fs::remove_file(installed.library()).expect("a removal");
    anysvc(&installed, &["status", "web"]).ends(8).shows("libx.so: No such file or directory");
}

#[test]
fn a_bad_plugin_beside_a_good_one_is_a_warning_that_listings_show() {
    let installed = Installed::new(&library("unruly"));
    let second = |name: &str, text: &str| {
        let path = installed.folder().join(name);
        fs::write(&path, text).expect("a manifest");
        set(&path, 0, 0o644);
    };
    second("odd.toml", "id = 'odd'\n");
    anysvc(&installed, &["detect"]).ends(0).shows("x\n").shows("odd.toml: `api` is missing");
    anysvc(&installed, &["backends"]).ends(0).shows("odd").shows("odd.toml: `api` is missing");
    anysvc(&installed, &["detect", "--explain"]).ends(0).shows("odd.toml: `api` is missing");
    anysvc(&installed, &["--backend", "odd", "detect"]).ends(8).shows("odd.toml: `api` is missing");
    installed.write_manifest("fallback = true");
    anysvc(&installed, &["detect"])
        .ends(8)
        .shows("`x` would be chosen instead of a backend that can't be used");
    anysvc(&installed, &["--backend", "x", "detect"]).ends(0).shows("x\n");
}

#[test]
fn a_panic_in_a_plugin_is_an_error_of_that_service_alone() {
    let installed = Installed::new(&library("unruly"));
    let run = anysvc(&installed, &["--json", "status", "good", "bad", "fine"]);
    let services = run.json()["services"].clone();
    let of = |name: &str| {
        let found = services.as_array().and_then(|list| list.iter().find(|s| s["name"] == name).cloned());
        found.unwrap_or_else(|| panic!("no {name}: {}", run.shown))
    };
    assert_eq!(of("bad")["error"]["kind"], "panicked", "{}", run.shown);
    assert_eq!((&of("good")["state"], &of("fine")["state"]), (&"running".into(), &"running".into()));
    run.ends(1);
}

#[test]
fn a_setuid_copy_ignores_where_its_starter_says_that_backends_are() {
    let installed = Installed::new(&library("unruly"));
    let program = copy_of_the_program(&installed);
    let detect = |mode: u32| {
        set(&program, 0, mode);
        let mut command = Command::new(&program);
        command
            .env_clear()
            .env("ANYSVC_BACKEND_PATH", installed.folder())
            .env("HOME", "/home/alice")
            .arg("detect");
        run(command.current_dir(Path::new("/")).uid(ALICE).gid(ALICE))
    };
    detect(0o755).ends(0).shows("x\n");
    detect(0o4755).ends(8).shows("no backend is installed");
}

#[test]
fn a_setuid_copy_takes_neither_state_nor_logging_from_its_starter() {
    let installed = Installed::new(&library("unruly"));
    let program = copy_of_the_program(&installed);
    let state = tempfile::tempdir().expect("a folder");
    set(state.path(), ALICE, 0o700);
    let list = |mode: u32| {
        set(&program, 0, mode);
        let mut command = Command::new(&program);
        command.env_clear().env("ANYSVC_LOG", "debug").arg("--state-dir").arg(state.path());
        command.arg("--backend-path").arg(installed.folder()).arg("list");
        run(command.current_dir(Path::new("/")).uid(ALICE).gid(ALICE))
    };
    list(0o755).ends(0).shows("services are remembered in");
    let setuid = list(0o4755).shows("more rights than who started it").ends(7);
    assert!(!setuid.shown.contains("services are remembered in"), "{}", setuid.shown);
}

#[test]
fn a_folder_of_backends_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let (installed, dark) = (Installed::new(&library("unruly")), tempfile::tempdir().expect("a folder"));
    installed.write_manifest("fallback = true");
    set(dark.path(), 0, 0o700);
    // Not in the build's folder, which others may not enter.
    let program = copy_of_the_program(&installed);
    set(&program, 0, 0o755);
    let detect = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().env("HOME", "/home/alice").arg("--backend-path").arg(dark.path());
        command
            .arg("--backend-path")
            .arg(installed.folder())
            .args(["--state-dir", "/nonexistent"])
            .args(args);
        run(command.current_dir(Path::new("/")).uid(ALICE).gid(ALICE))
    };
    let dark = format!("cannot read {}: Permission denied", dark.path().display());
    let run = detect(&["detect"]).shows("`x` would be chosen instead of a backend that can't be used");
    run.shows(&dark);
    detect(&["--backend", "x", "detect"]).ends(0).shows(&dark);
    installed.write_manifest("");
    detect(&["detect"]).ends(0).shows(&dark);
}

/// Whatever page is damaged (one in four: each takes a process or two), the verifier itself does not end by it: what a look can't see, another
/// process meets first.
#[test]
fn verify_survives_zeroed_pages() {
    let whole = library("unruly");
    let (mut refused, mut died) = (0, 0);
    let installed = Installed::new(&whole);
    let file = fs::File::options().write(true).open(installed.library()).expect("the library");
    // What is loaded comes first; of the rest, for debuggers, a few pages are enough.
    for page in (0..whole.len() / PAGE).filter(|page| page % if *page < 320 { 4 } else { 512 } == 0) {
        let at = page * PAGE;
        file.write_all_at(&[0; PAGE], at as u64).expect("a zeroed page");
        let manifest = installed.manifest();
        let run = anysvc(&installed, &["--json", "backends", "verify", manifest.to_str().expect("a path")]);
        match run.output.status.code() {
            Some(0) => {}
            Some(8) => {
                assert_eq!(run.json()["error"]["kind"], "plugin", "page {page}: {}", run.shown);
                let dead = run.shown.contains("ends the process that loads it, with signal");
                if dead { died += 1 } else { refused += 1 }
            }
            _ => panic!("page {page}: {}", run.shown),
        }
        file.write_all_at(&whole[at..at + PAGE], at as u64).expect("the page again");
    }
    assert!(refused > 1 && died > 1, "{refused} refused, {died} died");
}
