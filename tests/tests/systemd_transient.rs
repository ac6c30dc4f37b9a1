//! What is registered for one boot alone, on a real systemd, over a reboot of the laboratory.

use anysvc_tests::{APP, Enter, SystemdLab};

const SLEEP: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];

/// Both scopes: who, where his units are that last, and where those that do not.
const SCOPES: [(u32, &str, &str); 2] = [
    (0, "/etc/systemd/system", "/run/systemd/system"),
    (APP, "/home/app/.config/systemd/user", "/run/user/10000/systemd/user"),
];

struct Scope<'lab> {
    lab: &'lab SystemdLab,
    uid: u32,
    lasting: &'static str,
    transient: &'static str,
}

fn in_both(lab: &SystemdLab, test: impl Fn(&Scope<'_>)) {
    for (uid, lasting, transient) in SCOPES {
        test(&Scope { lab, uid, lasting, transient });
    }
}

impl<'lab> Scope<'lab> {
    fn anysvc(&self, args: &[&str]) -> Enter<'lab> {
        self.lab.anysvc(args).uid(self.uid)
    }

    fn register(&self, name: &str, options: &[&str]) {
        self.anysvc(&[&["register", name], options, &SLEEP].concat()).run().success();
    }

    fn state(&self, name: &str) -> String {
        let document = self.anysvc(&["status", name, "--json"]).run().any().json();
        document["services"][0]["state"].as_str().unwrap_or("none").to_owned()
    }

    fn systemctl(&self, args: &[&str]) -> Enter<'lab> {
        let scope = if self.uid == 0 { "--system" } else { "--user" };
        self.lab.systemctl([&[scope], args].concat()).uid(self.uid)
    }

    /// What there is of a service in a folder of units.
    fn traces(&self, folder: &str, name: &str) -> Vec<String> {
        let find = ["-name".to_owned(), format!("{name}.service*")];
        let found = self.lab.command("find").arg(folder).args(&find).run().any().stdout();
        let mut found: Vec<String> = found.lines().map(str::to_owned).collect();
        found.sort();
        found
    }
}

#[test]
fn it_is_one_like_any_other_until_the_reboot_and_gone_after_it() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        scope.register("lasting", &[]);
        let rendered =
            scope.anysvc(&[&["render", "job", "--transient"], &SLEEP[..]].concat()).run().success();
        rendered
            .stdout_contains(&format!("{}/job.service", scope.transient))
            .stdout_contains("it is enabled until the next boot");
        scope.register("job", &["--transient", "--env", "TOKEN=secret"]);
        assert_eq!(scope.traces(scope.lasting, "job"), Vec::<String>::new());
        assert!(lab.exists(format!("{}/job.service.env", scope.transient)));
        scope.systemctl(&["is-enabled", "job"]).run().success().stdout_is("enabled-runtime\n");
        // It is no child of one reload.
        scope.systemctl(&["daemon-reload"]).run().success();
        assert_eq!(scope.state("job"), "running");
        scope.anysvc(&["status", "job"]).run().success().stdout_contains("gone with this one (transient)");
        scope.anysvc(&["stop", "job"]).run().success();
        assert_eq!(scope.state("job"), "stopped");
        scope.anysvc(&["check"]).run().success();
        scope.anysvc(&["start", "job"]).run().success();
        let listed = scope.anysvc(&["list"]).run().success().stdout();
        assert_eq!(listed, "job\nlasting\n");
        scope.anysvc(&["reconcile"]).run().success().stdout_contains("2 as they should be");
    });
    let system = [&["--scope", "system", "register", "web"], &SLEEP[..]].concat();
    let refused = lab.anysvc(&system).uid(APP).run().fails(7);
    refused.stderr_contains("/var/lib/anysvc").stderr_contains("`--scope user`");
    lab.reboot();
    in_both(&lab, |scope| {
        lab.wait_until("what lasts runs", || scope.state("lasting") == "running");
        scope
            .systemctl(&["show", "-p", "LoadState", "--value", "job"])
            .run()
            .success()
            .stdout_is("not-found\n");
        scope.anysvc(&["status", "job"]).run().fails(4).stderr_contains("there is no service `job`");
        scope.anysvc(&["list"]).run().success().stdout_is("lasting\n");
        scope.anysvc(&["check"]).run().success();
        let all = scope.anysvc(&["status"]).run().success().stdout();
        assert!(!all.contains("job"), "{all}");
        scope.anysvc(&["start", "job"]).run().fails(4);
        scope.anysvc(&["unregister", "job"]).run().success().stdout_contains("was not registered");
        let plan = scope.anysvc(&["reconcile", "--dry-run", "--json"]).run().success().json();
        assert_eq!(plan["past"], serde_json::json!(["job"]), "{plan}");
        scope.anysvc(&["reconcile"]).run().success().stdout_contains("an earlier boot alone: job");
        assert_eq!(scope.state("job"), "none");
        let plan = scope.anysvc(&["reconcile", "--json"]).run().success().json();
        assert_eq!(plan["past"], serde_json::json!([]), "{plan}");
        // Its name is free.
        scope.register("job", &[]);
        assert_eq!(scope.state("job"), "running");
        let failed = scope.systemctl(&["--failed", "--plain", "--no-legend"]).run().success().stdout();
        assert!(!failed.contains("job"), "{failed}");
    });
}

#[test]
fn replacing_moves_it_to_where_it_lasts_and_back() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        scope.register("web", &["--transient"]);
        scope.register("web", &["--replace"]);
        assert_eq!(scope.traces(scope.transient, "web"), Vec::<String>::new());
        scope.systemctl(&["is-enabled", "web"]).run().success().stdout_is("enabled\n");
        scope.register("web", &["--replace", "--transient"]);
        assert_eq!(scope.traces(scope.lasting, "web"), Vec::<String>::new());
        scope.systemctl(&["is-enabled", "web"]).run().success().stdout_is("enabled-runtime\n");
        assert_eq!(scope.state("web"), "running");
        scope.anysvc(&["unregister", "web"]).run().success();
        assert_eq!(scope.traces(scope.transient, "web"), Vec::<String>::new());
        assert!(!lab.exists(format!("{}/default.target.d/anysvc-transient.conf", scope.transient)));
    });
}

#[test]
fn one_that_would_be_hidden_is_refused() {
    let lab = SystemdLab::start();
    in_both(&lab, |scope| {
        scope.register("ours", &[]);
        let theirs = format!("{}/theirs.service", scope.lasting);
        let text = "[Service]\nExecStart=/usr/bin/sleep 1000\n";
        lab.write(&theirs, scope.uid, 0o644, text);
        let register = [&["register", "theirs", "--transient", "--adopt"], &SLEEP[..]].concat();
        scope.anysvc(&register).run().fails(5).stderr_contains("transient").stderr_contains(&theirs);
        assert_eq!(lab.read(&theirs), text);
    });
}
