//! What the store keeps, and that a change is whole.

use super::*;

#[test]
fn reading_what_is_not_there_creates_nothing() {
    let folder = Folder::new();
    let store = folder.store();
    assert!(store.headers().unwrap().headers.is_empty());
    assert_eq!(store.entry("web").unwrap(), None);
    assert_eq!(store.header("web").unwrap(), None);
    assert!(fs::read_dir(&folder.0).unwrap().next().is_none());
}

#[test]
fn what_was_put_reads_back_and_only_the_owner_sees_it() {
    let (folder, store) = Folder::with(&["web", "db"]);
    let state = folder.state();
    assert_eq!(mode(&state), if uid() == 0 { 0o711 } else { 0o700 });
    assert_eq!(mode(&state.join("logs")), mode(&state));
    assert_eq!(mode(&state.join("services")), 0o700);
    assert_eq!(mode(&store.file_of("web")), 0o600);
    assert_eq!(store.entry("web").unwrap(), Some(entry("web")));
    assert_eq!(store.header("db").unwrap(), Some(entry("db").header));
    let names: Vec<String> = store.headers().unwrap().headers.into_iter().map(|h| h.name).collect();
    assert_eq!(names, ["db", "web"]);
    assert_eq!(store.entries().unwrap().0, [entry("db"), entry("web")]);
    assert_eq!(folder.store().entry("web").unwrap(), Some(entry("web")));
    assert!(fs::read_dir(state.join("staging")).unwrap().next().is_none());
}

#[test]
fn the_file_is_a_header_and_a_spec() {
    let (_folder, store) = Folder::with(&["web"]);
    let expected = "\
# Kept by anysvc, which writes it again on every change.
format = 1
name = \"web\"
desired = \"up\"
backend = \"test\"
scope = \"user\"
boot = \"restore\"
spec-hash = \"HASH\"

[service.web]
command = [\"/bin/true\", \"web\"]
";
    let text = fs::read_to_string(store.file_of("web")).unwrap();
    assert_eq!(text, expected.replace("HASH", &entry("web").header.spec_hash));
}

#[test]
fn a_template_and_its_instance_are_kept() {
    let (_folder, store) = Folder::with(&[]);
    let mut kept = entry("gateway-coder");
    kept.header.template = Some("gateway".to_owned());
    kept.header.instance = Some("a \"quoted\" one".to_owned());
    kept.header.boot = Boot::Up;
    kept.header.desired = Desired::Down;
    put(&store, std::slice::from_ref(&kept));
    assert_eq!(store.entry("gateway-coder").unwrap(), Some(kept.clone()));
    assert_eq!(store.headers().unwrap().headers, [kept.header]);
}

#[test]
fn desired_is_written_only_when_it_changes() {
    let (_folder, store) = Folder::with(&["a", "b"]);
    let locked = store.lock(Deadline::NONE).unwrap();
    let inode = |name: &str| fs::metadata(store.file_of(name)).unwrap().ino();
    let before = inode("a");
    let results = locked.set_desired(&["a", "nope", "b"], Desired::Up);
    assert_eq!((&results[0], &results[2]), (&Ok(false), &Ok(false)));
    assert_eq!(results[1].as_ref().unwrap_err().kind, ErrorKind::NotRegistered);
    assert_eq!(inode("a"), before);
    assert_eq!(locked.set_desired(&["a"], Desired::Down), [Ok(true)]);
    assert_ne!(inode("a"), before);
    let changed = locked.entry("a").unwrap().unwrap();
    assert_eq!(changed.header, Header { desired: Desired::Down, ..entry("a").header });
    assert_eq!(changed.spec, entry("a").spec);
    assert_eq!(locked.header("b").unwrap().unwrap().desired, Desired::Up);
}

#[test]
fn keys_that_a_later_version_added_stay() {
    let (_folder, store) = Folder::with(&["a"]);
    let text = fs::read_to_string(store.file_of("a")).unwrap();
    let text = text.replace("boot = ", "colour = { of = [\"it\"] }\nboot = ");
    fs::write(store.file_of("a"), &text).unwrap();
    assert_eq!(store.headers().unwrap().headers, [entry("a").header]);
    assert_eq!(store.lock(Deadline::NONE).unwrap().set_desired(&["a"], Desired::Down), [Ok(true)]);
    let after = fs::read_to_string(store.file_of("a")).unwrap();
    assert_eq!(after, text.replace("desired = \"up\"", "desired = \"down\""));
}

#[test]
fn removing_forgets_and_the_absent_is_fine() {
    let (_folder, store) = Folder::with(&["a", "b"]);
    let locked = store.lock(Deadline::NONE).unwrap();
    let results = locked.remove(&["a", "../lock", "nope"]);
    assert_eq!((&results[0], &results[2]), (&Ok(true), &Ok(false)));
    assert_eq!(results[1].as_ref().unwrap_err().kind, ErrorKind::NotRegistered);
    assert_eq!(store.headers().unwrap().headers, [entry("b").header]);
    assert!(store.state_dir().join("lock").exists());
}

#[test]
fn what_a_killed_run_left_is_cleared_away() {
    let (folder, store) = Folder::with(&["a"]);
    let staging = folder.state().join("staging");
    fs::write(staging.join("0123456789abcdef-0"), "half").unwrap();
    assert_eq!(store.headers().unwrap().headers.len(), 1);
    assert!(staging.join("0123456789abcdef-0").exists(), "readers clear nothing");
    drop(store.lock(Deadline::NONE).unwrap());
    assert!(fs::read_dir(&staging).unwrap().next().is_none());
}

#[test]
fn only_one_changes_the_store_and_who_waits_gives_up_in_time() {
    let (folder, store) = Folder::with(&["a"]);
    let locked = store.lock(Deadline::NONE).unwrap();
    let start = Instant::now();
    let error = folder.store().lock(Deadline::after(Duration::from_millis(50))).err().unwrap();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(folder.store().headers().unwrap().headers.len(), 1, "readers need no lock");
    drop(locked);
    // The one that gave up above must not keep it.
    drop(store.lock(Deadline::after(Duration::from_secs(60))).unwrap());
}

#[test]
fn many_at_once_each_find_the_changes_of_the_others() {
    let (folder, _store) = Folder::with(&[]);
    std::thread::scope(|scope| {
        for i in 0..20 {
            let folder = &folder;
            scope.spawn(move || {
                let store = folder.store();
                put(&store, &[entry(&format!("s{i}"))]);
            });
        }
    });
    assert_eq!(folder.store().headers().unwrap().headers.len(), 20);
}

#[test]
fn a_failed_batch_changes_nothing() {
    let (folder, store) = Folder::with(&["a"]);
    let locked = store.lock(Deadline::NONE).unwrap();
    fs::remove_dir(folder.state().join("staging")).unwrap();
    fs::write(folder.state().join("staging"), "in the way").unwrap();
    let results = locked.put(&[entry("a"), entry("b")]);
    assert!(results.iter().all(Result::is_err));
    assert_eq!(store.headers().unwrap().headers, [entry("a").header]);
}

#[test]
fn one_that_can_not_be_written_does_not_spoil_the_others() {
    let (_folder, store) = Folder::with(&[]);
    fs::create_dir(store.file_of("b")).unwrap();
    let results = store.lock(Deadline::NONE).unwrap().put(&[entry("a"), entry("b"), entry("c")]);
    assert!(results[0].is_ok() && results[1].is_err() && results[2].is_ok());
    assert!(fs::read_dir(store.state_dir().join("staging")).unwrap().next().is_none());
}

#[test]
fn a_header_longer_than_the_first_read_is_read_whole() {
    let (_folder, store) = Folder::with(&["a"]);
    let text = entry("a").to_text();
    let long = text.replace("format = 1", &format!("format = 1\n{}", "# filler\n".repeat(2000)));
    fs::write(store.file_of("a"), long).unwrap();
    assert_eq!(store.header("a").unwrap(), Some(entry("a").header));
}

#[test]
fn many_are_written_changed_and_removed_at_once() {
    let entries: Vec<Entry> = (0..200).map(|i| entry(&format!("service-{i:04}"))).collect();
    let (_folder, store) = Folder::with(&[]);
    put(&store, &entries);
    let listing = store.headers().unwrap();
    assert_eq!(listing.headers.len(), 200);
    assert!(listing.problems.is_empty());
    let every: Vec<&str> = listing.headers.iter().map(|h| h.name.as_str()).collect();
    let locked = store.lock(Deadline::NONE).unwrap();
    assert!(locked.set_desired(&every, Desired::Down).iter().all(|r| *r == Ok(true)));
    assert!(locked.remove(&every).iter().all(|r| *r == Ok(true)));
    assert!(store.headers().unwrap().headers.is_empty());
}

#[test]
fn desired_is_changed_in_its_own_line_whatever_else_says_the_same() {
    let (_folder, store) = Folder::with(&["a"]);
    let written = fs::read_to_string(store.file_of("a")).unwrap();
    let line = "desired = \"up\"\n";
    for other in ["# before: desired = \"up\"\n", "last-desired = \"up\"\n"] {
        let text = written.replace(line, &format!("{other}{line}"));
        fs::write(store.file_of("a"), &text).unwrap();
        assert_eq!(store.lock(Deadline::NONE).unwrap().set_desired(&["a"], Desired::Down), [Ok(true)]);
        let after = fs::read_to_string(store.file_of("a")).unwrap();
        assert_eq!(after, written.replace(line, &format!("{other}desired = \"down\"\n")));
    }
    // In a text of several lines it is not a line of its own: refused, not changed in the wrong place.
    let text = written.replace(line, &format!("note = \"\"\"\n{line}\"\"\"\n{line}"));
    fs::write(store.file_of("a"), &text).unwrap();
    assert!(store.header("a").unwrap().is_some());
    assert!(store.lock(Deadline::NONE).unwrap().set_desired(&["a"], Desired::Down)[0].is_err());
    assert_eq!(fs::read_to_string(store.file_of("a")).unwrap(), text);
}

#[test]
fn what_was_for_an_earlier_boot_alone_is_as_good_as_gone() {
    let (_folder, store) = Folder::with(&["web"]);
    let mut job = entry("job").spec;
    job.service.transient = Some(true);
    let job = Entry::new(job, Desired::Up, "test", Scope::User);
    put(&store, std::slice::from_ref(&job));
    let boot = job.header.transient.clone().expect("it is for this boot");
    assert_eq!(store.entry("job").unwrap(), Some(job));
    assert!(store.headers().unwrap().past.is_empty());

    let file = store.file_of("job");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(&boot, "another-1")).unwrap();
    assert_eq!((store.header("job").unwrap(), store.entry("job").unwrap()), (None, None));
    let listing = store.headers().unwrap();
    assert_eq!((listing.headers.len(), &listing.past[..]), (1, &["job".to_owned()][..]));
    let (entries, past, _) = store.entries().unwrap();
    assert_eq!((entries.len(), past), (1, vec!["job".to_owned()]));
    let locked = store.lock(Deadline::NONE).unwrap();
    let error = locked.set_desired(&["job"], Desired::Down).remove(0).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotRegistered);
    assert_eq!(locked.remove(&["job"]), [Ok(true)]);
}

#[test]
fn a_boot_of_which_less_can_be_seen_is_not_taken_for_another() {
    let (_folder, store) = Folder::with(&[]);
    let mut job = entry("job").spec;
    job.service.transient = Some(true);
    let job = Entry::new(job, Desired::Up, "test", Scope::User);
    put(&store, std::slice::from_ref(&job));
    let boot = job.header.transient.clone().expect("it is for this boot");
    let (kernel, started) = boot.rsplit_once('-').expect("the kernel's, and the start of process 1");
    let text = fs::read_to_string(store.file_of("job")).unwrap();
    let other_start = format!("{kernel}-{started}0");
    for (noted, same) in [(kernel, true), (&other_start, false), (started, false)] {
        fs::write(store.file_of("job"), text.replace(&boot, noted)).unwrap();
        assert_eq!(store.header("job").unwrap().is_some(), same, "{noted} in {boot}");
    }
}
