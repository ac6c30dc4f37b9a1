//! What is wrong with a plugin's files is found before any of its code runs: each fault has its own text,
//! and the mark that the plugin's constructor leaves is never there.

#[path = "../plugins/support.rs"]
mod support;

use std::os::unix::fs::{FileExt as _, symlink};

use anysvc::{
    environment::{Caller, Environment, Overrides, Variables},
    loader::verify,
};
use anysvc_backend_api::ErrorKind;
use support::{Installed, find, library, mark, put, replaced, set};

const ALICE: u32 = 10_000;
const MALLORY: u32 = 10_001;
const PAGE: usize = 4096;

fn good() -> Vec<u8> {
    library("unruly")
}

fn note_at(file: &[u8]) -> usize {
    find(file, b"anysvc\0\0\x01\0\0\0") - 12
}

/// The file is refused with this text, as the backend's fault, and none of its code ran.
#[track_caller]
fn refused(installed: &Installed, text: &str) {
    let error = installed.refusal();
    assert!(error.message.contains(text), "expected {text:?} in {:?}", error.message);
    assert_eq!(error.kind, ErrorKind::Plugin);
    assert!(error.hint.is_some(), "{error} has no hint");
    assert!(!mark().exists(), "code of the library ran although: {error}");
}

#[track_caller]
fn file_refused(bytes: &[u8], text: &str) {
    let installed = Installed::new(bytes);
    refused(&installed, text);
    let library = installed.library();
    refused(&installed, &format!("the backend `x` can't be used: {} ", library.display()));
}

#[test]
fn not_a_library() {
    file_refused(b"#!/bin/sh\necho no library\n", "is not a library");
    file_refused(&vec![0; 3 * PAGE], "is not a library");
}

#[test]
fn empty() {
    file_refused(b"", "is empty");
}

#[test]
fn cut_at_every_page() {
    let installed = Installed::new(&good());
    let file = std::fs::File::options().write(true).open(installed.library()).expect("the library");
    let mut length = file.metadata().expect("its length").len() - 1;
    while length > 0 {
        file.set_len(length).expect("a cut");
        refused(&installed, if length < 4 { "is not a library" } else { "is truncated" });
        length = if length > PAGE as u64 { (length - 1) / PAGE as u64 * PAGE as u64 } else { length / 3 };
    }
}

#[test]
fn another_machine() {
    let other: u16 = if cfg!(target_arch = "s390x") { 62 } else { 22 };
    file_refused(
        &put(&good(), 18, &other.to_ne_bytes()),
        "is for another machine: s390x, and this anysvc is for",
    );
    file_refused(&put(&good(), 5, &[2]), "is for another machine: its byte order is not that of");
}

#[test]
fn thirty_two_bits() {
    file_refused(&put(&good(), 4, &[1]), "is a 32-bit library, and this anysvc is a 64-bit program");
}

#[test]
fn a_program() {
    let program = std::fs::read("/usr/bin/true").expect("a program");
    file_refused(&program, "is not a shared library, but a program or an object file");
}

#[test]
fn zeroed_from_a_page_to_the_end() {
    let whole = good();
    let note = note_at(&whole);
    for first in (0..=note / PAGE).map(|page| page * PAGE) {
        let zeroed = put(&whole, first, &vec![0; whole.len() - first]);
        file_refused(&zeroed, if first == 0 { "is not a library" } else { "is not an anysvc backend" });
    }
    let after = (note / PAGE + 1) * PAGE;
    file_refused(&put(&whole, after, &vec![0; whole.len() - after]), "its headers make no sense");
    file_refused(&put(&whole, note, &[0; 36]), "is not an anysvc backend: it has no note that says so");
}

/// Every page by itself, as a damaged disk would have it. A look sees the pages with the headers, the note
/// and the dynamic section. It does not see the others, code and data that it would have to read the whole
/// file for: against those stands that root or the caller put the file there, and `backends verify`, which
/// tells of them (`host/tests/loader_cli.rs`).
#[test]
fn zeroed_pages_that_a_look_can_see() {
    let whole = good();
    let word = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().expect("eight bytes")) as usize;
    let half = |at: usize| u16::from_le_bytes([whole[at], whole[at + 1]]) as usize;
    let headers = (0..half(56)).map(|index| word(32) + index * half(54));
    let dynamic = headers.into_iter().find(|&at| whole[at..at + 4] == [2, 0, 0, 0]).expect("PT_DYNAMIC");
    let dynamic = word(dynamic + 8);
    let mut seen = Vec::new();
    let installed = Installed::new(&whole);
    let file = std::fs::File::options().write(true).open(installed.library()).expect("the library");
    for page in 0..whole.len() / PAGE {
        let at = page * PAGE;
        file.write_all_at(&[0; PAGE], at as u64).expect("a zeroed page");
        let env = installed.environment(Caller::plain(0, 0));
        let catalog = anysvc::discovery::Catalog::discover(&env);
        if let Err(error) = anysvc::loader::examine(catalog.get("x").expect("found"), &env) {
            assert_eq!((error.kind, error.hint.is_some()), (ErrorKind::Plugin, true), "{error}");
            seen.push((page, error.message));
        }
        file.write_all_at(&whole[at..at + PAGE], at as u64).expect("the page again");
    }
    let text = |page: usize| seen.iter().find(|(at, _)| *at == page).map_or("", |(_, text)| text.as_str());
    assert!(text(0).ends_with("is not a library"), "{seen:?}");
    assert!(text(dynamic / PAGE).ends_with("is damaged: its headers make no sense"), "{seen:?}");
    assert!(!mark().exists());
}

#[test]
fn no_note() {
    let without = replaced(&good(), b"anysvc\0\0\x01\0\0\0", b"nobody\0\0\x01\0\0\0");
    file_refused(&without, "is not an anysvc backend: it has no note that says so");
    let libc = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"];
    let libm = libc.iter().find_map(|path| std::fs::read(path.replace("libc", "libm")).ok());
    file_refused(&libm.expect("some library"), "is not an anysvc backend: it has no note that says so");
}

#[test]
fn another_major_version() {
    let at = note_at(&good()) + 20;
    file_refused(&put(&good(), at, &9_u32.to_ne_bytes()), "is made for API 9.0, and this anysvc has 1.");
    let installed = Installed::new(&put(&good(), at, &9_u32.to_ne_bytes()));
    assert_eq!(installed.refusal().hint.as_deref(), Some("update anysvc"));
}

#[test]
fn writable_by_others() {
    let installed = Installed::new(&good());
    set(&installed.library(), 0, 0o646);
    refused(&installed, "libx.so is not trusted: everybody may write it (owner 0, mode 0646)");
    set(&installed.library(), 0, 0o664);
    refused(&installed, "libx.so is not trusted: its group may write it (owner 0, mode 0664)");
    set(&installed.library(), 0, 0o644);
    set(&installed.manifest(), 0, 0o666);
    refused(&installed, "x.toml is not trusted: everybody may write it (owner 0, mode 0666)");
    set(&installed.manifest(), 0, 0o644);
    set(installed.folder(), 0, 0o777);
    refused(&installed, "is not trusted: everybody may write it (owner 0, mode 0777)");
}

#[test]
fn foreign_owner() {
    let installed = Installed::new(&good());
    set(&installed.library(), MALLORY, 0o644);
    refused(&installed, "libx.so is not trusted: somebody else owns it (owner 10001, mode 0644)");
    let for_alice = installed.load(Caller::plain(ALICE, ALICE)).map(drop).expect_err("a refusal");
    let hint =
        format!("it has to be root's or yours (uid 10000): `chown root {}`", installed.library().display());
    assert_eq!(for_alice.hint, Some(hint));
    set(&installed.library(), 0, 0o644);
    set(&installed.manifest(), MALLORY, 0o644);
    refused(&installed, "x.toml is not trusted: somebody else owns it (owner 10001, mode 0644)");
    set(&installed.manifest(), 0, 0o644);
    set(installed.folder(), MALLORY, 0o755);
    refused(&installed, "is not trusted: somebody else owns it (owner 10001, mode 0755)");
    assert!(!mark().exists());
}

#[test]
fn alices_own_is_for_alice_and_not_for_root_nor_for_a_setuid_program_she_starts() {
    let installed = Installed::new(&good());
    for path in [installed.library(), installed.manifest(), installed.folder().to_owned()] {
        set(&path, ALICE, if path == installed.folder() { 0o755 } else { 0o644 });
    }
    refused(&installed, "somebody else owns it (owner 10000");
    let setuid = Caller { euid: 0, ..Caller::plain(ALICE, ALICE) };
    let error = installed.load(setuid).map(drop).expect_err("a refusal");
    assert!(error.message.contains("somebody else owns it (owner 10000"), "{error}");
    let secure = Caller { secure: true, ..Caller::plain(ALICE, ALICE) };
    let error = installed.load(secure).map(drop).expect_err("a refusal");
    assert!(error.message.contains("somebody else owns it (owner 10000"), "{error}");
    assert!(!mark().exists());
    let env = installed.environment(Caller::plain(ALICE, ALICE));
    let catalog = anysvc::discovery::Catalog::discover(&env);
    let found = catalog.get("x").expect("it is found");
    anysvc::loader::examine(found, &env).expect("alice may load it");
}

#[test]
fn missing_library() {
    let installed = Installed::new(&good());
    std::fs::remove_file(installed.library()).expect("a removal");
    refused(&installed, "libx.so: No such file or directory");
}

#[test]
fn a_link_out_of_the_folder_is_judged_where_it_leads() {
    let (installed, elsewhere) = (Installed::new(&good()), Installed::new(&good()));
    set(elsewhere.folder(), MALLORY, 0o755);
    std::fs::remove_file(installed.library()).expect("a removal");
    symlink(elsewhere.library(), installed.library()).expect("a link");
    refused(&installed, &format!("{} is not trusted", elsewhere.folder().display()));
}

#[test]
fn not_a_regular_file() {
    let installed = Installed::new(&good());
    std::fs::remove_file(installed.library()).expect("a removal");
    rustix::fs::mknodat(rustix::fs::CWD, installed.library(), rustix::fs::FileType::Fifo, 0o644.into(), 0)
        .expect("a fifo");
    refused(&installed, "libx.so is not a regular file");
}

#[test]
fn a_bad_manifest() {
    let installed = Installed::new(&good());
    installed.write_manifest("prioritee = 3");
    refused(&installed, "x.toml:7: unknown key `prioritee`");
    std::fs::write(installed.manifest(), [b'#'; 70_000]).expect("a manifest");
    refused(&installed, "x.toml is longer than 65536 bytes");
}

#[test]
fn verify_names_the_stage_and_stops_there() {
    let installed = Installed::new(&put(&good(), 4, &[1]));
    let env = Environment::assemble(Overrides::default(), Caller::plain(0, 0), Variables::none());
    let report = verify(&installed.manifest(), &env);
    let stages: Vec<_> = report.stages.iter().map(|stage| (stage.name, stage.outcome.is_ok())).collect();
    assert_eq!(stages, [("manifest", true), ("trust", true), ("look", false)]);
    assert!(report.error().expect("an error").message.contains("32-bit"));
    let alone = verify(&installed.library(), &env);
    assert_eq!(alone.stages.len(), 2);
    assert!(!mark().exists());
}
