//! What registering with a real systemd leaves on the disk, over a reboot, and alone.

use anysvc_tests::{APP, Enter, SystemdLab};
use serde_json::Value;

const SLEEP: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];

/// Both scopes: who, and where his units are.
const SCOPES: [(u32, &str); 2] = [(0, "/etc/systemd/system"), (APP, "/home/app/.config/systemd/user")];

struct Scope<'lab> {
    lab: &'lab SystemdLab,
    uid: u32,
    units: &'static str,
}

fn in_both(lab: &SystemdLab, test: impl Fn(&Scope<'_>)) {
    for (uid, units) in SCOPES {
        test(&Scope { lab, uid, units });
    }
}

impl<'lab> Scope<'lab> {
    fn anysvc(&self, args: &[&str]) -> Enter<'lab> {
        self.lab.anysvc(args).uid(self.uid)
    }

    fn register(&self, name: &str, options: &[&str]) {
        self.anysvc(&[&["register", name], options, &SLEEP].concat()).run().success();
    }

    fn systemctl(&self, args: &[&str]) -> Enter<'lab> {
        let scope = if self.uid == 0 { "--system" } else { "--user" };
        self.lab.systemctl([&[scope], args].concat()).uid(self.uid)
    }

    fn service(&self, name: &str) -> Value {
        self.anysvc(&["status", name, "--json"]).run().any().json()["services"][0].clone()
    }

    fn state(&self, name: &str) -> String {
        self.service(name)["state"].as_str().unwrap_or("none").to_owned()
    }

    fn unit(&self, name: &str) -> String {
        format!("{}/{name}.service", self.units)
    }

    fn names(&self) -> Vec<String> {
        let listed = std::fs::read_dir(self.lab.path(self.units)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            listed.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| name.contains(".service") && name != "console-getty.service");
        names.sort();
        names
    }
}

#[test]
fn after_a_reboot_running_services_run_and_stopped_ones_do_not() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        scope.register("running", &[]);
        scope.register("stopped", &[]);
        scope.anysvc(&["stop", "stopped"]).run().success();
        scope.register("always", &["--boot", "up"]);
        scope.anysvc(&["stop", "always"]).run().success();
        scope.register("never", &["--boot", "down"]);
        scope.register("waiting", &["--down"]);
        scope.register("again", &["--down"]);
        scope.anysvc(&["start", "again"]).run().success();
    });
    lab.reboot();
    in_both(&lab, |scope| {
        for name in ["running", "always", "again"] {
            lab.wait_until(&format!("{name} of {} runs", scope.uid), || scope.state(name) == "running");
        }
        for name in ["stopped", "never", "waiting"] {
            assert_eq!(scope.state(name), "stopped", "{name} of {}", scope.uid);
            scope.systemctl(&["is-active", name]).run().fails(3).stdout_is("inactive\n");
        }
    });
}

#[test]
fn values_are_for_the_owner_alone_and_go_with_the_service() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        scope.register("web", &["--env", "TOKEN=se cret"]);
        let unit = scope.unit("web");
        assert!(!lab.read(&unit).contains("se cret"));
        lab.command("stat")
            .args(["-c", "%a %u", &format!("{unit}.env")])
            .run()
            .success()
            .stdout_is(&format!("600 {}\n", scope.uid));
        let pid = scope.service("web")["pid"].as_u64().expect("it runs");
        assert!(
            lab.read(format!("/proc/{pid}/environ")).split('\0').any(|variable| variable == "TOKEN=se cret")
        );
        scope.anysvc(&["unregister", "web"]).run().success();
        assert_eq!(scope.names(), Vec::<String>::new());
        scope
            .systemctl(&["show", "--value", "--property=LoadState", "web"])
            .run()
            .success()
            .stdout_is("not-found\n");
    });
}

#[test]
fn who_looks_sees_what_starts_at_boot_whatever_the_umask_was() {
    let lab = SystemdLab::start();
    lab.command("rm").args(["-rf", "/etc/systemd/system/multi-user.target.wants"]).run().success();
    let register = "umask 077; exec /opt/anysvc/bin/anysvc register web -- /usr/bin/sleep 1000";
    lab.command("sh").args(["-c", register]).run().success();
    for folder in ["wants", "d"] {
        let folder = format!("/etc/systemd/system/multi-user.target.{folder}");
        lab.command("stat").args(["-c", "%a", &folder]).run().success().stdout_is("755\n");
    }
}

#[test]
fn an_edited_unit_is_left_alone_until_it_is_adopted() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        scope.register("web", &["--env", "A=1"]);
        let unit = scope.unit("web");
        let (values, saved) = (format!("{unit}.env"), format!("{unit}.anysvc-saved"));
        let edited = format!("{}Environment=X=1\n", lab.read(&unit).replace("[Install]", "[Service]"));
        lab.write(&unit, scope.uid, 0o644, &edited);
        let replace = [&["register", "web", "--replace", "--umask", "0077"], &SLEEP[..]].concat();
        let refused = scope.anysvc(&replace).run().fails(5);
        refused.stderr_contains("edited").stderr_contains(&unit).stderr_contains("--adopt");
        assert_eq!(lab.read(&unit), edited);
        let adopt = ["register", "web", "--json", "--replace", "--adopt", "--env", "A=1"];
        let adopted = scope.anysvc(&[&adopt, &SLEEP[..]].concat()).run().success();
        assert_eq!(lab.read(&saved), edited);
        let warnings = &adopted.json()["services"][0]["warnings"];
        assert!(warnings[0].as_str().is_some_and(|told| told.contains(&saved)), "{warnings}");
        adopted.stderr_contains(&format!("warning: `web`: what was there before is kept as {saved}"));
        assert!(!lab.read(&unit).contains("X=1"));

        // So it is with the values of its variables.
        let edited = format!("{}B=2\n", lab.read(&values));
        lab.write(&values, scope.uid, 0o600, &edited);
        scope.anysvc(&replace).run().fails(5).stderr_contains("edited").stderr_contains(&values);
        assert_eq!(lab.read(&values), edited);
        let gone = scope.anysvc(&["unregister", "web"]).run().success();
        let saved = format!("{values}.anysvc-saved");
        gone.stderr_contains(&format!("which is kept as {saved}"));
        assert_eq!(lab.read(&saved), edited);
        lab.command("stat").args(["-c", "%a", &saved]).run().success().stdout_is("600\n");
        assert!(!lab.exists(&unit) && !lab.exists(&values));
    });
}

#[test]
fn no_copy_takes_the_place_of_another() {
    let lab = SystemdLab::start();
    lab.anysvc([&["register", "web"], &SLEEP[..]].concat()).run().success();
    let unit = "/etc/systemd/system/web.service";
    let ours = lab.read(unit);
    for number in ["", ".2", ".3"] {
        lab.write(unit, 0, 0o644, format!("{ours}# {number}\n"));
        lab.anysvc([&["register", "web", "--replace", "--adopt"], &SLEEP[..]].concat()).run().success();
        assert!(lab.read(format!("{unit}.anysvc-saved{number}")).ends_with(&format!("# {number}\n")));
    }
    // What is as it was written leaves none.
    lab.anysvc(["unregister", "web"]).run().success();
    assert!(!lab.exists(format!("{unit}.anysvc-saved.4")));
}

#[test]
fn a_unit_that_we_did_not_make_is_neither_replaced_nor_removed() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        // So that the folder is there, and whose it is to be.
        scope.register("ours", &[]);
        let unit = scope.unit("theirs");
        let text = "[Service]\nExecStart=/usr/bin/sleep 1000\n";
        lab.write(&unit, scope.uid, 0o644, text);
        let register = |options: &[&str]| scope.anysvc(&[&["register", "theirs"], options, &SLEEP].concat());
        register(&[]).run().fails(5).stderr_contains("--adopt");
        register(&["--replace"]).run().fails(5).stderr_contains("--adopt");
        scope.anysvc(&["unregister", "theirs"]).run().any();
        assert_eq!(lab.read(&unit), text);
        let saved = format!("{unit}.anysvc-saved");
        register(&["--adopt"]).run().success().stderr_contains(&saved);
        assert!(lab.read(&unit).starts_with("# anysvc "));
        assert_eq!(lab.read(saved), text);
    });
    // One that is elsewhere, and would be hidden.
    let root = Scope { lab: &lab, uid: 0, units: SCOPES[0].1 };
    root.anysvc(&[&["register", "dbus"], &SLEEP[..]].concat()).run().fails(5).stderr_contains("dbus");
    assert!(!lab.exists(root.unit("dbus")));
    root.anysvc(&["unregister", "dbus"]).run().any();
    root.systemctl(&["is-active", "dbus"]).run().success();
}

#[test]
fn a_thousand_services_cost_one_reload() {
    let lab = SystemdLab::start();
    let root = Scope { lab: &lab, uid: 0, units: SCOPES[0].1 };
    let spec: String =
        (0..1000).map(|at| format!("[service.s{at}]\ncommand = [\"/usr/bin/sleep\", \"1000\"]\n")).collect();
    lab.write("/srv/many.toml", 0, 0o644, spec);
    let before = lab.reloads();
    root.anysvc(&["register", "--down", "--timeout", "150s", "--file", "/srv/many.toml"]).run().success();
    assert_eq!(lab.reloads() - before, 1);
    assert_eq!(root.names().len(), 1000);
}

#[test]
fn what_systemd_can_not_do_is_refused_by_name_and_nothing_is_changed() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        for (options, field) in [
            (&["--log", "files"][..], "log.to"),
            (&["--log-size", "64KiB"], "log.size"),
            (&["--ready-notify-fd", "3"], "ready.notify-fd"),
            (&["--description", "ends with \\"], "description"),
        ] {
            let register = [&["register", "web"], options, &SLEEP].concat();
            scope.anysvc(&register).run().fails(6).stderr_contains(field);
        }
        assert_eq!(scope.names(), Vec::<String>::new());
    });
    let app = Scope { lab: &lab, uid: APP, units: SCOPES[1].1 };
    app.anysvc(&[&["register", "web", "--user", "other"], &SLEEP[..]].concat())
        .run()
        .fails(7)
        .stderr_contains("user");
}

#[test]
fn what_starts_at_boot_is_changed_by_one_at_a_time() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        scope.register("web", &[]);
        let lock = if scope.uid == 0 { "/run/systemd" } else { "/run/user/10000/systemd" };
        let hold = format!(
            "exec 9<{lock}/anysvc.lock; flock 9; echo held >/tmp/held.{0}; exec cat /tmp/go.{0}",
            scope.uid
        );
        lab.command("mkfifo").args(["-m", "0666", &format!("/tmp/go.{}", scope.uid)]).run().success();
        let holder = lab.command("sh").args(["-c", &hold]).uid(scope.uid).spawn();
        lab.wait_until("it is held", || lab.exists(format!("/tmp/held.{}", scope.uid)));
        let enabled = || scope.systemctl(&["is-enabled", "web"]).run().any().stdout();
        // What changes no link waits for nobody.
        scope.anysvc(&["restart", "web"]).run().success();
        let stopped = scope.anysvc(&["stop", "web", "--timeout", "3s"]).run().fails(10);
        stopped.stderr_contains("locked").stderr_contains("another anysvc is at work");
        assert_eq!((scope.state("web"), enabled()), ("running".to_owned(), "enabled\n".to_owned()));
        drop(holder);
        scope.anysvc(&["stop", "web"]).run().success();
        assert_eq!((scope.state("web"), enabled()), ("stopped".to_owned(), "disabled\n".to_owned()));
    });
}

#[test]
fn nothing_is_registered_behind_what_systemd_would_go_on_reading() {
    let lab = SystemdLab::start();
    lab.command("systemd-run").args(["--unit=theirs", "/usr/bin/sleep", "777"]).run().success();
    for option in [&[][..], &["--transient"]] {
        let adopt = [&["register", "theirs", "--adopt"], option, &SLEEP].concat();
        let refused = lab.anysvc(adopt).run().fails(5);
        refused.stderr_contains("/run/systemd/transient/theirs.service would hide `theirs`");
    }
    let left = lab.command("find").args(["/etc/systemd", "/run/systemd/system", "-name", "theirs*"]).run();
    left.success().stdout_is("");
    lab.systemctl(["is-active", "theirs"]).run().success();
    // What is read after ours may be adopted.
    lab.systemctl(["stop", "theirs"]).run().success();
    let unit = "[Service]\nExecStart=/usr/bin/sleep 777\n";
    lab.write("/usr/lib/systemd/system/theirs.service", 0, 0o644, unit);
    lab.systemctl(["daemon-reload"]).run().success();
    for option in [&[][..], &["--transient"]] {
        lab.anysvc([&["register", "theirs", "--adopt"], option, &SLEEP].concat()).run().success();
        let command = lab.systemctl(["show", "-p", "ExecStart", "theirs"]).run().success();
        command.stdout_contains("argv[]=/usr/bin/sleep 1000 ");
        lab.anysvc(["unregister", "theirs"]).run().success();
    }
}

#[test]
fn what_somebody_has_in_the_other_folder_is_left_without_a_word() {
    let lab = SystemdLab::start();
    let folder = "/run/systemd/system";
    let theirs = format!("{folder}/theirs.service");
    let link = format!("{folder}/multi-user.target.wants/theirs.service");
    let text = "[Service]\nExecStart=/usr/bin/sleep 777\n[Install]\nWantedBy=multi-user.target\n";
    lab.write(&theirs, 0, 0o644, text);
    lab.systemctl(["enable", "--runtime", "theirs"]).run().success();
    lab.systemctl(["daemon-reload"]).run().success();
    let adopted = lab.anysvc([&["register", "theirs", "--adopt"], &SLEEP[..]].concat()).run().success();
    adopted.stderr_is("");
    lab.anysvc(["unregister", "theirs"]).run().success().stderr_is("");
    assert_eq!(lab.read(&theirs), text);
    assert!(lab.path(&link).is_symlink(), "it is theirs");
    let copies = lab.command("find").args(["/etc/systemd", folder, "-name", "*.anysvc-saved*"]).run();
    copies.success().stdout_is("");
}
