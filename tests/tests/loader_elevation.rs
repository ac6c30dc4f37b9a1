//! Every override is honoured for its owner, and has a twin: ignored when the program has more rights than
//! who started it. Once with callers that are made up, once with a real setuid copy of this very test.

#[path = "../plugins/support.rs"]
mod support;

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anysvc::{
    config::Config,
    discovery::{Source, search_path},
    environment::{Answer, Caller, Environment, FactSource as _, Overrides, Question, Variables},
};
use anysvc_backend_api::{ErrorKind, Scope};
use support::{copy_program, set};

const ALICE: u32 = 10_000;
const MALLORY: u32 = 10_001;

/// Everything that a session can set.
const SESSION: [(&str, &str); 8] = [
    ("ANYSVC_STATE_DIR", "/session/state"),
    ("ANYSVC_BACKEND_PATH", "/session/backends"),
    ("XDG_STATE_HOME", "/session/xdg-state"),
    ("XDG_DATA_HOME", "/session/xdg-data"),
    ("XDG_RUNTIME_DIR", "/session/run"),
    ("HOME", "/session/home"),
    ("PATH", "/session/bin"),
    ("ANYSVC_TEST_CONDITION", "set"),
];

fn with(caller: Caller, session: &[(&str, &str)]) -> Environment {
    Environment::assemble(Overrides::default(), caller, Variables::given(session.iter().copied()))
}

/// Everything that anything of the session could have come through.
fn seen(env: &Environment) -> String {
    let variable = Question::Variable("ANYSVC_TEST_CONDITION".into());
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n",
        env.state_dir(None, Scope::System),
        env.state_dir(None, Scope::User),
        search_path(env).into_iter().filter(|(_, source)| *source != Source::Program).collect::<Vec<_>>(),
        env.facts(),
        env.ask(&variable),
        env.home(),
    )
}

fn alice() -> Caller {
    Caller::plain(ALICE, ALICE)
}

/// Callers who have more rights than who started them.
fn elevated() -> Vec<Caller> {
    vec![
        Caller { secure: true, ..alice() },
        Caller { euid: 0, ..alice() },
        Caller { egid: 0, ..alice() },
        Caller { euid: 0, egid: 0, secure: true, ..alice() },
    ]
}

#[test]
fn each_variable_counts_for_a_user() {
    for (name, wanted) in [
        ("ANYSVC_STATE_DIR", "path: \"/session/state\", source: Variable"),
        ("XDG_STATE_HOME", "path: \"/session/xdg-state/anysvc\", source: XdgStateHome"),
        ("HOME", "path: \"/session/home/.local/state/anysvc\", source: Home"),
        ("ANYSVC_BACKEND_PATH", "(\"/session/backends\", Variable)"),
        ("XDG_DATA_HOME", "(\"/session/xdg-data/anysvc/backends\", DataHome)"),
        ("XDG_RUNTIME_DIR", "runtime_dir: Some(\"/session/run\")"),
        ("PATH", "path: [\"/session/bin\"]"),
        ("ANYSVC_TEST_CONDITION", "Text(\"set\")"),
    ] {
        let only: Vec<_> = SESSION.iter().copied().filter(|(n, _)| *n == name).collect();
        let seen = seen(&with(alice(), &only));
        assert!(seen.contains(wanted), "{name}: no {wanted} in {seen}");
    }
}

#[test]
fn no_variable_counts_for_the_elevated() {
    for caller in elevated() {
        let bare = with(caller.clone(), &[]);
        let session = with(caller.clone(), &SESSION);
        assert_eq!(seen(&session), seen(&bare), "{caller:?}");
        assert!(!seen(&session).contains("session"), "{caller:?}");
        assert_eq!(session.variable("ANYSVC_STATE_DIR"), None);
    }
}

#[test]
fn root_takes_no_folder_from_the_session_it_was_started_from() {
    let root = Caller::plain(0, 0);
    let xdg: Vec<_> = SESSION.iter().copied().filter(|(name, _)| !name.starts_with("ANYSVC_")).collect();
    assert_eq!(seen(&with(root.clone(), &xdg)), seen(&with(root.clone(), &[])));
    assert_eq!(with(root, &SESSION).facts().path, Vec::<PathBuf>::new());
}

#[test]
fn root_does_not_keep_its_store_in_somebody_elses_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().to_str().expect("a path");
    let state = || with(Caller::plain(0, 0), &[("ANYSVC_STATE_DIR", text)]).state_dir(None, Scope::System);
    set(folder.path(), 0, 0o700);
    assert_eq!(state().expect("a folder").path, folder.path());
    set(folder.path(), MALLORY, 0o700);
    let resolved = state().expect("a folder");
    assert_eq!(resolved.path, Path::new("/var/lib/anysvc"));
    assert!(resolved.warnings[0].contains("ANYSVC_STATE_DIR is ignored"), "{:?}", resolved.warnings);
    assert!(resolved.warnings[0].contains("owner 10001"), "{:?}", resolved.warnings);
}

#[test]
fn configuration_counts_by_its_owner() {
    let folder = tempfile::tempdir().expect("a folder");
    set(folder.path(), 0, 0o755);
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "choose = 'x'\n").expect("a configuration");
    let load = |caller| Config::load_from(&path, &with(caller, &[]));
    let chosen = |caller| load(caller).expect("a configuration").choose;
    set(&path, 0, 0o644);
    assert_eq!(chosen(alice()).as_deref(), Some("x"));
    assert_eq!(chosen(Caller::plain(0, 0)).as_deref(), Some("x"));
    assert!(elevated().into_iter().all(|caller| chosen(caller).as_deref() == Some("x")));
    set(&path, ALICE, 0o644);
    assert_eq!(chosen(alice()).as_deref(), Some("x"));
    for caller in elevated().into_iter().chain([Caller::plain(0, 0)]) {
        let config = load(caller).expect("an empty configuration");
        assert_eq!(config.choose, None);
        let warning = &config.warnings[0].message;
        assert!(
            warning.contains("the configuration is ignored: ") && warning.contains("owner 10000"),
            "{warning}"
        );
    }
    let ignored = |what: &str, fix: &str| {
        for caller in elevated().into_iter().chain([Caller::plain(0, 0), alice()]) {
            let config = load(caller).expect("an empty configuration");
            assert_eq!((config.choose, config.path), (None, None));
            let warning = &config.warnings[0].message;
            let start = format!("the configuration is ignored: {} is not trusted: ", path.display());
            assert!(warning.starts_with(&start), "{warning}");
            assert!(warning.contains(what) && warning.contains(fix), "{warning}");
        }
    };
    set(&path, MALLORY, 0o644);
    ignored("somebody else owns it (owner 10001, mode 0644)", "`chown root ");
    set(&path, 0, 0o622);
    ignored("everybody may write it (owner 0, mode 0622)", "`chmod go-w ");
    set(&path, 0, 0o644);
    std::fs::write(&path, b"\xff").expect("a configuration");
    assert_eq!(load(alice()).expect_err("no text").kind, ErrorKind::Usage);
}

#[test]
fn state_that_the_starter_can_write_is_for_the_starter_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    set(folder.path(), ALICE, 0o700);
    let state = |caller| {
        let overrides = Overrides { state_dir: Some(folder.path().to_owned()), ..Overrides::default() };
        Environment::assemble(overrides, caller, Variables::none()).state_dir(None, Scope::User)
    };
    assert_eq!(state(alice()).expect("a folder").path, folder.path());
    for caller in elevated() {
        let error = state(caller).expect_err("a refusal");
        assert_eq!(error.kind, ErrorKind::PermissionDenied);
        assert!(error.message.contains("owner 10000") && error.hint.is_some(), "{error:?}");
        let configured = with(elevated().remove(0), &[]).state_dir(Some(folder.path()), Scope::User);
        assert_eq!(configured.expect_err("a refusal").kind, ErrorKind::PermissionDenied);
    }
    set(folder.path(), 0, 0o755);
    assert!(elevated().into_iter().all(|caller| state(caller).is_ok()));
}

#[test]
fn an_absent_configuration_is_an_empty_one() {
    let load = |path| Config::load_from(Path::new(path), &with(alice(), &[]));
    assert_eq!(load("/nonexistent/config.toml"), Ok(Config::default()));
    assert_eq!(load("/etc/passwd/config.toml"), Ok(Config::default()));
}

/// Not a check of its own: shows what this process sees, for the next test, which runs it in others.
#[test]
#[allow(clippy::print_stdout, reason = "what it prints is what it is for")]
fn what_this_process_sees() {
    let env = Environment::gather(Overrides::default());
    println!("elevated: {}\n{}", env.caller().elevated(), seen(&env));
    assert!(matches!(env.ask(&Question::Os), Answer::Text(_)));
}

#[test]
fn a_real_setuid_program_ignores_the_session_that_starts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    set(folder.path(), 0, 0o755);
    let program = folder.path().join("setuid");
    copy_program(std::env::current_exe().expect("this test"), &program);
    let report = |mode: u32, uid: u32| {
        set(&program, 0, mode);
        let mut command = Command::new(&program);
        command.args(["--exact", "what_this_process_sees", "--nocapture"]).envs(SESSION).uid(uid).gid(uid);
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let plain = report(0o755, ALICE);
    assert!(plain.contains("elevated: false") && plain.contains("/session/state"), "{plain}");
    let setuid = report(0o4755, ALICE);
    assert!(setuid.contains("elevated: true"), "is {} on a nosuid file system?\n{setuid}", program.display());
    assert!(!setuid.contains("session"), "{setuid}");
    let setgid = report(0o2755, ALICE);
    assert!(setgid.contains("elevated: true") && !setgid.contains("session"), "{setgid}");
}
