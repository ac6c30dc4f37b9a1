//! What is found in a directory, and what is not done about what somebody put there.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    time::Duration,
};

use super::*;
use crate::spec::{Spec, template::StateFile};

/// A data directory, and a template that looks into it.
struct Data {
    folder: tempfile::TempDir,
    template: Template,
}

impl Data {
    fn new() -> Data {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFile {
            file: "run/state.json".to_owned(),
            pointer: "/gateway/state".to_owned(),
            up: StateFile::usual_words(),
        };
        let mut template = Template::new("gateway", Spec::default());
        template.discover = Some(Discover {
            directory: folder.path().to_owned(),
            marker: "config.json".to_owned(),
            user: None,
            state: Some(state),
            stale: vec!["gateway.pid".to_owned(), "run/lock".to_owned()],
        });
        Data { folder, template }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// An instance with this state.
    fn instance(&self, name: &str, state: &str) {
        self.write(&format!("{name}/config.json"), "{}");
        self.write(&format!("{name}/run/state.json"), state);
    }

    fn discover(&self) -> Discovered {
        discover(&self.template, &ordinary(), soon()).expect("it can be looked into")
    }

    /// What is found, with what is wanted of each, and every problem in one text.
    fn found(&self) -> (Vec<String>, String) {
        let Discovered { found, problems } = self.discover();
        let shown = |f: &Found| format!("{} {}", f.instance, f.desired.map_or("?", Desired::as_str));
        let problems: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
        (found.iter().map(shown).collect(), problems.join("\n"))
    }
}

fn ordinary() -> Caller {
    Caller::plain(54_321, 54_321)
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

fn fifo(path: &Path) {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL");
    // SAFETY: the path ends in a NUL and lives during the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o666) }, 0);
}

#[test]
fn every_folder_with_the_marker_is_an_instance_and_the_words_say_what_is_wanted() {
    let data = Data::new();
    for word in ["running", "draining", "degraded", "starting", "startup_failed", "stopped", "Running", ""] {
        let name = if word.is_empty() { "empty".to_owned() } else { word.to_lowercase() };
        let name = if word == "Running" { "capital".to_owned() } else { name };
        data.instance(&name, &format!("{{\"gateway\": {{\"state\": \"{word}\", \"pid\": 7}}}}"));
    }
    data.write("no-marker/other.json", "{}");
    data.write("a-file", "");
    data.write(".hidden/config.json", "{}");
    let (found, problems) = data.found();
    let expected = [
        "capital down",
        "degraded up",
        "draining up",
        "empty down",
        "running up",
        "starting down",
        "startup_failed down",
        "stopped down",
    ];
    assert_eq!((found, problems.as_str()), (expected.map(str::to_owned).to_vec(), ""));
    let running = discover_one(&data.template, "running", &ordinary(), soon()).expect("it can be looked at");
    let (word, service) = (Some("running".to_owned()), "gateway-running".to_owned());
    assert_eq!(
        running,
        Some(Found { instance: "running".into(), service, desired: Some(Desired::Up), word })
    );
    for absent in ["no-marker", "a-file", "nothing"] {
        assert_eq!(discover_one(&data.template, absent, &ordinary(), soon()), Ok(None), "{absent}");
    }
    assert!(discover_one(&data.template, "../x", &ordinary(), soon()).is_err());
}

#[test]
fn a_state_that_is_missing_or_corrupt_means_down_and_the_corrupt_is_told() {
    let data = Data::new();
    data.write("missing/config.json", "");
    for (name, text) in [
        ("cut", "{\"gateway\": {\"state\": \"runn"),
        ("elsewhere", "{\"state\": \"running\"}"),
        ("number", "{\"gateway\": {\"state\": 1}}"),
        ("list", "[\"running\"]"),
        ("nothing", ""),
    ] {
        data.instance(name, text);
    }
    data.instance("deep", &"[".repeat(100_000));
    data.instance(
        "huge",
        &format!("{{\"gateway\": {{\"state\": \"running\"}}, \"x\": \"{}\"}}", "x".repeat(2 << 20)),
    );
    data.instance("long", &format!("{{\"gateway\": {{\"state\": \"{}\"}}}}", "running".repeat(100)));
    data.instance("bytes", "x");
    fs::write(data.path("bytes/run/state.json"), b"{\"gateway\": {\"state\": \"\xff\"}}").expect("a file");
    let (found, problems) = data.found();
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|found| found.ends_with(" down")), "{found:?}");
    for part in [
        "cut: `run/state.json` is not JSON",
        "nothing: `run/",
        "deep: `run/",
        "bytes: `run/",
        "huge: `run/state.json` has more than 1048576 bytes",
    ] {
        assert!(problems.contains(part), "no {part} in {problems}");
    }
    assert!(!problems.contains("missing") && !problems.contains("elsewhere"), "{problems}");
}

#[test]
fn no_link_is_followed_and_nothing_waits() {
    let data = Data::new();
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("config.json"), "{}").expect("a file");
    fs::write(outside.path().join("state.json"), "{\"gateway\": {\"state\": \"running\"}}").expect("a file");
    symlink(outside.path(), data.path("linked")).expect("a link");
    data.write("marker-linked/other", "");
    symlink(outside.path().join("config.json"), data.path("marker-linked/config.json")).expect("a link");
    data.write("state-linked/config.json", "");
    data.write("state-linked/run/other", "");
    symlink(outside.path().join("state.json"), data.path("state-linked/run/state.json")).expect("a link");
    data.write("folder-linked/config.json", "");
    symlink(outside.path(), data.path("folder-linked/run")).expect("a link");
    data.write("piped/config.json", "");
    data.write("piped/run/other", "");
    fifo(&data.path("piped/run/state.json"));
    data.write("foldered/config.json", "");
    data.write("foldered/run/state.json/x", "");
    fifo(&data.path("pipe"));
    data.write("marker-piped/other", "");
    fifo(&data.path("marker-piped/config.json"));
    let (found, problems) = data.found();
    assert_eq!(found, ["folder-linked down", "foldered down", "piped down", "state-linked down"]);
    for part in [
        "folder-linked: `run/state.json` is below `run`, which is no folder",
        "foldered: `run/state.json` is not a regular file",
        "piped: `run/state.json` is not a regular file",
        "state-linked: `run/state.json` is a link, which is not followed",
    ] {
        assert!(problems.contains(part), "no {part} in {problems}");
    }
}

#[test]
fn names_that_no_instance_can_have_are_told() {
    let data = Data::new();
    data.instance("My Profile", "{}");
    data.instance("fine", "{}");
    data.instance(&"x".repeat(235), "{}");
    let (found, problems) = data.found();
    assert_eq!(found, ["fine down"]);
    assert!(problems.contains("My Profile: is no name for an instance"), "{problems}");
    assert!(problems.contains("it has 243 bytes"), "{problems}");
}

#[test]
fn what_is_not_there_has_no_instances_and_without_a_state_nothing_is_wanted() {
    let mut data = Data::new();
    data.instance("a", "{\"gateway\": {\"state\": \"running\"}}");
    data.template.discover.as_mut().expect("it has one").state = None;
    assert_eq!(data.discover().found[0].desired, None);
    data.template.discover.as_mut().expect("it has one").directory = data.path("nothing");
    assert!(data.discover().found.is_empty());
    data.write("file", "");
    data.template.discover.as_mut().expect("it has one").directory = data.path("file");
    let error = discover(&data.template, &ordinary(), soon()).expect_err("it is a file");
    assert!(error.message.contains("cannot be opened"), "{}", error.message);
    data.template.discover = None;
    assert!(data.discover().found.is_empty());
}

#[test]
fn the_files_of_the_last_boot_are_removed_and_nothing_else() {
    let data = Data::new();
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("lock"), "precious").expect("a file");
    for name in ["a", "b", "linked"] {
        data.write(&format!("{name}/config.json"), "");
    }
    data.write("a/gateway.pid", "7");
    data.write("a/run/lock", "");
    data.write("a/run/other", "");
    fs::create_dir(data.path("b/gateway.pid")).expect("a folder");
    symlink(outside.path(), data.path("linked/run")).expect("a link");
    symlink(outside.path().join("lock"), data.path("linked/gateway.pid")).expect("a link");
    data.write("no-marker/gateway.pid", "7");
    let all = || ["a", "b", "linked", "no-marker", "nothing"].map(str::to_owned).to_vec();
    let looked = SystemTime::now() + Duration::from_secs(1);
    let planned =
        stale(&data.template, all(), looked, false, &ordinary(), soon()).expect("it can be looked into");
    let named = ["a/gateway.pid", "a/run/lock", "b/gateway.pid", "linked/gateway.pid"];
    assert_eq!(planned.files, named.map(|file| data.path(file)));
    assert!(data.path("a/gateway.pid").exists());
    let of_b = stale(&data.template, vec!["b".to_owned()], looked, true, &ordinary(), soon())
        .expect("it can be looked into");
    assert!(of_b.files.is_empty() && data.path("a/gateway.pid").exists());
    let done =
        stale(&data.template, all(), looked, true, &ordinary(), soon()).expect("it can be looked into");
    let gone = ["a/gateway.pid", "a/run/lock", "linked/gateway.pid"];
    assert_eq!(done.files, gone.map(|file| data.path(file)));
    assert!(gone.iter().all(|file| data.path(file).symlink_metadata().is_err()));
    let problems: Vec<String> = done.problems.into_iter().map(|problem| problem.message).collect();
    assert!(problems[0].contains("b/gateway.pid cannot be removed"), "{problems:?}");
    assert!(problems[1].contains("linked/run/lock is below `run`, which is no folder"), "{problems:?}");
    assert_eq!(fs::read_to_string(outside.path().join("lock")).expect("still there"), "precious");
    for kept in ["a/run/other", "a/config.json", "no-marker/gateway.pid"] {
        assert!(data.path(kept).exists(), "{kept}");
    }
}

#[test]
fn a_file_that_was_written_since_it_was_looked_what_runs_is_not_of_the_last_boot() {
    let data = Data::new();
    let all = || ["now", "before", "future"].map(str::to_owned).to_vec();
    for name in all() {
        data.write(&format!("{name}/config.json"), "");
        data.write(&format!("{name}/gateway.pid"), "7");
    }
    let looked = SystemTime::now() - Duration::from_secs(60);
    let dated = |name: &str, time| {
        let file = fs::File::options().write(true).open(data.path(&format!("{name}/gateway.pid")));
        file.and_then(|file| file.set_modified(time)).expect("a date");
    };
    dated("before", looked - Duration::from_secs(1));
    // Of a boot whose clock was wrong, or is now.
    dated("future", looked + Duration::from_secs(86_400));
    let done =
        stale(&data.template, all(), looked, true, &ordinary(), soon()).expect("it can be looked into");
    assert_eq!(done.files, ["before/gateway.pid", "future/gateway.pid"].map(|file| data.path(file)));
    assert!(data.path("now/gateway.pid").exists());
}

#[test]
fn root_looks_alone_at_nothing_that_somebody_else_could_have_made() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let data = Data::new();
    let root = Caller::plain(0, 0);
    let running = "{\"gateway\": {\"state\": \"running\"}}";
    data.instance("roots", running);
    data.instance("theirs", running);
    data.instance("state-theirs", running);
    data.instance("open", running);
    let give = |path: &str| std::os::unix::fs::chown(data.path(path), Some(54_321), None).expect("chown");
    give("theirs");
    give("state-theirs/run/state.json");
    fs::set_permissions(data.path("open"), fs::Permissions::from_mode(0o777)).expect("chmod");
    let found = discover(&data.template, &root, soon()).expect("it is root's");
    let names: Vec<_> = found.found.iter().map(|f| (f.instance.as_str(), f.desired)).collect();
    assert_eq!(names, [("roots", Some(Desired::Up)), ("state-theirs", Some(Desired::Down))]);
    let problems: Vec<String> = found.problems.into_iter().map(|problem| problem.message).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems.iter().all(|p| p.contains("is not root's alone") && p.contains("discover.user")));
    fs::set_permissions(data.folder.path(), fs::Permissions::from_mode(0o777)).expect("chmod");
    let error = discover(&data.template, &root, soon()).expect_err("everybody may write it");
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.hint.is_some_and(|hint| hint.contains("discover.user")));
}

#[test]
fn the_answer_of_the_child_is_read_as_it_was_written_or_not_at_all() {
    let seen = look::Seen {
        instances: vec![
            look::Instance { name: "a".into(), word: Some("\u{1b}[31m\n".into()) },
            look::Instance { name: "b".into(), word: None },
        ],
        files: vec!["a/x".into()],
        problems: vec!["p".into()],
    };
    assert_eq!(look::Seen::parse(&seen.to_bytes()), Ok(seen));
    for wrong in ["", "{}", "[]", "{\"instances\": [{}], \"files\": [], \"problems\": []}"] {
        assert!(look::Seen::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
