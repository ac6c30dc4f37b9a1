//! What the store does not believe: what others can write, what can't be understood, what is newer.

use super::*;

#[test]
fn what_can_not_be_understood_is_set_aside() {
    let good = entry("a").to_text();
    let cases: [(&str, String, ProblemKind, &str); 13] = [
        ("empty", String::new(), ProblemKind::Corrupt, "its header has no `format`"),
        ("garbage", "\u{1}\u{2}%%%".repeat(2000), ProblemKind::Corrupt, "key with no value"),
        (
            "no-desired",
            good.replace("desired", "undesired"),
            ProblemKind::Corrupt,
            "its header has no `desired`",
        ),
        ("odd-desired", good.replace("\"up\"", "\"sideways\""), ProblemKind::Corrupt, "neither up nor down"),
        ("odd-scope", good.replace("\"user\"", "\"moon\""), ProblemKind::Corrupt, "its `scope` is no scope"),
        ("odd-boot", good.replace("\"restore\"", "\"x\""), ProblemKind::Corrupt, "its `boot` is neither"),
        ("old", good.replace("format = 1", "format = 0"), ProblemKind::Corrupt, "not one that ever was"),
        ("named", good.clone(), ProblemKind::Corrupt, "it says that it is `a`"),
        (
            "newer",
            good.replace("format = 1", "format = 2"),
            ProblemKind::Newer,
            "has format 2, and this version knows 1",
        ),
        ("newer-still", "format = 99\nwhat = [\n1]\n".to_owned(), ProblemKind::Newer, "has format 99"),
        ("twice", good.replace("scope =", "backend ="), ProblemKind::Corrupt, "duplicate key"),
        ("number", good.replace("\"up\"", "1"), ProblemKind::Corrupt, "neither up nor down"),
        ("cut", good[..60].to_owned(), ProblemKind::Corrupt, "key with no value"),
    ];
    let (_folder, store) = Folder::with(&["fine"]);
    for (name, text, ..) in &cases {
        let keep_name = ["named", "empty", "garbage", "newer-still"].contains(name);
        let text = if keep_name { text.clone() } else { text.replace("\"a\"", &format!("\"{name}\"")) };
        fs::write(store.file_of(name), text).unwrap();
    }
    fs::write(store.file_of("bytes"), b"format = 1\nname = \"\xff\"\n").unwrap();
    let listing = store.headers().unwrap();
    assert_eq!(listing.headers, [entry("fine").header]);
    assert_eq!(listing.problems.len(), cases.len() + 1);
    for (name, _, kind, part) in cases {
        let problem = listing.problems.iter().find(|p| p.name == name).unwrap();
        assert_eq!(problem.kind, kind, "{name}");
        assert!(problem.error.message.contains(part), "{name}: {}", problem.error.message);
        assert_eq!(problem.error.path.as_deref(), Some(store.file_of(name).as_path()));
        assert!(store.entry(name).is_err() && store.header(name).is_err(), "{name}");
    }
}

#[test]
fn a_spec_that_can_not_be_understood_is_told_with_its_line() {
    let (_folder, store) = Folder::with(&["a"]);
    let text = entry("a").to_text().replace("command =", "comand =");
    fs::write(store.file_of("a"), text).unwrap();
    assert!(store.header("a").is_ok(), "a listing does not read specs");
    let error = store.entry("a").unwrap_err();
    let expected =
        "the stored `a` is corrupt: STATE/services/a.toml:11:1: service `a`: `comand` is not a known key";
    assert_eq!(told(&store, &error), expected);
    assert_eq!(error.kind, ErrorKind::Io);
    let text = entry("a").to_text().replace("service.a", "service.b");
    fs::write(store.file_of("a"), text).unwrap();
    let expected = "the stored `a` is corrupt: STATE/services/a.toml: it does not hold the one service `a`";
    assert_eq!(told(&store, &store.entry("a").unwrap_err()), expected);
}

#[test]
fn what_a_newer_version_wrote_is_never_touched() {
    let (_folder, store) = Folder::with(&["a"]);
    let text = entry("a").to_text().replace("format = 1", "format = 7");
    fs::write(store.file_of("a"), &text).unwrap();
    let locked = store.lock(Deadline::NONE).unwrap();
    let expected = "STATE/services/a.toml has format 7, and this version knows 1: it is left alone";
    let errors = [
        locked.put(&[entry("a")]).remove(0).unwrap_err(),
        locked.set_desired(&["a"], Desired::Down).remove(0).unwrap_err(),
        locked.remove(&["a"]).remove(0).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(told(&store, &error), expected);
        assert_eq!(error.hint.as_deref(), Some("update anysvc"));
    }
    assert_eq!(fs::read_to_string(store.file_of("a")).unwrap(), text);
}

#[test]
fn the_corrupt_can_be_replaced_and_removed() {
    let (_folder, store) = Folder::with(&[]);
    fs::write(store.file_of("a"), "rubbish").unwrap();
    fs::write(store.file_of("b"), "rubbish").unwrap();
    put(&store, &[entry("a")]);
    assert_eq!(store.entry("a").unwrap(), Some(entry("a")));
    assert_eq!(store.lock(Deadline::NONE).unwrap().remove(&["b"]), [Ok(true)]);
}

#[test]
fn links_fifos_and_folders_are_not_read() {
    let (folder, store) = Folder::with(&["a"]);
    fs::copy(store.file_of("a"), folder.0.join("elsewhere")).unwrap();
    symlink(folder.0.join("elsewhere"), store.file_of("link")).unwrap();
    symlink("/nowhere", store.file_of("dangling")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, store.file_of("fifo"), rustix::fs::Mode::RWXU).unwrap();
    fs::create_dir(store.file_of("dir")).unwrap();
    for (name, why) in [
        ("link", "it is a symbolic link"),
        ("dangling", "it is a symbolic link"),
        ("fifo", "it is not a regular file"),
        ("dir", "it is not a regular file"),
    ] {
        let error = store.header(name).unwrap_err();
        assert_eq!(told(&store, &error), format!("STATE/services/{name}.toml is not used as a store: {why}"));
        assert_eq!(error.kind, ErrorKind::PermissionDenied);
    }
    let listing = store.headers().unwrap();
    assert_eq!(listing.headers.len(), 1);
    assert!(listing.problems.iter().all(|p| p.kind == ProblemKind::Untrusted), "{:?}", listing.problems);
    // Registering puts a file in the place of the link, and what it pointed to stays.
    put(&store, &[entry("link")]);
    assert_eq!(store.entry("link").unwrap(), Some(entry("link")));
    assert!(fs::read_to_string(folder.0.join("elsewhere")).unwrap().contains("name = \"a\""));
}

#[test]
fn a_file_that_others_may_write_is_not_read() {
    let (_folder, store) = Folder::with(&["a", "b"]);
    fs::set_permissions(store.file_of("a"), Permissions::from_mode(0o660)).unwrap();
    fs::set_permissions(store.file_of("b"), Permissions::from_mode(0o602)).unwrap();
    let listing = store.headers().unwrap();
    let errors: Vec<String> = listing.problems.iter().map(|p| told(&store, &p.error)).collect();
    let why = |name, mode| {
        format!("STATE/services/{name}.toml is not used as a store: others may write it (mode {mode})")
    };
    assert_eq!(errors, [why("a", "0660"), why("b", "0602")]);
}

#[test]
fn a_folder_that_others_may_write_is_no_store() {
    let (folder, store) = Folder::with(&["a"]);
    for (path, name) in [(folder.state().join("services"), "STATE/services"), (folder.state(), "STATE")] {
        fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
        let error = Store::open(&folder.state(), uid()).err().unwrap();
        let expected = format!("{name} is not used as a store: others may write it (mode 0770)");
        assert_eq!(told(&store, &error), expected);
        assert_eq!(error.kind, ErrorKind::PermissionDenied);
    }
}

#[test]
fn what_another_account_owns_is_not_used() {
    let (folder, store) = Folder::with(&["a"]);
    let other = uid() + 1;
    let error = Store::open(&folder.state(), other).err().unwrap();
    let expected = format!("STATE is not used as a store: uid {} owns it, and not uid {other}", uid());
    assert_eq!(told(&store, &error), expected);
    if uid() == 0 {
        std::os::unix::fs::chown(store.file_of("a"), Some(10000), None).unwrap();
        let expected = "STATE/services/a.toml is not used as a store: uid 10000 owns it, and not uid 0";
        assert_eq!(told(&store, &store.header("a").unwrap_err()), expected);
        std::os::unix::fs::chown(folder.0.join("home"), Some(10000), None).unwrap();
        let error = Store::open(&folder.state(), 0).err().unwrap();
        assert!(
            error.message.contains("above it has mode 0755 and is owned by uid 10000"),
            "{}",
            error.message
        );
    }
}

#[test]
fn a_link_below_the_state_folder_is_not_followed() {
    let folder = Folder::new();
    let state = folder.state();
    fs::create_dir_all(&state).unwrap();
    fs::create_dir(folder.0.join("elsewhere")).unwrap();
    symlink(folder.0.join("elsewhere"), state.join("services")).unwrap();
    assert!(Store::open(&state, uid()).is_err());
}

#[test]
fn other_files_are_named() {
    let (_folder, store) = Folder::with(&["a"]);
    for name in ["README", "Web.toml", "a.toml~", ".hidden"] {
        fs::write(store.state_dir().join("services").join(name), "").unwrap();
    }
    let problems = store.headers().unwrap().problems;
    let names: Vec<&str> = problems.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["README", "Web.toml", "a.toml~"]);
    assert!(problems.iter().all(|p| p.kind == ProblemKind::Unknown));
}

#[test]
fn native_names_are_not_stored() {
    let (_folder, store) = Folder::with(&["a"]);
    for name in ["getty@tty1.service", "../services/a", "", "a/b", "a\0b"] {
        assert_eq!(store.header(name), Ok(None));
        assert_eq!(store.entry(name), Ok(None));
    }
}

#[test]
fn nothing_in_a_file_makes_the_reader_panic() {
    let good = entry("a").to_text();
    let path = Path::new("a.toml");
    for cut in 0..good.len() {
        let _ = Entry::parse(&good[..cut], "a", path);
        for byte in ["[", "\n", "\"", "=", "\0", "é", "\\"] {
            let _ = Entry::parse(&format!("{}{byte}{}", &good[..cut], &good[cut..]), "a", path);
        }
    }
}

#[test]
fn a_header_says_what_toml_says() {
    let written = entry("a").to_text();
    let read = |from: &str, to: &str| {
        let text = written.replace(from, to);
        // The last line keeps the scanner from reading it: so it is the parser's word.
        let parsed = format!("other = [1] # not canonical\n{text}");
        let [scanned, parsed] = [text, parsed].map(|t| header::read(t.as_bytes(), "a"));
        assert_eq!(scanned.is_ok(), parsed.is_ok(), "{to}: {scanned:?}, {parsed:?}");
        if let (Ok(scanned), Ok(parsed)) = (&scanned, &parsed) {
            assert_eq!(scanned, parsed, "{to}");
        }
        parsed
    };
    assert!(read("format = 1\n", "format = 0x1\n").is_ok());
    assert!(read("format = 1\n", "format = +1\n").is_ok());
    assert_eq!(read("format = 1\n", "format = 0x10\n"), Err(header::Fault::Newer(16)));
    assert_eq!(read("format = 1\n", "format = 1_0\n"), Err(header::Fault::Newer(10)));
    assert!(read("format = 1\n", "format = 01\n").is_err());
    assert!(read("\"up\"", "up").is_err());
    assert!(read("name = \"a\"", "name = a").is_err());
    assert!(read("\"up\"", "'up'").is_ok());
    assert!(read("\"up\"", "\"\"").is_err());
    assert!(read("boot = \"restore\"", "boot = \"restore\"\nboot = \"up\"").is_err());
    assert!(read("boot = \"restore\"", "boot = \"restore\"\n = \"x\"").is_err());
}

#[test]
fn a_folder_that_holds_other_things_keeps_its_mode() {
    let folder = Folder::new();
    let state = folder.0.join("home");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("notes"), "").unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    let store = Store::open(&state, uid()).unwrap();
    put(&store, &[entry("a")]);
    assert_eq!(mode(&state), 0o755);
    assert_eq!(mode(&state.join("services")), 0o700);
    assert_eq!(store.entry("a").unwrap(), Some(entry("a")));
}

#[test]
fn root_goes_through_no_link_of_others_and_leaves_nothing_on_the_way() {
    if uid() != 0 {
        return;
    }
    let folder = Folder::new();
    let theirs = folder.0.join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::create_dir(folder.0.join("roots")).unwrap();
    symlink(folder.0.join("roots"), theirs.join("link")).unwrap();
    std::os::unix::fs::chown(&theirs, Some(10000), None).unwrap();
    for path in [theirs.join("link"), theirs.join("link/state"), theirs.join("new/state")] {
        let opened = Store::open(&path, 0).and_then(|store| store.lock(Deadline::NONE).map(|_| ()));
        let error = opened.expect_err("what another account can exchange");
        assert_eq!(error.kind, ErrorKind::PermissionDenied);
        assert!(error.message.contains("is owned by uid 10000"), "{}", error.message);
    }
    assert!(fs::read_dir(folder.0.join("roots")).unwrap().next().is_none());
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 1);
    // Its own links are fine.
    symlink("roots", folder.0.join("link")).unwrap();
    let store = Store::open(&folder.0.join("link/../link/state"), 0).unwrap();
    put(&store, &[entry("a")]);
    assert!(folder.0.join("roots/state/services/a.toml").exists());
    // One of theirs in a sticky folder is not.
    let shared = folder.0.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    symlink(folder.0.join("roots"), shared.join("link")).unwrap();
    std::os::unix::fs::lchown(shared.join("link"), Some(10000), None).unwrap();
    assert_eq!(Store::open(&shared.join("link"), 0).err().unwrap().kind, ErrorKind::PermissionDenied);
}
