//! `container install`: what it writes makes the services of root and of a user come back when a container
//! starts, with plain s6 as process 1 itself does, and as s6-overlay's s6-rc would run it.

use std::process::Command;

use anysvc_tests::{APP, Builder, Ended, Enter, Facts, S6Lab, Scandir};
use serde_json::Value;

/// What the container put out.
const OUTPUT: &str = "/var/log/container.log";
const STATES: [&str; 2] = ["/var/lib/anysvc", "/home/app/.local"];

/// The files of an image and its volumes, between two starts of a container.
struct Image(tempfile::TempDir);

impl Image {
    fn new() -> Image {
        Image(tempfile::tempdir().expect("a folder"))
    }

    /// Takes folders and files of a container over.
    #[track_caller]
    fn take(&self, lab: &S6Lab, paths: &[&str]) {
        for path in paths {
            let target = self.0.path().join(&path[1..]);
            std::fs::create_dir_all(target.parent().expect("one above")).expect("folders");
            let copied = Command::new("/bin/cp").arg("-aT").args([lab.path(path), target]).status();
            assert!(copied.expect("cp runs").success(), "{path}");
        }
        // The folders above are the image's own, and app's home is his.
        let home = self.0.path().join("home/app");
        if home.exists() {
            std::os::unix::fs::chown(home, Some(APP), Some(APP)).expect("a home");
        }
    }

    fn builder(&self, builder: Builder) -> Builder {
        builder.image(self.0.path())
    }
}

fn register(lab: &S6Lab, uid: u32, name: &str, options: &[&str]) {
    let command =
        [&["--backend", "s6", "register", name, "--settle", "0"], options, &["--", "sleep", "1000"]];
    lab.anysvc(command.concat()).uid(uid).run().success();
}

fn state(lab: &S6Lab, uid: u32, name: &str) -> String {
    let ended = lab.anysvc(["--backend", "s6", "status", name, "--json"]).uid(uid).run().any();
    ended.json()["services"][0]["state"].as_str().unwrap_or("none").to_owned()
}

/// What root and app have, each of it up or down.
fn register_all(lab: &S6Lab) {
    for uid in [0, APP] {
        register(lab, uid, &format!("up-{uid}"), &[]);
        register(lab, uid, &format!("down-{uid}"), &["--down"]);
    }
}

#[track_caller]
fn all_are_back(lab: &S6Lab) {
    for uid in [0, APP] {
        lab.wait_until("it runs", || state(lab, uid, &format!("up-{uid}")) == "running");
        assert_eq!(state(lab, uid, &format!("down-{uid}")), "stopped");
    }
}

fn install<'lab>(lab: &'lab S6Lab, args: &[&str]) -> Ended<'lab> {
    lab.anysvc([&["container", "install"], args].concat()).run().any()
}

/// The next start of a container in which all were registered, as an image with s6-overlay has it. s6-rc itself
/// is in no package: the folders are those of s6-overlay's archive, and the command line that it would compile
/// is run by the same execlineb.
fn under_s6_overlay() -> S6Lab {
    let first = S6Lab::new().nested().start();
    register_all(&first);
    let image = Image::new();
    image.take(&first, &STATES);
    drop(first);
    let next = image.builder(S6Lab::new().nested()).start();
    next.write("/etc/s6-overlay/user-bundles.d/user/type", 0, 0o644, "bundle\n");
    next
}

/// What s6-rc runs.
fn oneshot(lab: &S6Lab) -> Enter<'_> {
    let up = "/etc/s6-overlay/s6-rc.d/anysvc-reconcile/up";
    lab.s6("execlineb", ["-P", up]).env("PATH", "/command:/usr/bin:/bin")
}

#[test]
fn plain_s6_starts_with_what_root_and_a_user_had() {
    let first = S6Lab::new().nested().facts(Facts::NoBasedir).start();
    register_all(&first);
    let installed = install(&first, &["--user", "root", "--user", "app", "--json"]);
    assert_eq!(installed.code(), Some(0), "{}", installed.stderr());
    assert_eq!(installed.json()["form"], "s6");
    let image = Image::new();
    image.take(&first, &[&STATES[..], &["/etc/anysvc"]].concat());
    drop(first);
    let next = image.builder(S6Lab::new().nested().facts(Facts::NoBasedir).boot("/etc/anysvc/boot")).start();
    all_are_back(&next);
    for (uid, log) in [(0, "/var/lib/anysvc/boot.log"), (APP, "/home/app/.local/state/anysvc/boot.log")] {
        let log = next.read(log);
        assert_eq!(log.matches(&format!(" name=up-{uid} ")).count(), 1, "{log}");
        let again = next.anysvc(["--backend", "s6", "reconcile", "--json"]).uid(uid).run().success().json();
        assert_eq!(again["boot"], false, "its boot was this one: {again}");
    }
    let log = next.read(OUTPUT);
    assert_eq!(log.matches("2 services after a boot: 2 registered").count(), 2, "{log}");
}

#[test]
fn plain_s6_is_recognised_by_what_was_installed_and_needs_no_folder_of_s6_overlay() {
    for (kind, uid) in [(Scandir::Root, 0), (Scandir::Shared, APP), (Scandir::User, APP)] {
        let builder = S6Lab::new().scandir(kind).facts(Facts::NoBasedir);
        let first = builder.clone().start();
        let installed = install(&first, &["--user", "root", "--user", "app"]);
        assert_eq!(installed.code(), Some(0), "{}", installed.stderr());
        register(&first, uid, "up", &[]);
        let image = Image::new();
        image.take(&first, &[if uid == 0 { STATES[0] } else { STATES[1] }, "/etc/anysvc"]);
        drop(first);
        let next = image.builder(builder.boot("/etc/anysvc/boot")).start();
        let anysvc = |args: &[&str]| next.anysvc(args).uid(uid).run().success().stdout().trim().to_owned();
        assert_eq!(anysvc(&["detect"]), "s6", "{kind:?}");
        next.wait_until("it is back", || state(&next, uid, "up") == "running");
        anysvc(&["register", "new", "--", "sleep", "1000"]);
        let status: Value = serde_json::from_str(&anysvc(&["status", "--json"])).expect("JSON");
        let found = |name: &str| {
            let services = status["services"].as_array().expect("services");
            let found = services.iter().find(|service| service["name"] == name).expect("it is there");
            (found["backend"].clone(), found["state"].clone())
        };
        assert_eq!(
            [found("up"), found("new")],
            [("s6".into(), "running".into()), ("s6".into(), "running".into())]
        );
        let log = next.read(OUTPUT);
        assert!(!log.contains("warning"), "nothing is out of the ordinary: {log}");
    }
}

#[test]
fn a_configuration_that_is_there_is_used_or_what_it_lacks_is_told() {
    let config = "/etc/anysvc/config.toml";
    let lab = S6Lab::new().facts(Facts::NoBasedir).start();
    lab.write(config, 0, 0o644, "disabled = [\"systemd\"]\n");
    let refused = install(&lab, &[]);
    assert_eq!(refused.code(), Some(5));
    refused
        .stderr_contains("/etc/anysvc/config.toml has no `scandir` in [backend.s6]")
        .stderr_contains("below a line `[backend.s6]`: scandir = \"/run/service\"");
    assert!(!lab.exists("/etc/anysvc/boot"), "nothing was changed");
    let whole = "disabled = [\"systemd\"]\n[backend.s6]\nscandir = \"/run/{user}/service\"\n";
    lab.write(config, 0, 0o644, whole);
    assert_eq!(install(&lab, &[]).code(), Some(0));
    lab.anysvc(["container", "remove"]).run().success();
    assert_eq!(lab.read(config), whole, "it was not ours");
    lab.command("/bin/rm").args([config]).run().success();
    assert_eq!(install(&lab, &[]).code(), Some(0));
    lab.anysvc(["detect"]).run().success().stdout_contains("s6");
    lab.anysvc(["container", "remove"]).run().success().stdout_contains("removed: /etc/anysvc/config.toml");
    assert!(!lab.exists(config));
    assert_eq!(install(&lab, &[]).code(), Some(0));
    lab.write(config, 0, 0o644, whole);
    assert_eq!(
        install(&lab, &[]).code(),
        Some(0),
        "one that was added to is the administrator's from then on"
    );
    lab.anysvc(["container", "remove"]).run().success();
    assert_eq!(lab.read(config), whole);
}

#[test]
fn who_may_not_write_there_is_told_who_may() {
    let lab = S6Lab::new().start();
    let refused = lab.anysvc(["container", "install", "--for", "s6"]).uid(APP).run().fails(7);
    refused.stderr_contains("hint: act as who may write there: root");
}

#[test]
fn an_account_that_is_not_there_is_told_and_the_command_is_one_that_runs() {
    let lab = S6Lab::new().start();
    let installed = install(&lab, &["--for", "s6", "--user", "app", "--user", "appp"]);
    assert_eq!(installed.code(), Some(0), "it may be made later");
    let installed = installed.stderr_contains("/etc/passwd lists no `appp`");
    assert!(!installed.stderr().contains("`app`"), "{}", installed.stderr());
    assert!(
        installed.stdout().contains("CMD [\"/command/s6-svscan\", \"/run/service\"]"),
        "{}",
        installed.stdout()
    );
    assert!(
        lab.read("/etc/anysvc/boot").contains("set -- /command/s6-svscan /run/service"),
        "as its default"
    );
}

#[test]
fn under_s6_overlay_a_oneshot_does_it_for_each_user() {
    let next = under_s6_overlay();
    let all = ["--user", "root", "--user", "app", "--after", "app-tree", "--json"];
    let planned = install(&next, &[&all[..], &["--dry-run"]].concat());
    assert!(!next.exists("/etc/s6-overlay/s6-rc.d") && !next.exists("/etc/s6-overlay/scripts"), "a dry run");
    let installed = install(&next, &all);
    assert_eq!((installed.code(), installed.json()["form"].as_str()), (Some(0), Some("s6-overlay")));
    assert_eq!(planned.json()["files"], installed.json()["files"]);
    let definition = "/etc/s6-overlay/s6-rc.d/anysvc-reconcile";
    assert_eq!(next.read(format!("{definition}/type")), "oneshot\n");
    for there in ["dependencies.d/base", "dependencies.d/app-tree"] {
        assert_eq!(next.read(format!("{definition}/{there}")), "", "{there}");
    }
    assert_eq!(next.read("/etc/s6-overlay/user-bundles.d/user/contents.d/anysvc-reconcile"), "");
    let ran = oneshot(&next).run().success();
    assert_eq!(ran.stdout().matches("2 services after a boot: 2 registered").count(), 2, "{}", ran.stdout());
    all_are_back(&next);
}

#[test]
fn one_user_who_fails_keeps_no_other_from_coming_back_and_is_told() {
    let next = under_s6_overlay();
    assert_eq!(install(&next, &["--user", "root", "--user", "app"]).code(), Some(0));
    next.write("/var/lib/anysvc/services/broken.toml", 0, 0o600, "this is no entry");
    let ran = oneshot(&next).run().fails(1);
    ran.stderr_contains("broken");
    all_are_back(&next);
}

#[test]
fn a_container_that_runs_as_one_user_brings_back_what_is_his() {
    let first = S6Lab::new().user().start();
    register(&first, APP, "up", &[]);
    assert_eq!(install(&first, &["--for", "s6", "--user", "app"]).code(), Some(0));
    let image = Image::new();
    image.take(&first, &["/home/app/.local", "/etc/anysvc"]);
    drop(first);
    let next = image.builder(S6Lab::new().user().boot("/etc/anysvc/boot")).start();
    next.wait_until("it runs", || state(&next, APP, "up") == "running");
    let log = next.read(OUTPUT);
    assert!(log.contains("1 service after a boot: 1 registered"), "{log}");
}

#[test]
fn what_was_edited_stays_and_an_image_is_made_from_outside() {
    let lab = S6Lab::new().start();
    let outside = ["--root", "/srv/image", "--program", "/usr/bin/anysvc"];
    lab.command("/bin/mkdir").args(["-p", "/srv/image/usr/bin"]).run().success();
    assert_eq!(install(&lab, &outside).code(), Some(6), "there is no s6 in it");
    lab.write("/srv/image/usr/bin/s6-svscan", 0, 0o755, "");
    let done = install(&lab, &outside);
    assert_eq!(done.code(), Some(0), "{}", done.stderr());
    assert!(done.stdout().contains("ENTRYPOINT [\"/etc/anysvc/boot\"]"), "{}", done.stdout());
    let script = lab.read("/srv/image/etc/anysvc/boot");
    assert!(script.contains("/usr/bin/anysvc --backend s6 reconcile"), "{script}");
    assert!(!lab.exists("/etc/anysvc/boot"), "it is not this container's");
    lab.write("/srv/image/etc/anysvc/boot", 0, 0o755, format!("{script}# mine\n"));
    let refused = install(&lab, &outside);
    assert_eq!(refused.code(), Some(5));
    refused.stderr_contains("/srv/image/etc/anysvc/boot was edited since");
    lab.anysvc(["container", "remove", "--root", "/srv/image"]).run().fails(5);
    lab.write("/srv/image/etc/anysvc/boot", 0, 0o755, script);
    lab.anysvc(["container", "remove", "--root", "/srv/image"]).run().success().stdout_contains("removed: ");
    assert!(!lab.exists("/srv/image/etc/anysvc/boot"));
}
