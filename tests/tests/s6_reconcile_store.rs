//! What `anysvc reconcile` makes of a store that is not as it should be, of specs that are not what runs, and
//! of a dry run.

use anysvc_tests::{APP, Container, Facts, S6Lab, Scandir, crash::Call, words};

fn app() -> Container {
    Container::start(S6Lab::new().nested(), APP)
}

fn root() -> Container {
    Container::start(S6Lab::new(), 0)
}

/// Every file below a folder of the laboratory: kind, mode, owner, size, inode, both times.
fn tree(container: &Container) -> String {
    let folders = ["/etc", "/home", "/root", "/run", "/srv", "/tmp", "/var"];
    let format = ["-printf", "%p %y %m %U:%G %s %i %T@ %C@ %l\n"];
    // A log is written by its service, and not by us.
    let logs = ["-path", "*/logs/*", "-prune", "-o"];
    let found = container.lab.command("/usr/bin/find").args(folders).args(logs).args(format).run();
    let mut lines: Vec<String> = found.success().stdout().lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

fn a_dry_run_touches_nothing(container: &Container) {
    let before = tree(container);
    let traced = container.anysvc(["reconcile", "--dry-run", "--force", "--json"]).traced();
    // Whether somebody reads that FIFO shows when it is opened; to write to it would be another call.
    let looks = |call: &Call| call.name == "openat2" && call.subject.ends_with("/.s6-svscan/control");
    assert!(traced.calls.iter().all(looks), "it changed files:\n{traced}");
    assert!(traced.status.success(), "{}", traced.stderr);
    assert_eq!(before, tree(container));
    assert!(traced.stdout.contains("\"dry_run\": true"), "{}", traced.stdout);
}

#[test]
fn a_dry_run_touches_nothing_whatever_there_is_to_do() {
    let first = app();
    first.sleeper("ran", &[]);
    first.sleeper("rested", &["--down"]);
    let second = first.restart();
    a_dry_run_touches_nothing(&second);
    let reconciled = second.reconciled(&["--dry-run"]);
    assert!(reconciled.at_boot(), "{reconciled:?}");
    assert_eq!(reconciled.said("ran"), words("register", "absent"));
    second.must(&["reconcile", "--dry-run"]).stdout_contains("2 services after a boot: 2 to be registered");
    assert!(second.reconciled(&[]).at_boot(), "a dry run counts for nothing");
    second.lab.s6("s6-svc", ["-wD", "-d", "/run/app/service/ran"]).uid(APP).run().success();
    ["ran", "rested"].into_iter().for_each(|name| second.is_at_work(name));
    a_dry_run_touches_nothing(&second);
    let empty = app();
    // That the tree below it is ready is noted by root's supervisor when it hears so.
    let heard = ["-U", "-t", "30000", "/run/service/app-tree"];
    empty.lab.s6("s6-svwait", heard).run().success();
    a_dry_run_touches_nothing(&empty);
}

#[test]
fn a_dry_run_does_not_bring_back_a_supervisor_that_was_killed() {
    let container = Container::start(S6Lab::new().facts(Facts::NoBasedir), APP);
    container.sleeper("ran", &[]);
    let supervisor = container.status("ran")["native"]["supervisor"].as_u64().expect("it runs");
    container.lab.kill_and_wait(supervisor.try_into().expect("a pid"));
    a_dry_run_touches_nothing(&container);
    assert_eq!(container.reconciled(&["--dry-run"]).said("ran").0, "register");
}

/// Makes a store with every sort of entry that can't be used, and two that can.
fn spoil(container: &Container) -> Vec<(&'static str, &'static str)> {
    let services = format!("{}/services", container.state());
    let good = container.lab.read(format!("{services}/first.toml"));
    let renamed = |name: &str| {
        good.replace("\"first\"", &format!("\"{name}\""))
            .replace("[service.first", &format!("[service.{name}"))
    };
    let write = |file: &str, uid: u32, mode: u32, text: &str| {
        container.lab.write(format!("{services}/{file}"), uid, mode, text);
    };
    let uid = container.uid;
    let other = if uid == 0 { APP } else { 0 };
    write("corrupt.toml", uid, 0o600, "format = 1\nthis is no TOML");
    write("empty.toml", uid, 0o600, "");
    write("newer.toml", uid, 0o600, &renamed("newer").replace("format = 1", "format = 2"));
    write("liar.toml", uid, 0o600, &renamed("somebody"));
    write("foreign.toml", other, 0o644, &renamed("foreign"));
    write("writable.toml", uid, 0o666, &renamed("writable"));
    write("README", uid, 0o600, "what is this?");
    write("huge.toml", uid, 0o600, &"#".repeat(17 << 20));
    let run = |program: &str, args: &[&str]| {
        container.lab.command(program).args(args).uid(uid).run().success();
    };
    run("/usr/bin/mkfifo", &[&format!("{services}/fifo.toml")]);
    run("/bin/ln", &["-s", "first.toml", &format!("{services}/link.toml")]);
    run("/bin/mkdir", &[&format!("{services}/folder.toml")]);
    vec![
        ("corrupt", "corrupt"),
        ("empty", "corrupt"),
        ("newer", "newer"),
        ("liar", "corrupt"),
        ("foreign", "untrusted"),
        ("writable", "untrusted"),
        ("README", "unknown"),
        ("huge", "untrusted"),
        ("fifo", "untrusted"),
        ("link", "untrusted"),
        ("folder", "untrusted"),
    ]
}

fn bad_entries_are_set_aside_and_the_rest_goes_on(first: Container) {
    first.sleeper("first", &[]);
    first.sleeper("zlast", &[]);
    let spoilt = spoil(&first);
    let second = first.restart();
    let files = || {
        second
            .lab
            .command("/usr/bin/find")
            .arg(format!("{}/services", second.state()))
            .args(["-name", "*", "-printf", "%p %s %m %U %i\n"])
            .run()
            .success()
            .stdout()
    };
    let before = files();
    let reconciled = second.reconciled(&["--force"]);
    assert!(matches!(reconciled.code, Some(1 | 7)), "{reconciled:?}");
    for (name, why) in spoilt {
        let service = reconciled.service(name);
        assert_eq!(
            (&service["action"], &service["why"]),
            (&"set-aside".into(), &why.into()),
            "{name}: {service}"
        );
        assert!(service["error"]["message"].as_str().is_some_and(|text| text.contains(name)), "{service}");
    }
    for name in ["first", "zlast"] {
        assert_eq!(reconciled.said(name).0, "register", "{reconciled:?}");
        assert_eq!(second.is(name), words("running", "up"));
    }
    assert_eq!(before, files(), "each is kept where it is, as it is");
    let slots = second.lab.command("/bin/ls").arg(second.lab.scandir()).run().success().stdout();
    for name in ["corrupt", "newer", "foreign", "writable", "link", "somebody"] {
        assert!(!slots.contains(name), "{name} is acted on: {slots}");
    }
    second.must(&["check", "first", "zlast"]);
}

#[test]
fn bad_entries_of_a_user_are_set_aside_and_the_rest_goes_on() {
    bad_entries_are_set_aside_and_the_rest_goes_on(app());
}

#[test]
fn root_does_not_act_on_what_another_could_have_written() {
    bad_entries_are_set_aside_and_the_rest_goes_on(root());
}

#[test]
fn root_takes_no_store_that_another_could_have_written() {
    let container = root();
    container.sleeper("web", &[]);
    for (what, arguments) in [
        ("/bin/chown", vec!["app", "/var/lib/anysvc/services"]),
        ("/bin/chmod", vec!["0777", "/var/lib/anysvc/services"]),
        ("/bin/chown", vec!["app", "/var/lib/anysvc"]),
    ] {
        container.lab.command(what).args(arguments).run().success();
        container.run(&["reconcile"]).stderr_contains("is not used as a store");
        assert_eq!(container.run(&["reconcile"]).code(), Some(7));
        container.lab.command("/bin/chown").args(["-R", "root", "/var/lib/anysvc"]).run().success();
        container.lab.command("/bin/chmod").args(["0700", "/var/lib/anysvc/services"]).run().success();
    }
    // The notes beside the services are judged as they are.
    container.lab.command("/bin/ln").args(["-sf", "/etc/passwd", "/var/lib/anysvc/boot.log"]).run().success();
    container.lab.s6("s6-svc", ["-wD", "-d", "/run/service/web"]).run().success();
    let passwd = container.lab.read("/etc/passwd");
    container.run(&["reconcile", "--force"]).stderr_contains("boot.log");
    assert_eq!(container.lab.read("/etc/passwd"), passwd);
    assert_eq!(container.state_of("web"), "running", "what was to be done is done");
}

#[test]
fn another_spec_than_what_runs_is_told_and_put_right_by_force() {
    for container in [app(), Container::start(S6Lab::new().facts(Facts::NoBasedir), APP)] {
        container.sleeper("web", &[]);
        let pid = container.status("web")["pid"].clone();
        let file = format!("{}/services/web.toml", container.state());
        let text = container.lab.read(&file).replace("1000", "2000");
        container.lab.write(&file, APP, 0o600, text);
        let reconciled = container.reconciled(&[]);
        assert_eq!(reconciled.said("web"), words("drift", "running"), "{reconciled:?}");
        assert_eq!(container.status("web")["pid"], pid, "it is left");
        let reconciled = container.reconciled(&["--force"]);
        assert_eq!(reconciled.said("web"), words("replace", "running"), "{reconciled:?}");
        let pid = container.status("web")["pid"].to_string();
        let line = format!("/proc/{pid}/cmdline");
        container
            .lab
            .wait_until("its `run` has become it", || container.lab.read(&line) == "sleep\u{0}2000\u{0}");
        assert!(container.reconciled(&[]).is_idle());
    }
}

/// Makes a service's `run` what an older version of ours could have written: another text, and its sum.
fn by_an_older_version(container: &Container, name: &str) {
    let slot = format!("{}/{name}", container.lab.scandir());
    let (run, sums) = (format!("{slot}/run"), format!("{slot}/data/hash"));
    let now = container.lab.read(&run);
    let old = format!("{now}# as it was\n");
    let noted = container.lab.read(&sums);
    assert!(noted.contains(&fnv(&now)), "{noted}");
    container.lab.write(&sums, APP, 0o600, noted.replace(&fnv(&now), &fnv(&old)));
    container.lab.write(&run, APP, 0o755, old);
}

/// FNV-1a of 128 bits, as in the note of what was written.
fn fnv(text: &str) -> String {
    let basis: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let sum = text.bytes().fold(basis, |sum, byte| {
        (sum ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    format!("{sum:032x}")
}

#[test]
fn what_an_older_version_wrote_is_made_anew_when_it_rests_and_is_no_drift() {
    let container = app();
    // A shell reads its script as it goes.
    container.sleeper_at_work("runs", &[]);
    container.sleeper("rests", &["--down"]);
    let pid = container.status("runs")["pid"].clone();
    ["runs", "rests"].iter().for_each(|name| by_an_older_version(&container, name));
    let reconciled = container.reconciled(&[]);
    assert_eq!(reconciled.code, Some(0));
    assert_eq!(reconciled.said("rests"), words("replace", "stopped"), "{reconciled:?}");
    assert_eq!(reconciled.said("runs"), words("none", "running"), "{reconciled:?}");
    assert_eq!(reconciled.service("runs")["why"], "an older version of anysvc made it: run");
    assert_eq!(container.status("runs")["pid"], pid, "what runs as wanted is not restarted for it");
    assert!(!container.lab.read("/run/app/service/rests/run").contains("as it was"));
    assert_eq!(container.is("rests"), words("stopped", "down"));
    assert_eq!(container.reconciled(&["--force"]).said("runs"), words("replace", "running"));
    assert!(!container.lab.read("/run/app/service/runs/run").contains("as it was"));
    assert!(container.reconciled(&["--force"]).is_idle());
    // The same text without our sum of it is somebody's hand.
    let run = "/run/app/service/rests/run";
    container.lab.write(run, APP, 0o755, format!("{}# mine\n", container.lab.read(run)));
    assert_eq!(container.reconciled(&[]).said("rests"), words("drift", "stopped"));
}

#[test]
fn an_edited_script_is_told_by_its_name() {
    let container = Container::start(S6Lab::new().scandir(Scandir::User), APP);
    container.sleeper_at_work("web", &[]);
    let script = "/run/service/web/run";
    let text = container.lab.read(script);
    container.lab.write(script, APP, 0o755, format!("{text}# edited\n"));
    let reconciled = container.reconciled(&[]);
    assert_eq!(reconciled.said("web").0, "drift", "{reconciled:?}");
    assert_eq!(reconciled.service("web")["why"], "it is not what its spec makes: run");
    container.must(&["reconcile", "--force"]).stdout_contains("1 replaced");
    assert_eq!(container.lab.read(script), text);
}

#[test]
fn the_boot_log_is_rotated_to_one_older() {
    let container = app();
    container.sleeper("web", &[]);
    let log = format!("{}/boot.log", container.state());
    let old = "an old line of forty characters, or so..\n".repeat((256 << 10) / 41);
    container.lab.write(&log, APP, 0o600, &old);
    container.lab.s6("s6-svc", ["-wD", "-d", "/run/app/service/web"]).uid(APP).run().success();
    container.must(&["reconcile"]);
    assert_eq!(container.lab.read(format!("{log}.1")), old);
    let new = container.lab.read(&log);
    assert!(new.contains(" name=web ") && new.contains(" action=drift exit=TERM\n"), "{new}");
    assert_eq!(new.lines().count(), 1, "{new}");
}
