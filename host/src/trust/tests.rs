//! The rule as a table, then real files of real owners. Runs as root, as the laboratories do.

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::*;

const ALICE: u32 = 10_000;
const MALLORY: u32 = 10_001;

#[test]
fn the_rule() {
    let (dir, file) = (true, false);
    let cases = [
        // owner, mode, folder, for root, for alice
        (0, 0o755, dir, None, None),
        (0, 0o644, file, None, None),
        (0, 0o600, file, None, None),
        (0, 0o1777, dir, None, None),
        (0, 0o1770, dir, None, None),
        (0, 0o777, dir, Some(Fault::OthersWrite), Some(Fault::OthersWrite)),
        (0, 0o775, dir, Some(Fault::GroupWrites), Some(Fault::GroupWrites)),
        (0, 0o664, file, Some(Fault::GroupWrites), Some(Fault::GroupWrites)),
        (0, 0o646, file, Some(Fault::OthersWrite), Some(Fault::OthersWrite)),
        (0, 0o1666, file, Some(Fault::OthersWrite), Some(Fault::OthersWrite)),
        (ALICE, 0o755, dir, Some(Fault::Owner), None),
        (ALICE, 0o644, file, Some(Fault::Owner), None),
        (ALICE, 0o1777, dir, Some(Fault::Owner), None),
        (ALICE, 0o777, dir, Some(Fault::Owner), Some(Fault::OthersWrite)),
        (MALLORY, 0o755, dir, Some(Fault::Owner), Some(Fault::Owner)),
        (MALLORY, 0o1777, dir, Some(Fault::Owner), Some(Fault::Owner)),
    ];
    for (uid, mode, is_dir, for_root, for_alice) in cases {
        let inode = Inode { uid, mode, is_dir };
        assert_eq!(judge(inode, Owners::Root), for_root, "root, {inode:?}");
        assert_eq!(judge(inode, Owners::RootAnd(ALICE)), for_alice, "alice, {inode:?}");
    }
}

/// A folder of root's under the sticky /tmp, with a file in it.
fn fixture() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::Builder::new().tempdir_in("/tmp").expect("a folder");
    set(folder.path(), 0, 0o755);
    let path = folder.path().join("file");
    std::fs::write(&path, "content").expect("a file");
    set(&path, 0, 0o644);
    (folder, path)
}

fn set(path: &Path, uid: u32, mode: u32) {
    chown(path, Some(uid), Some(uid)).expect("this test has to run as root");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

fn refusal(path: &Path, owners: Owners) -> (String, String) {
    let error = open(path, owners).expect_err("a refusal");
    assert_eq!(error.kind, ErrorKind::Plugin);
    (error.message, error.hint.unwrap_or_default())
}

#[test]
fn a_file_of_roots_below_a_sticky_folder_is_fine() {
    let (_folder, path) = fixture();
    let opened = open(&path, Owners::Root).expect("trusted");
    assert_eq!(opened.text(100).expect("text"), "content");
}

#[test]
fn a_refusal_names_file_owner_mode_and_fix() {
    let (folder, path) = fixture();
    set(&path, MALLORY, 0o644);
    let shown = path.display();
    let (message, hint) = refusal(&path, Owners::RootAnd(ALICE));
    assert_eq!(message, format!("{shown} is not trusted: somebody else owns it (owner 10001, mode 0644)"));
    assert_eq!(hint, format!("it has to be root's or yours (uid 10000): `chown root {shown}`"));
    set(&path, 0, 0o666);
    let (message, hint) = refusal(&path, Owners::Root);
    assert_eq!(message, format!("{shown} is not trusted: everybody may write it (owner 0, mode 0666)"));
    assert_eq!(hint, format!("take the permission: `chmod go-w {shown}`"));
    set(&path, 0, 0o644);
    set(folder.path(), 0, 0o775);
    let (message, _) = refusal(&path, Owners::Root);
    assert!(message.contains("its group may write it (owner 0, mode 0775)"), "{message}");
    assert!(message.starts_with(&folder.path().display().to_string()), "{message}");
}

#[test]
fn a_folder_far_up_counts_too() {
    let (folder, _) = fixture();
    let deep = folder.path().join("a/b/c");
    std::fs::create_dir_all(&deep).expect("folders");
    std::fs::write(deep.join("file"), "").expect("a file");
    set(&folder.path().join("a"), MALLORY, 0o755);
    let (message, _) = refusal(&deep.join("file"), Owners::Root);
    assert!(message.contains("owner 10001"), "{message}");
}

#[test]
fn a_link_is_judged_by_where_it_leads() {
    let (folder, path) = fixture();
    let link = folder.path().join("link");
    symlink(&path, &link).expect("a link");
    assert_eq!(open(&link, Owners::Root).expect("trusted").path, path.canonicalize().expect("a path"));
    let theirs = tempfile::Builder::new().tempdir_in("/tmp").expect("a folder");
    std::fs::write(theirs.path().join("file"), "").expect("a file");
    set(theirs.path(), MALLORY, 0o755);
    let link = folder.path().join("astray");
    symlink(theirs.path().join("file"), &link).expect("a link");
    assert!(refusal(&link, Owners::Root).0.contains("owner 10001"));
}

#[test]
fn a_link_put_there_after_resolving_is_not_followed() {
    let (folder, path) = fixture();
    let link = folder.path().join("link");
    symlink(&path, &link).expect("a link");
    let (error, code) = open_resolved(link, Owners::Root).expect_err("a refusal");
    assert_eq!((error.kind, code), (ErrorKind::Io, Some(libc::ELOOP)));
}

#[test]
fn a_fifo_does_not_block_and_a_folder_is_no_file() {
    let (folder, _) = fixture();
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o644.into(), 0).expect("a fifo");
    assert!(refusal(&fifo, Owners::Root).0.ends_with("is not a regular file"));
    assert!(refusal(folder.path(), Owners::Root).0.ends_with("is not a regular file"));
}

#[test]
fn text_has_a_limit_and_an_encoding() {
    let (_folder, path) = fixture();
    let read = |limit| open(&path, Owners::Root).expect("trusted").text(limit);
    assert_eq!(read(7).expect("text"), "content");
    assert!(read(6).expect_err("too long").message.ends_with("is longer than 6 bytes"));
    std::fs::write(&path, b"\xff").expect("a file");
    assert!(read(7).expect_err("not text").message.ends_with("is not UTF-8 text"));
}

#[test]
fn of_a_folder_that_is_not_there_its_parents_are_judged() {
    let (folder, _) = fixture();
    let missing = folder.path().join("x/y/z");
    assert_eq!(check_way(&missing, Owners::Root), Ok(()));
    set(folder.path(), MALLORY, 0o755);
    assert!(check_way(&missing, Owners::Root).is_err());
}

#[test]
fn a_judged_folder_opens_its_files_and_judges_links_out_of_it() {
    let (folder, path) = fixture();
    let judged = Folder::judge(folder.path(), Owners::Root).expect("trusted");
    assert_eq!(judged.open("file".as_ref()).expect("trusted").path, path);
    symlink("file", folder.path().join("inner")).expect("a link");
    assert_eq!(judged.open("inner".as_ref()).expect("trusted").path, path);
    let (theirs, target) = fixture();
    set(theirs.path(), MALLORY, 0o755);
    symlink(&target, folder.path().join("outer")).expect("a link");
    assert!(judged.open("outer".as_ref()).expect_err("a refusal").message.contains("owner 10001"));
    set(&path, MALLORY, 0o644);
    assert!(judged.open("file".as_ref()).expect_err("a refusal").message.contains("owner 10001"));
    set(folder.path(), 0, 0o777);
    assert!(Folder::judge(folder.path(), Owners::Root).is_err());
}
