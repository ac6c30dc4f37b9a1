//! What becomes of a container's files: ours are kept up to date and taken out, others' are left.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use anysvc_backend_api::{ErrorKind, RenderedFile};

use super::*;

struct Image(tempfile::TempDir);

impl Image {
    fn new() -> Image {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("etc")).expect("etc");
        Image(folder)
    }

    fn root(&self) -> Root {
        Root::open(self.0.path(), rustix::process::geteuid().as_raw()).expect("a folder")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| format!("({error})"))
    }

    fn install(&self, files: &[(&str, u32, &str)]) -> Result<Vec<(Step, PathBuf)>> {
        let change = install(&self.root(), files.iter().map(file).collect())?;
        change.apply(&self.root()).map(|()| change.steps)
    }

    fn remove(&self) -> Result<Vec<(Step, PathBuf)>> {
        let change = remove(&self.root())?;
        change.apply(&self.root()).map(|()| change.steps)
    }

    /// Everything below the root folder.
    fn all(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, all: &mut Vec<String>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                all.push(path.strip_prefix(root).expect("below").display().to_string());
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, root, all);
                }
            }
        }
        let mut all = Vec::new();
        walk(self.0.path(), self.0.path(), &mut all);
        all.sort();
        all
    }
}

fn file((path, mode, text): &(&str, u32, &str)) -> RenderedFile {
    RenderedFile { path: path.into(), mode: *mode, content: (*text).into(), secret: false }
}

const SCRIPT: (&str, u32, &str) = ("/etc/rc/scripts/go", 0o755, "#!/bin/sh\nexec true\n");
const NAME: (&str, u32, &str) = ("/etc/rc/user/contents.d/go", 0o644, "");

fn steps(steps: &[(Step, PathBuf)]) -> Vec<Step> {
    steps.iter().map(|(step, _)| *step).collect()
}

#[test]
fn what_was_written_is_kept_up_to_date_and_taken_out_again() {
    let image = Image::new();
    let empty = image.all();
    assert_eq!(steps(&image.install(&[SCRIPT, NAME]).expect("nothing is in the way")), [Step::Write; 2]);
    assert_eq!(image.text("etc/rc/scripts/go"), SCRIPT.2);
    let mode = fs::metadata(image.path("etc/rc/scripts/go")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    let whole = image.all();
    assert_eq!(steps(&image.install(&[SCRIPT, NAME]).expect("again")), [Step::Keep; 2]);
    assert_eq!(image.all(), whole);
    let newer = (SCRIPT.0, 0o755, "#!/bin/sh\nexec false\n");
    assert_eq!(steps(&image.install(&[newer]).expect("a newer version")), [Step::Replace, Step::Remove]);
    assert_eq!(image.text("etc/rc/scripts/go"), newer.2);
    assert!(!image.path("etc/rc/user/contents.d/go").exists());
    image.install(&[SCRIPT, NAME]).expect("back");
    assert_eq!(steps(&image.remove().expect("all is ours")), [Step::Remove; 2]);
    assert_eq!(
        image.all(),
        [&empty[..], &["etc/anysvc".to_owned()]].concat(),
        "the configuration's folder stays"
    );
    assert!(image.remove().expect("once more").is_empty());
}

#[test]
fn what_somebody_edited_is_left_and_nothing_else_is_changed() {
    let image = Image::new();
    image.install(&[SCRIPT, NAME]).expect("nothing is in the way");
    fs::write(image.path("etc/rc/scripts/go"), "#!/bin/sh\nmine\n").expect("an edit");
    let before = image.all();
    let newer = (SCRIPT.0, 0o755, "#!/bin/sh\nexec false\n");
    for done in [image.install(&[newer]), image.remove()] {
        let error = done.expect_err("it was edited");
        assert_eq!(error.kind, ErrorKind::NotOurs);
        assert!(error.message.contains("scripts/go was edited since"), "{error}");
    }
    assert_eq!(image.text("etc/rc/scripts/go"), "#!/bin/sh\nmine\n");
    assert_eq!(image.all(), before);
    fs::write(image.path("etc/rc/scripts/go"), SCRIPT.2).expect("the edit is taken back");
    fs::set_permissions(image.path("etc/rc/scripts/go"), fs::Permissions::from_mode(0o700)).expect("a mode");
    assert!(image.remove().expect_err("its mode was").message.contains("was edited since"));
}

#[test]
fn what_we_did_not_write_is_left() {
    let image = Image::new();
    fs::create_dir_all(image.path("etc/rc/scripts")).expect("folders");
    fs::write(image.path("etc/rc/scripts/go"), "theirs").expect("a file");
    let before = image.all();
    let error = image.install(&[NAME, SCRIPT]).expect_err("it is theirs");
    assert!(error.message.contains("scripts/go is there already"), "{error}");
    assert_eq!((image.all(), image.text("etc/rc/scripts/go")), (before, "theirs".to_owned()));
}

#[test]
fn a_folder_of_ours_with_something_else_in_it_is_not_taken_apart() {
    let image = Image::new();
    image.install(&[SCRIPT, NAME]).expect("nothing is in the way");
    fs::write(image.path("etc/rc/user/contents.d/theirs"), "").expect("a file");
    let before = image.all();
    let error = image.remove().expect_err("there is another file");
    assert!(error.message.contains("contents.d/theirs is not of anysvc"), "{error}");
    assert_eq!(image.all(), before);
}

#[test]
fn no_link_is_followed_out_of_the_container() {
    let (image, outside) = (Image::new(), tempfile::tempdir().expect("a folder"));
    symlink(outside.path(), image.path("etc/rc")).expect("a link");
    let error = image.install(&[SCRIPT]).expect_err("it leads outside");
    assert!(error.message.contains("etc/rc is a link"), "{error}");
    fs::remove_file(image.path("etc/rc")).expect("the link");
    fs::create_dir_all(image.path("etc/rc/scripts")).expect("folders");
    symlink(outside.path().join("x"), image.path("etc/rc/scripts/go")).expect("a link");
    assert!(image.install(&[SCRIPT]).expect_err("so does this").message.contains("scripts/go is a link"));
    assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 0);
}

#[test]
fn nothing_is_put_where_others_may_write() {
    let image = Image::new();
    fs::create_dir(image.path("etc/rc")).expect("a folder");
    fs::set_permissions(image.path("etc/rc"), fs::Permissions::from_mode(0o777)).expect("a mode");
    let error = image.install(&[SCRIPT]).expect_err("anybody could exchange it");
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("etc/rc (owner"), "{error}");
}

#[test]
fn one_that_was_killed_half_way_is_completed() {
    let image = Image::new();
    image.install(&[SCRIPT]).expect("nothing is in the way");
    let newer = (SCRIPT.0, 0o755, "#!/bin/sh\nexec false\n");
    let change = install(&image.root(), [newer, NAME].iter().map(file).collect()).expect("all is ours");
    change.announce(&image.root()).expect("the note");
    fs::create_dir_all(image.path("etc/rc/user")).expect("a folder of those to come");
    assert_eq!(steps(&image.install(&[newer, NAME]).expect("again")), [Step::Replace, Step::Write]);
    assert_eq!(image.text("etc/rc/scripts/go"), newer.2);
    image.remove().expect("all is ours");
    assert!(!image.path("etc/rc").exists());
}

#[test]
fn what_one_that_was_killed_had_begun_is_ours() {
    let image = Image::new();
    let begin = || {
        fs::write(image.path("etc/rc/scripts/.go.anysvc-new"), "#!/bin/").expect("half a file");
        let closed = fs::Permissions::from_mode(0o600);
        fs::set_permissions(image.path("etc/rc/user/contents.d/go"), closed)
            .expect("a file without its mode");
    };
    image.install(&[SCRIPT, NAME]).expect("nothing is in the way");
    let whole = image.all();
    begin();
    assert_eq!(steps(&image.install(&[SCRIPT, NAME]).expect("again")), [Step::Keep, Step::Replace]);
    assert_eq!(image.all(), whole);
    begin();
    image.remove().expect("all is ours");
    assert!(!image.path("etc/rc").exists());
}
