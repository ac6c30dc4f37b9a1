//! The program as scripts meet it where there is no service manager at all: help, usage errors, exit codes,
//! documents, closed pipes. Nothing outside a temporary folder is looked at.

use std::{
    io::Read as _,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

/// A folder for the store, and nowhere else to look.
struct Bare(tempfile::TempDir);

impl Bare {
    fn new() -> Bare {
        Bare(tempfile::tempdir().expect("a folder"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anysvc"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("ANYSVC_STATE_DIR", self.0.path()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        let output = self.command(args).output().expect("anysvc can be run");
        Run { what: format!("anysvc {args:?}"), output }
    }
}

struct Run {
    what: String,
    output: Output,
}

impl Run {
    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    fn ends(self, code: i32) -> Run {
        let (out, err) = (self.stdout(), self.stderr());
        let what = &self.what;
        assert_eq!(self.output.status.code(), Some(code), "{what}\n--- output\n{out}--- errors\n{err}");
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.stdout()))
    }
}

#[test]
fn alone_it_prints_the_short_help() {
    let run = Bare::new().run(&[]).ends(0);
    assert!(run.stdout().contains("anysvc register web -- "), "{}", run.stdout());
    assert!(run.stdout().lines().count() < 15);
    assert_eq!(run.stderr(), "");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let bare = Bare::new();
    let run = bare.run(&["--help"]).ends(0);
    for command in ["register", "status", "logs", "detect"] {
        assert!(run.stdout().contains(&format!("\n  {command}")), "{}", run.stdout());
    }
    assert!(!run.stdout().contains("backend-main"), "{}", run.stdout());
    let run = bare.run(&["start", "-h"]).ends(0);
    assert!(run.stdout().contains("Examples:\n  anysvc start web"), "{}", run.stdout());
    assert_eq!(
        bare.run(&["--version"]).ends(0).stdout(),
        concat!("anysvc ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_usage_error_is_a_document_and_text_for_people() {
    let bare = Bare::new();
    let run = bare.run(&["start", "--json", "web", "--setle", "1s"]).ends(2);
    assert_eq!(
        run.json(),
        json!({"error": {
            "kind": "usage",
            "service": null,
            "message": "unexpected argument `--setle`",
            "hint": "did you mean `--settle`? `anysvc start --help` shows how it is used",
        }})
    );
    assert!(run.stderr().starts_with("error: unexpected argument `--setle`\nhint: "), "{}", run.stderr());
    let run = bare.run(&["start"]).ends(2);
    assert_eq!(run.stdout(), "");
}

#[test]
fn control_characters_of_the_command_line_are_not_repeated() {
    for args in [
        &["\u{1b}[2J"][..],
        &["status", "--\u{1b}[2J"],
        &["status", "a\u{1b}[2Jb"],
        &["register", "\u{7}", "--", "x"],
    ] {
        let run = Bare::new().run(args);
        assert!(!run.stderr().contains(['\u{1b}', '\u{7}']), "{:?}", run.stderr());
        assert_ne!(run.output.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn without_any_backend_it_is_8_and_says_where_it_looked() {
    let bare = Bare::new();
    for args in [&["detect"][..], &["status", "web"], &["register", "web", "--", "true"], &["start", "web"]] {
        let run = bare.run(args).ends(8);
        assert!(run.stderr().contains("no backend is installed"), "{}", run.stderr());
        assert!(run.stderr().contains("anysvc detect --explain"), "{}", run.stderr());
    }
    let document = bare.run(&["status", "web", "--json"]).ends(8).json();
    assert_eq!(document["error"]["kind"], "no-backend");
    let run = bare.run(&["detect", "--explain"]).ends(8);
    assert!(run.stdout().contains("beside the program"), "{}", run.stdout());
    assert_eq!(bare.run(&["detect", "--explain", "--json"]).ends(8).json()["error"]["kind"], "no-backend");
    let run = bare.run(&["backends"]).ends(0);
    assert!(run.stdout().contains("no backend is installed"), "{}", run.stdout());
    assert_eq!(bare.run(&["backends", "--json"]).ends(0).json()["backends"], json!([]));
    bare.run(&["backends", "info", "nothing"]).ends(8);
    bare.run(&["--backend", "nothing", "detect"]).ends(8);
}

#[test]
fn with_nothing_registered_status_says_how_to_begin() {
    let bare = Bare::new();
    let run = bare.run(&["status"]).ends(0);
    assert!(run.stderr().contains("anysvc register NAME -- COMMAND"), "{}", run.stderr());
    assert_eq!(
        bare.run(&["status", "--json"]).ends(0).json(),
        json!({"backend": null, "scope": scope(), "services": []})
    );
    assert_eq!(bare.run(&["list"]).ends(0).stdout(), "");
    bare.run(&["check"]).ends(8);
    bare.run(&["stop", "--all"]).ends(0);
    assert!(bare.0.path().read_dir().expect("it is there").next().is_none(), "looking creates nothing");
}

/// The scope that is meant by default: it depends on who runs the tests.
fn scope() -> &'static str {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status.lines().any(|line| line.starts_with("Uid:\t0\t0\t"));
    if root { "system" } else { "user" }
}

#[test]
fn names_and_specs_are_refused_before_anybody_is_asked() {
    let bare = Bare::new();
    for (args, kind) in [
        (&["register", "Web", "--json", "--", "x"][..], "invalid-name"),
        (&["register", "web", "--json", "--umask", "888", "--", "x"], "invalid-spec"),
        (&["register", "web", "--json"], "usage"),
    ] {
        assert_eq!(bare.run(args).ends(2).json()["error"]["kind"], kind, "{args:?}");
    }
    let file = bare.0.path().join("services.toml");
    std::fs::write(&file, "[service.web]\ncommand = [\"x\"]\ndirctory = \"/\"\n").expect("a file");
    let run = bare.run(&["register", "--file", file.to_str().expect("a path")]).ends(2);
    assert!(run.stderr().contains(":3:"), "the place is named: {}", run.stderr());
    assert!(run.stderr().contains("directory"), "the nearest key is named: {}", run.stderr());
    bare.run(&["register", "--file", "/no/such/file"]).ends(1);
    bare.run(&["register", "--template", "x", "--instance", "y"]).ends(4);
}

#[test]
fn a_closed_pipe_ends_it_without_a_word() {
    let bare = Bare::new();
    let mut child = bare
        .command(&["--help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("anysvc can be run");
    drop(child.stdout.take());
    let mut complaints = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut complaints).expect("text");
    assert_eq!(complaints, "");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_can_not_be_written_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let output = Bare::new().command(&["--help"]).stdout(full).output().expect("anysvc can be run");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn colours_are_only_for_terminals_unless_asked_for() {
    let bare = Bare::new();
    assert!(!bare.run(&["nonsense"]).stderr().contains('\u{1b}'));
    assert!(bare.run(&["status", "x", "--color", "always"]).stderr().contains("\u{1b}[31merror:"));
    bare.run(&["status", "--color", "sometimes"]).ends(2);
}

#[test]
fn what_is_done_is_logged_only_when_asked() {
    let bare = Bare::new();
    assert!(!bare.run(&["status"]).stderr().contains("DEBUG"));
    let run = bare.run(&["status", "-v", "--json"]).ends(0);
    assert!(run.stderr().contains("remembered in"), "{}", run.stderr());
    run.json();
    let output = bare.command(&["status"]).env("ANYSVC_LOG", "debug").output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("remembered in"));
}

#[test]
fn only_root_acts_for_other_users() {
    let bare = Bare::new();
    let code = if scope() == "system" { 2 } else { 7 };
    bare.run(&["status", "--scope", "user:no-such-user-here"]).ends(code);
    bare.run(&["status", "--scope", "everybody"]).ends(2);
}

#[test]
fn a_closed_standard_stream_does_not_become_a_file_of_the_store() {
    // Were standard error not opened again, the store's lock or a file being written would be number 2.
    let bare = Bare::new();
    let script = "exec 0<&- 1>&- 2>&-; \"$0\" status nothing; test $? = 8 || exit 1; \"$0\" list || exit 2";
    let mut command = bare.command(&[]);
    let program = command.get_program().to_owned();
    command = Command::new("/bin/sh");
    command.env_clear().env("ANYSVC_STATE_DIR", bare.0.path()).args(["-c", script]).arg(program);
    assert_eq!(command.output().expect("a shell").status.code(), Some(0));
}

#[test]
fn a_backend_that_is_not_installed_is_said_by_every_command() {
    let bare = Bare::new();
    for command in [
        &["status"][..],
        &["check"],
        &["list"],
        &["status", "web"],
        &["unregister", "web"],
        &["stop", "--all"],
        &["logs"],
        &["wait", "web", "--for", "up"],
    ] {
        let args = [command, &["--backend", "nowhere"]].concat();
        let run = bare.run(&args).ends(8);
        assert!(run.stderr().contains("nowhere"), "{}", run.stderr());
    }
}

#[test]
fn where_no_backend_fits_status_says_so_and_nothing_is_healthy() {
    let bare = Bare::new();
    let run = bare.run(&["status"]).ends(0);
    assert!(run.stderr().contains("warning: "), "{}", run.stderr());
    bare.run(&["check"]).ends(8);
    bare.run(&["check", "web"]).ends(8);
    bare.run(&["unregister", "web"]).ends(8);
}
