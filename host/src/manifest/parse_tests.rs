//! Manifests as authors write them, right and wrong.

use super::*;
use crate::environment::{Answer, FactSource};
use crate::manifest::Truth;

const GOOD: &str = "id = 'x'\nsummary = 'an x'\nlibrary = 'libx.so'\napi = '1.0'\nscopes = ['system']\n";

fn parse(text: &str) -> Result<Manifest> {
    manifest(Path::new("/lib/x.toml"), text)
}

fn fits(table: &str) -> Condition {
    parse(&format!("{GOOD}[fits]\n{table}\n")).unwrap_or_else(|error| panic!("{table}: {error}")).fits
}

#[test]
fn a_whole_manifest() {
    let read = parse(&format!("{GOOD}priority = 7\nfallback = true\nfits = {{}}\n")).expect("a manifest");
    let expected = Manifest {
        id: "x".into(),
        summary: "an x".into(),
        library: "libx.so".into(),
        api: (1, 0),
        scopes: vec![Scope::System],
        priority: 7,
        fallback: true,
        fits: Condition::All(Vec::new()),
    };
    assert_eq!(read, expected);
}

#[test]
fn the_manifests_in_this_repository_can_be_read() {
    let backends = Path::new(env!("CARGO_MANIFEST_DIR")).join("../backends");
    let folders = std::fs::read_dir(backends).expect("the backends");
    for folder in folders.map(|entry| entry.expect("an entry").path()) {
        let path = folder.join(folder.file_name().expect("a name")).with_extension("toml");
        if path.exists() {
            let text = std::fs::read_to_string(&path).expect("a manifest");
            manifest(&path, &text).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn every_condition() {
    let is = Condition::Is;
    assert_eq!(fits("file = '/f'"), is(Question::File("/f".into())));
    assert_eq!(fits("directory = '/d'"), is(Question::Directory("/d".into())));
    assert_eq!(fits("socket = '/s'"), is(Question::Socket("/s".into())));
    assert_eq!(fits("command = 'c'"), is(Question::Command("c".into())));
    assert_eq!(fits("env = 'V'"), is(Question::Variable("V".into())));
    assert_eq!(fits("setting = 'k'"), is(Question::Setting("k".into())));
    assert_eq!(fits("os = 'linux'"), Condition::Equals(Question::Os, "linux".into()));
    assert_eq!(fits("pid1-comm = 'init'"), Condition::Equals(Question::Pid1Comm, "init".into()));
    assert_eq!(fits("env = 'V=a=b'"), Condition::Equals(Question::Variable("V".into()), "a=b".into()));
    let (a, b) = (is(Question::File("/a".into())), is(Question::File("/b".into())));
    assert_eq!(fits("not = { file = '/a' }"), Condition::Not(Box::new(a.clone())));
    assert_eq!(fits("any = [{ file = '/a' }, { file = '/b' }]"), Condition::Any(vec![a.clone(), b.clone()]));
    assert_eq!(fits("all = [{ file = '/b' }, { file = '/a' }]"), Condition::All(vec![b, a]));
}

#[test]
fn conditions_stay_in_the_order_they_were_written_in() {
    let condition = fits("pid1-comm = 'init'\ndirectory = '/d'");
    let expected = [
        Condition::Equals(Question::Pid1Comm, "init".into()),
        Condition::Is(Question::Directory("/d".into())),
    ];
    assert_eq!(condition, Condition::All(expected.into()));
}

#[test]
fn mistakes_are_told_with_file_line_and_the_nearest_key() {
    let with = |more: &str| format!("{GOOD}{more}");
    let cases = [
        (with("prioriti = 1\nfits = {}"), "/lib/x.toml:6: unknown key `prioriti`", "`priority`"),
        (with("[fits]\nfiel = '/x'"), "/lib/x.toml:7: unknown key `fiel`", "`file`"),
        (with("[fits]\nany = [{ al = [] }]"), "unknown key `al`", "`all`"),
        (with("[fits]\nos = ['linux']"), "/lib/x.toml:7: `os` has to be a string, not array", ""),
        (with("[fits]\nfile = 'etc/x'"), "/lib/x.toml:7: `file` has to be an absolute path", ""),
        (with("[fits]\ndirectory = './x'"), "/lib/x.toml:7: `directory` has to be an absolute path", ""),
        (with("[fits]\nsocket = ''"), "/lib/x.toml:7: `socket` has to be an absolute path", ""),
        (with("[fits]\ncommand = '../x'"), "`command` has to be the name of a command", "`file`"),
        (with("[fits]\ncommand = '/bin/x'"), "`command` has to be the name of a command", "`file`"),
        (with("[fits]\ncommand = '..'"), "`command` has to be the name of a command", "`file`"),
        (with("[fits]\ncommand = ''"), "`command` has to be the name of a command", "`file`"),
        (with(""), "/lib/x.toml: `fits` is missing", ""),
        (with("fits = {}").replace("id = 'x'", "id = 'y'"), "`id` has to be the file's name", ""),
        (with("fits = {}").replace("libx.so", "../x.so"), "`library` has to be the name of a file", ""),
        (with("fits = {}").replace("libx.so", ""), "`library` has to be the name of a file", ""),
        (with("fits = {}").replace("'1.0'", "'1'"), "`api` has to be like \"1.0\"", ""),
        (
            with("fits = {}").replace("'1.0'", "'2.0'"),
            "made for API 2.0, and this anysvc has 1.",
            "update anysvc",
        ),
        (
            with("fits = {}").replace("'1.0'", "'0.9'"),
            "made for API 0.9, and this anysvc has 1.",
            "the backend",
        ),
        (with("fits = {}").replace("'system'", "'planet'"), "`scopes` knows \"system\" and \"user\"", ""),
        (with("fits = {}").replace("id = 'x'", "id = "), "/lib/x.toml:1: ", ""),
        (
            with(&format!("[fits]\nnot = {}{}", "{ not = ".repeat(20), "{} ".to_owned() + &"}".repeat(20))),
            "too deep",
            "",
        ),
    ];
    for (text, message, hint) in cases {
        let error = parse(&text).expect_err(&text);
        assert_eq!(error.kind, ErrorKind::Plugin);
        assert!(error.message.contains(message), "{text}\n{error}");
        assert!(error.hint.unwrap_or_default().contains(hint), "{text}");
    }
}

/// A machine where everything is so.
struct Everything;

impl FactSource for Everything {
    fn ask(&self, _: &Question) -> Answer {
        Answer::Yes(None)
    }
}

#[test]
fn what_a_newer_minor_version_adds_is_ignored_and_does_not_fit() {
    let newer = GOOD.replace("'1.0'", "'1.999'").replace("'system'", "'system', 'planet'");
    let read = parse(&format!("{newer}colour = 'red'\n[fits]\nfile = '/x'\n")).expect("a manifest");
    assert_eq!((read.scopes.clone(), read.fits.evaluate(&Everything)), (vec![Scope::System], Truth::True));
    for condition in [
        "moon = 'full'",
        "not = { moon = 'full' }",
        "all = [{ file = '/x' }, { moon = 'full' }]",
        "os = ['linux', 'freebsd']",
        "not = { file = ['/x', '/y'] }",
        "all = { file = '/x' }",
        "command = { name = 'x' }",
    ] {
        let read = parse(&format!("{newer}[fits]\n{condition}\n")).expect("a manifest");
        assert_eq!(read.fits.evaluate(&Everything), Truth::Unknown, "{condition}");
    }
}
