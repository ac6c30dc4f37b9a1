//! What fields of a spec mean on a real systemd, where that is ours to carry or easy to get wrong.

use anysvc_tests::{APP, Enter, Signal, SystemdLab, matrix, scenario};
use serde_json::Value;

/// Whose manager has what a container's environment would have.
fn stage(uid: u32) -> scenario::Somebody<SystemdLab> {
    let lab = SystemdLab::start();
    let scope = if uid == 0 { "--system" } else { "--user" };
    lab.systemctl([scope, "set-environment", "CONTAINER_VAR=from the container"]).uid(uid).run().success();
    scenario::Somebody { lab, uid, backend: "systemd" }
}

#[test]
fn every_field_does_for_root_what_the_matrix_says() {
    matrix::walk(|| stage(0));
}

#[test]
fn every_field_does_for_a_user_what_the_matrix_says() {
    matrix::walk(|| stage(APP));
}

/// Somebody with a manager.
struct Somebody {
    lab: SystemdLab,
    uid: u32,
}

impl Somebody {
    fn anysvc(&self, args: &[&str]) -> Enter<'_> {
        self.lab.anysvc(args).uid(self.uid)
    }

    /// Registers `web`, which lives.
    fn register(&self, options: &[&str], script: &str) {
        self.registers(&[&["--settle", "0"], options].concat(), script, 0);
    }

    /// Registers `web`, which dies at once, and is waited for to do so.
    fn register_to_die(&self, options: &[&str], script: &str) {
        self.registers(&[&["--settle", "20s"], options].concat(), script, 11);
    }

    fn registers(&self, options: &[&str], script: &str, code: i32) {
        let script = self.lab.script(&format!("{script}\n"));
        let args = [&["register", "web"], options, &["--", &script]].concat();
        self.anysvc(&args).run().fails(code);
    }

    fn service(&self) -> Value {
        self.anysvc(&["status", "web", "--json"]).run().any().json()["services"][0].clone()
    }

    fn waits_for(&self, state: &str) -> Value {
        let mut service = Value::Null;
        self.lab.wait_until(&format!("it is {state}"), || {
            service = self.service();
            service["state"] == state
        });
        service
    }

    /// Its last words may be longer on their way to the journal than we wait for them.
    fn restart_fails_with(&self, words: &str) {
        self.lab.wait_until(&format!("it says `{words}`"), || {
            self.anysvc(&["restart", "web"]).run().fails(11).stderr().contains(words)
        });
    }

    fn lines(&self, file: &str) -> usize {
        if self.lab.exists(file) { self.lab.read(file).lines().count() } else { 0 }
    }

    fn unregister(&self) {
        self.anysvc(&["unregister", "web"]).run().success();
    }
}

fn in_both(test: impl Fn(&Somebody)) {
    for uid in [0, APP] {
        test(&Somebody { lab: SystemdLab::start(), uid });
    }
}

const LOOP: [&str; 4] = ["--restart-delay", "100ms", "--give-up", "3/10m"];

/// Says so, and dies once that is in the journal.
const NO_LUCK: &str = "echo no luck; until journalctl -qo cat _PID=$$ | grep -q luck; do :; done; exit 1";

#[test]
fn a_crash_loop_is_given_up_after_so_many_failures_and_a_start_forgets_them() {
    in_both(|app| {
        app.register_to_die(&LOOP, &format!("echo x >>/tmp/runs; {NO_LUCK}"));
        let service = app.waits_for("failed");
        assert_eq!(app.lines("/tmp/runs"), 3, "the third failure is the last: {service}");
        assert_eq!(service["last_exit"]["code"], 1, "{service}");
        let reason = service["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("gave up") || reason.contains("given up"), "{service}");
        let started = app.anysvc(&["start", "web", "--settle", "20s"]).run().fails(11);
        started.stderr_contains("exit code 1").stderr_contains("no luck");
        app.lab.wait_until("it was tried three times more", || app.lines("/tmp/runs") == 6);
        app.waits_for("failed");
    });
}

#[test]
fn planned_restarts_never_lead_to_giving_up() {
    in_both(|app| {
        app.register_to_die(
            &LOOP,
            "echo x >>/tmp/runs; [ $(wc -l </tmp/runs) -lt 8 ] || exec sleep 1000; exit 75",
        );
        app.lab.wait_until("it was restarted seven times", || app.lines("/tmp/runs") == 8);
        assert_eq!(app.waits_for("running")["state"], "running");
        app.unregister();
        // For a service's user that root's unit names, too.
        if app.uid == 0 {
            let options = [&["--user", "app"], &LOOP[..]].concat();
            app.register_to_die(
                &options,
                "echo x >>/tmp/app; [ $(wc -l </tmp/app) -lt 8 ] || exec sleep 1000; exit 75",
            );
            app.lab.wait_until("it was restarted seven times", || app.lines("/tmp/app") == 8);
        }
    });
}

#[test]
fn a_death_by_term_that_nobody_ordered_is_a_failure() {
    let app = Somebody { lab: SystemdLab::start(), uid: APP };
    app.register(&["--restart-delay", "100ms"], "exec sleep 1000");
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let pid = app.waits_for("running")["pid"].as_u64().expect("it runs");
        app.lab.kill(pid.try_into().expect("a pid"), signal);
        app.lab.wait_until(&format!("it runs again after {signal:?}"), || {
            let service = app.service();
            service["state"] == "running" && service["pid"].as_u64() != Some(pid)
        });
    }
    app.anysvc(&["stop", "web"]).run().success();
    assert_eq!(app.service()["state"], "stopped");
}

#[test]
fn when_the_main_process_ends_the_rest_is_killed() {
    in_both(|app| {
        app.register(
            &["--restart", "never"],
            "(trap '' TERM; setsid sleep 4242) & until [ -e /tmp/go ]; do sleep 0.05; done",
        );
        let processes = || {
            let list = ["-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"];
            app.lab.command("sh").args(list).run().any().stdout()
        };
        app.lab.wait_until("it has begun", || {
            let all = processes();
            all.contains("sleep 4242") && !all.contains("setsid")
        });
        app.lab.write("/tmp/go", app.uid, 0o644, "");
        app.waits_for("stopped");
        let left = processes();
        assert!(!left.contains("sleep 4242"), "{left}");
    });
}

#[test]
fn a_false_condition_holds_it_back_until_the_file_says_otherwise() {
    in_both(|app| {
        let file = "/tmp/web.env";
        app.lab.write(file, app.uid, 0o600, "# nothing yet\nDASHBOARD=no\n");
        app.register(&["--env-file", file, "--when-env", "DASHBOARD", "--when-truthy"], "exec sleep 1000");
        let service = app.service();
        assert_eq!((&service["state"], &service["desired"]), (&"stopped".into(), &"up".into()), "{service}");
        assert_eq!(service["reason"], "condition not met", "{service}");
        app.anysvc(&["check"]).run().success();
        app.anysvc(&["wait", "web", "--for", "up"]).run().fails(3).stdout_contains("condition not met");
        app.lab.write(file, app.uid, 0o600, "DASHBOARD=Yes\n");
        app.anysvc(&["start", "web"]).run().success();
        assert_eq!(app.service()["state"], "running");
    });
}

#[test]
fn the_environment_file_is_read_at_each_start_and_means_what_it_means_elsewhere() {
    in_both(|app| {
        let file = "/tmp/web.env";
        app.lab.write(file, app.uid, 0o600, "A='quoted' $HOME \\\nB=from file\nC=from file\n#D=1\n");
        let options = ["--env-file", "/tmp/${NAME:-web}.env", "--env", "C=from spec"];
        app.register(
            &options,
            "printf '%s|' \"$A\" \"$B\" \"$C\" \"$D\" \"$HOME\" >/tmp/said; exec sleep 1000",
        );
        let home = if app.uid == 0 { "/root" } else { "/home/app" };
        let expected = format!("'quoted' $HOME \\|from file|from spec||{home}|");
        app.lab.wait_until("it says what it has", || {
            app.lab.exists("/tmp/said") && app.lab.read("/tmp/said") == expected
        });
        app.lab.write(file, app.uid, 0o600, "B=other\n");
        app.anysvc(&["restart", "web"]).run().success();
        app.lab.wait_until("it says the other", || app.lab.read("/tmp/said").contains("|other|from spec|"));
        // One that can't be read is no start.
        std::fs::remove_file(app.lab.path(file)).expect("it is there");
        app.restart_fails_with("cannot read /tmp/web.env");
        app.unregister();
    });
}

#[test]
fn directories_are_expanded_when_it_starts() {
    in_both(|app| {
        std::fs::create_dir_all(app.lab.path("/srv/b c")).expect("a folder");
        app.register(
            &["--env", "WHERE=b c", "--directory", "/srv/${WHERE}"],
            "pwd >/tmp/where; exec sleep 1000",
        );
        app.lab.wait_until("it says where", || {
            app.lab.exists("/tmp/where") && app.lab.read("/tmp/where") == "/srv/b c\n"
        });
        app.unregister();
        let program = ["--directory", "/srv/${NOT_SET}", "--", "/usr/bin/sleep", "1000"];
        let register = [&["register", "web"], &program[..]].concat();
        app.anysvc(&register).run().fails(11);
        app.restart_fails_with("directory: NOT_SET is not set");
        let service = app.waits_for("failed");
        assert_eq!(service["last_exit"]["code"], 78, "{service}");
    });
}

#[test]
fn sd_notify_says_when_it_is_ready() {
    let app = Somebody { lab: SystemdLab::start(), uid: APP };
    let script = "until [ -e /tmp/go ]; do sleep 0.05; done; systemd-notify --ready; exec sleep 1000";
    let program = app.lab.script(&format!("{script}\n"));
    let args = ["register", "web", "--ready-sd-notify", "--down", "--", &program];
    app.anysvc(&args).run().success();
    app.lab.write("/tmp/go", APP, 0o644, "");
    app.anysvc(&["start", "web"]).run().success().stdout_contains("ready");
    assert_eq!(app.service()["ready"], true);
}

/// Which journald can't ask for their unit any more.
#[test]
fn the_lines_of_processes_that_end_at_once_are_in_the_log() {
    in_both(|app| {
        app.register(&[], "for i in 1 2 3 4 5 6 7 8; do /bin/echo line $i; done; exec sleep 1000");
        app.lab.wait_until("all of them are there", || {
            let logs = app.anysvc(&["logs", "web"]).run().success().stdout();
            (1..=8).all(|i| logs.contains(&format!("line {i}\n")))
        });
    });
}

#[test]
fn logs_are_followed_and_looked_back_into() {
    in_both(|app| {
        app.register(&[], "printf 'first\\nodd \\377\\n'; until [ -e /tmp/go ]; do sleep 0.05; done; echo later; exec sleep 1000");
        app.lab.wait_until("it has spoken", || {
            app.anysvc(&["logs", "web"]).run().any().stdout().contains("odd")
        });
        app.anysvc(&["logs", "web", "-n", "1"]).run().success().stdout_lacks("first");
        let mut following = app.anysvc(&["logs", "web", "--follow"]).spawn();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(following.stdout().expect("its output")));
        assert!(lines.next().is_some_and(|line| line.is_ok_and(|line| line.contains("first"))));
        app.lab.write("/tmp/go", app.uid, 0o644, "");
        assert!(lines.any(|line| line.is_ok_and(|line| line.contains("later"))), "it ended without `later`");
        app.anysvc(&["logs", "nothing"]).run().fails(4);
        app.unregister();
        app.register(&["--log", "none"], "echo unheard; exec sleep 1000");
        app.anysvc(&["logs", "web"]).run().fails(6).stderr_contains("`none`");
        // Which keeps nobody else's from being read.
        let loud = ["register", "loud", "--", "/bin/sh", "-c", "echo heard; exec sleep 1000"];
        app.anysvc(&loud).run().success();
        app.lab.wait_until("the other has spoken", || {
            app.anysvc(&["logs", "loud"]).run().any().stdout().contains("heard")
        });
        let both = app.anysvc(&["logs", "web", "loud"]).run().fails(6);
        both.stdout_contains("heard").stderr_contains("`web` keeps no log");
        app.anysvc(&["logs"]).run().success().stdout_contains("heard");
    });
}

#[test]
fn a_user_without_linger_is_told() {
    let app = Somebody { lab: SystemdLab::start(), uid: APP };
    app.anysvc(&["detect", "--explain"]).run().success().stdout_lacks("enable-linger");
    std::fs::remove_file(app.lab.path("/var/lib/systemd/linger/app")).expect("app lingers");
    let registered = app.anysvc(&["register", "web", "--", "/usr/bin/sleep", "1000"]).run().success();
    registered.stderr_contains("loginctl enable-linger app");
    assert!(!app.lab.exists("/var/lib/systemd/linger/app"), "it was switched on");
}

/// The hard limit of open files of a process.
fn most_files(lab: &SystemdLab, pid: &str) -> String {
    let limits = lab.read(format!("/proc/{pid}/limits"));
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("it is there");
    files.split_whitespace().nth(4).expect("a hard limit").to_owned()
}

#[test]
fn a_limit_that_systemd_would_cut_unsaid_is_refused_and_any_other_arrives() {
    in_both(|app| {
        let lab = &app.lab;
        let scope = if app.uid == 0 { "--system" } else { "--user" };
        let refuses = |value: &str| -> String {
            let limit = format!("nofile={value}");
            let refused = app.anysvc(&["register", "web", "--limit", &limit, "--", "/usr/bin/sleep", "9"]);
            let refused = refused.run().fails(6);
            let told = refused.stderr();
            assert!(told.contains(&format!("limits.nofile: {value} is more than ")), "{told}");
            app.anysvc(&["status", "web"]).run().fails(4);
            let most = told.split_once("hint: name ").and_then(|(_, rest)| rest.split(' ').next());
            most.expect("it says how much").to_owned()
        };
        let most = refuses("unlimited");
        let above = (most.parse::<u64>().expect("a number") + 1).to_string();
        assert_eq!(refuses(&above), most);
        // What comes of it without us.
        let property = format!("LimitNOFILE={above}");
        let run = ["systemd-run", scope, "--unit=raw", "-p", &property, "/usr/bin/sleep", "1000"];
        lab.command(run[0]).args(&run[1..]).uid(app.uid).run().success();
        let raw = || {
            let show = lab.systemctl([scope, "show", "--value", "-p", "MainPID", "raw"]).uid(app.uid);
            show.run().success().stdout()
        };
        lab.wait_until("it runs", || raw().trim() != "0");
        lab.wait_until("its limits are set", || most_files(lab, raw().trim()) == most);

        let limit = format!("nofile={most}");
        app.register(&["--limit", &limit], "exec sleep 1000");
        let pid = app.waits_for("running")["pid"].to_string();
        assert_eq!(most_files(lab, &pid), most);
    });
}

#[test]
fn what_is_passed_through_is_systemds_to_understand() {
    in_both(|app| {
        let spec = "[service.web]\ncommand = ['/usr/bin/sleep', '1000']\n\
            [service.web.native.systemd.Service]\nNice = '5'\n";
        app.lab.write("/srv/web.toml", app.uid, 0o644, spec);
        app.anysvc(&["register", "--file", "/srv/web.toml"]).run().success();
        let scope = if app.uid == 0 { "--system" } else { "--user" };
        let nice = app.lab.systemctl([scope, "show", "web", "--value", "-p", "Nice"]).uid(app.uid);
        nice.run().success().stdout_is("5\n");
    });
}

#[test]
fn what_is_passed_through_and_systemd_would_pass_over_is_refused_by_name() {
    in_both(|app| {
        let run =
            if app.uid == 0 { "/run/systemd".to_owned() } else { format!("/run/user/{}/systemd", app.uid) };
        for (directive, why) in [
            ("Service.ProtectSytem = 'strict'", "`ProtectSytem`: Unknown key"),
            ("Service.Nice = 'abc'", "`Nice`: Failed to parse"),
            ("Unit.JobTimeoutSecs = 5", "`JobTimeoutSecs`: Unknown key"),
        ] {
            let spec = format!(
                "[service.web]\ncommand = ['/usr/bin/sleep', '1000']\nnative.systemd.{directive}\n\
                 [service.fine]\ncommand = ['/usr/bin/sleep', '1000']\nnative.systemd.Service.Nice = 5\n"
            );
            app.lab.write("/srv/web.toml", app.uid, 0o644, spec);
            let refused = app.anysvc(&["register", "--file", "/srv/web.toml"]).run().fails(2);
            refused.stderr_contains("systemd would pass over").stderr_contains(why);
            app.anysvc(&["status", "web"]).run().fails(4);
            app.anysvc(&["unregister", "fine"]).run().success();
        }
        let left = std::fs::read_dir(app.lab.path(&run)).expect("systemd's runtime folder");
        let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
        let ours = |name: &std::ffi::OsString| name.to_string_lossy().contains("anysvc-verify");
        assert!(!left.iter().any(ours), "{left:?}");
    });
}
