//! Every field of a spec on the embedded default: native and carried ones behave, refused ones are refused
//! by name with nothing changed. As an ordinary user, and as root where the field is root's.

use anysvc_tests::{APP, Facts, S6Lab};

/// A service made from a spec file, on a machine of its own.
struct Field {
    lab: S6Lab,
    uid: u32,
}

impl Field {
    /// Registers `x` from what is below `[service.x]`, for a user.
    fn spec(uid: u32, text: &str) -> Field {
        let lab = S6Lab::new().facts(Facts::NoBasedir).start();
        lab.write("/srv/spec.toml", APP, 0o644, format!("[service.x]\n{text}\n"));
        Field { lab, uid }
    }

    /// The exit code, and what it complained of.
    fn register(&self) -> (Option<i32>, String) {
        let ran = self.anysvc(&["register", "--file", "/srv/spec.toml"]);
        (ran.code(), ran.stderr())
    }

    fn anysvc(&self, args: &[&str]) -> anysvc_tests::Ended<'_> {
        self.lab.anysvc(args).env("WORD", "yes").env("EMPTY", "").uid(self.uid).run().any()
    }

    #[track_caller]
    fn up(uid: u32, text: &str) -> Field {
        let field = Field::spec(uid, text);
        assert_eq!(field.register(), (Some(0), String::new()), "{text}");
        field
    }

    fn status(&self) -> serde_json::Value {
        self.anysvc(&["status", "x", "--json"]).json()["services"][0].clone()
    }

    fn lines(&self) -> String {
        self.anysvc(&["logs", "x"]).stdout()
    }

    /// Waits until its log says something.
    #[track_caller]
    fn says(&self, text: &str) {
        self.lab.wait_until(&format!("{text:?} is logged"), || self.lines().contains(text));
    }

    #[track_caller]
    fn becomes(&self, state: &str) {
        self.lab.wait_until(&format!("it is {state}"), || self.status()["state"] == state);
    }
}

/// A command that says something and stays.
fn saying(what: &str) -> String {
    format!("command = ['/bin/sh', '-c', '''{what}; exec sleep 1000''']\n")
}

#[test]
fn description_and_order_are_kept() {
    let field = Field::up(APP, &format!("{}description = 'A web'\nafter = ['db']", saying(":")));
    assert!(field.anysvc(&["show", "x"]).stdout().contains("A web"));
}

#[test]
fn variables_come_from_the_spec_its_file_and_the_caller() {
    let text = saying("echo $ONE-$TWO-$WORD") + "env = { ONE = 'a b' }\nenv-file = '/srv/${DIR:-env}'";
    let field = Field::spec(APP, &text);
    field.lab.write("/srv/env", APP, 0o600, "# no\nTWO=c d\n");
    assert_eq!(field.register(), (Some(0), String::new()));
    field.says("a b-c d-yes");
    field.lab.write("/srv/env", APP, 0o600, "TWO=later\n");
    field.anysvc(&["restart", "x"]);
    field.says("a b-later-yes");
}

#[test]
fn directory_umask_and_limits_hold() {
    let text = saying("pwd; umask; ulimit -n; ulimit -c");
    Field::up(APP, &(text + "directory = '/usr'\numask = '0027'\nlimits = { nofile = 321, core = 0 }"))
        .says("/usr\n");
    let field = Field::up(APP, &(saying("umask; ulimit -n") + "umask = '0027'\nlimits = { nofile = 321 }"));
    field.says("0027");
    field.says("321");
    Field::up(APP, &saying("pwd")).says("/home/app");
    Field::up(0, &(saying("pwd; echo ended"))).says("/\n");
}

#[test]
fn only_root_names_another_user() {
    let text = saying("id -u; id -g") + "user = 'app'";
    let field = Field::up(0, &text);
    field.says("10000");
    let theirs = Field::up(0, &(saying("id -u; id -gn") + "user = 'app'\ngroup = 'other'"));
    theirs.says("other");
    let field = Field::spec(APP, &(saying("id") + "user = 'other'"));
    let (code, stderr) = field.register();
    assert_eq!(code, Some(7), "{stderr}");
    field.anysvc(&["status", "x"]).code().filter(|code| *code == 4).expect("nothing is left");
}

#[test]
fn restart_policies_mean_what_they_say() {
    let ends = |code: u32, more: &str| {
        format!("command = ['/bin/sh', '-c', 'sleep 0.4; exit {code}']\n[service.x.restart]\n{more}")
    };
    for (code, more, state) in [
        (1, "policy = 'never'", "failed"),
        (0, "policy = 'on-failure'", "stopped"),
        (78, "policy = 'always'", "failed"),
        (9, "policy = 'always'\nnever-on = [9]", "failed"),
        (1, "delay = '5ms'\ngive-up = { after = 2, within = '60s' }", "failed"),
    ] {
        let field = Field::up(APP, &ends(code, more));
        field.becomes(state);
    }
    for (code, more) in [
        (0, "policy = 'always'\ndelay = '5ms'"),
        (75, "delay = '5ms'"),
        (3, "policy = 'on-failure'\nalways-on = [3]\ndelay = '5ms'\ngive-up = { after = 1, within = '60s' }"),
    ] {
        let field = Field::up(APP, &ends(code, more));
        field.lab.wait_until("it was restarted", || field.status()["restarts"].as_u64() > Some(1));
    }
    Field::up(APP, &ends(1, "delay = '1h'")).becomes("backoff");
}

#[test]
fn stop_signal_and_time_out_are_honoured() {
    let script = "trap \"echo got usr1; exit 0\" USR1; trap \"\" TERM; echo set; while :; do sleep 0.1; done";
    let text = format!("command = ['/bin/sh', '-c', '''{script}''']\n[service.x.stop]\n");
    let field = Field::up(APP, &(text.clone() + "signal = 'USR1'"));
    field.says("set");
    assert_eq!(field.anysvc(&["stop", "x"]).code(), Some(0));
    field.says("got usr1");
    let field = Field::up(APP, &(text + "timeout = '100ms'"));
    field.says("set");
    assert_eq!(field.anysvc(&["stop", "x"]).code(), Some(0));
    assert_eq!(field.status()["last_exit"]["signal"], "KILL");
}

#[test]
fn readiness_is_heard_and_probed() {
    let notify = "sleep 0.3; echo >&4; exec sleep 1000";
    let socket = "sleep 0.3; python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); \
                  s.connect(os.environ[\"NOTIFY_SOCKET\"].replace(\"@\", \"\\0\", 1)); s.send(b\"READY=1\")'; \
                  exec sleep 1000";
    let port = "sleep 0.3; exec python3 -m http.server 8765";
    for (script, ready) in [
        (notify, "notify-fd = 4"),
        (socket, "sd-notify = true"),
        (
            "touch /home/app/is-ready; exec sleep 1000",
            "check = ['/usr/bin/test', '-e', '/home/app/is-ready']",
        ),
        (port, "port = 8765"),
        (port, "http = 'http://127.0.0.1:8765/'"),
    ] {
        let text = format!("command = ['/bin/sh', '-c', '''{script}''']\n[service.x.ready]\n{ready}");
        let field = Field::up(APP, &text);
        assert_eq!(
            field.anysvc(&["wait", "x", "--for", "ready"]).code(),
            Some(0),
            "{ready}\n{}",
            field.lines()
        );
    }
    let text = saying("echo never") + "[service.x.ready]\nnotify-fd = 4\ntimeout = '200ms'";
    let field = Field::spec(APP, &text);
    let (code, stderr) = field.register();
    assert!(code == Some(11) && stderr.contains("never"), "{code:?} {stderr}");
    assert_eq!(field.status()["state"], "running");
}

#[test]
fn logs_go_where_they_should_and_no_further() {
    let field = Field::up(APP, &(saying("echo hello") + "[service.x.log]\nto = 'none'"));
    assert_eq!(field.anysvc(&["logs", "x"]).code(), Some(6));
    let writer = "i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done; echo done; exec sleep 1000";
    let text = format!(
        "command = ['/bin/sh', '-c', '''{writer}''']\n[service.x.log]\nto = 'files'\n\
         directory = '/home/app/${{WORD}}/logs'\nsize = 8192\nkeep = 2"
    );
    let field = Field::up(APP, &text);
    field.says("done");
    let sizes = field
        .lab
        .command("/bin/sh")
        .args(["-c", "cat /home/app/yes/logs/* | wc -c"])
        .run()
        .success()
        .stdout();
    assert!(sizes.trim().parse::<u32>().is_ok_and(|size| size <= 3 * 8192), "{sizes}");
    let names = field.lab.command("/bin/ls").arg("/home/app/yes/logs").run().success().stdout();
    assert_eq!(names.lines().filter(|name| name.starts_with('@')).count(), 2, "{names}");
}

#[test]
fn the_console_is_process_1s_and_refused_where_it_can_not_be_written() {
    let text = saying("echo to the console") + "[service.x.log]\nconsole = true";
    let field = Field::up(0, &text);
    field.lab.wait_until("the line is on the console", || field.lab.log().contains("to the console"));
    field.says("to the console");
    let field = Field::spec(APP, &text);
    let (code, stderr) = field.register();
    assert!(code == Some(6) && stderr.contains("log.console"), "{code:?} {stderr}");
    assert_eq!(field.anysvc(&["status", "x"]).code(), Some(4));
}

#[test]
fn a_condition_holds_a_service_back() {
    for (condition, runs) in [
        ("env = 'WORD'", true),
        ("env = 'WORD'\ntruthy = false", false),
        ("env = 'EMPTY'", false),
        ("env = 'UNSET'\ntruthy = false", true),
    ] {
        let field = Field::up(APP, &(saying(":") + "[service.x.when]\n" + condition));
        let status = field.status();
        assert_eq!(status["state"] == "running", runs, "{condition}: {status}");
        assert!(runs || status["reason"] == "condition not met", "{status}");
    }
}

#[test]
fn what_is_refused_is_named_and_changes_nothing() {
    for (text, name, code) in
        [("[service.x.log]\nto = 'manager'", "log", 6), ("[service.x.native.local]\nnice = 3", "nice", 2)]
    {
        let field = Field::spec(APP, &(saying(":") + text));
        let (got, stderr) = field.register();
        assert!(got == Some(code) && stderr.contains(name), "{text}: {got:?} {stderr}");
        assert_eq!(field.anysvc(&["list"]).stdout(), "");
        assert_eq!(field.anysvc(&["status", "x"]).code(), Some(4));
    }
}

#[test]
fn boot_and_requirements_are_carried_by_the_host() {
    let lab = S6Lab::new().facts(Facts::NoBasedir).start();
    let two = "[service.db]\ncommand = ['sleep', '1000']\nboot = 'up'\n\
               [service.web]\ncommand = ['sleep', '1000']\nrequires = ['db']\n";
    lab.write("/srv/two.toml", APP, 0o644, two);
    lab.anysvc(["register", "--file", "/srv/two.toml", "--down"]).uid(APP).run().success();
    lab.anysvc(["start", "web"]).uid(APP).run().success();
    lab.anysvc(["status", "db"]).uid(APP).run().success().stdout_contains("running");
}

#[test]
fn the_matrix_names_the_embedded_one_and_every_field() {
    let lab = S6Lab::new().facts(Facts::NoBasedir).start();
    let matrix = lab.anysvc(["backends", "--matrix"]).uid(APP).run().success().stdout();
    for field in ["env-file", "restart.give-up", "ready.sd-notify", "log.console", "when.env"] {
        assert!(matrix.contains(field), "{field}\n{matrix}");
    }
    let list = lab.anysvc(["backends"]).uid(APP).run().success().stdout();
    assert!(list.contains("embedded"), "{list}");
}
