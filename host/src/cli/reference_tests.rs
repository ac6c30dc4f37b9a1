//! The reference (`docs/cli.md`) says what the help and the table of exit codes say.

use std::path::Path;

use anysvc_backend_api::ErrorKind;

use crate::output::exit_code;

const MEANINGS: &[(u8, &str)] = &[
    (0, "done"),
    (1, "other failure"),
    (2, "usage, invalid name or spec"),
    (3, "not running (`status`), not healthy (`check`)"),
    (4, "no such service"),
    (5, "exists already, or is not ours"),
    (6, "this backend can't do that"),
    (7, "permission denied"),
    (
        8,
        "no backend to talk to: none fits or is installed, not trusted, not to be loaded, its manager silent",
    ),
    (9, "the service manager refused or failed"),
    (10, "timed out"),
    (11, "the service died at once, or never became ready"),
];

fn codes() -> String {
    let kinds = |code: u8| {
        let of_it = ErrorKind::ALL.iter().filter(|kind| exit_code::of_kind(**kind) == code);
        of_it.map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(" ")
    };
    let rows = MEANINGS.iter().map(|(code, meaning)| format!("| {code} | {meaning} | {} |\n", kinds(*code)));
    format!("| code | meaning | error kinds |\n|---|---|---|\n{}", rows.collect::<String>())
}

fn commands() -> String {
    let section = |(name, help): (String, String)| {
        let title = if name == "anysvc" { name } else { format!("anysvc {name}") };
        format!("### {title}\n```text\n{}\n```\n\n", help.trim_end())
    };
    super::reference().into_iter().map(section).collect()
}

#[test]
fn cli_reference_is_the_help() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let mut text = std::fs::read_to_string(&path).expect("docs/cli.md");
    for (mark, content) in [("codes", codes()), ("commands", commands())] {
        let begin = text.find(&format!("<!-- {mark}:")).expect("the mark before");
        let begin = begin + text[begin..].find('\n').expect("its end") + 1;
        let end = text.find(&format!("<!-- end of {mark} -->")).expect("the mark after");
        text.replace_range(begin..end, &content);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).expect("docs/cli.md can be written");
    }
    let now = std::fs::read_to_string(&path).expect("docs/cli.md");
    assert!(now == text, "docs/cli.md lags behind; run UPDATE_DOCS=1 cargo test -p anysvc cli_reference");
}

#[test]
fn every_code_has_a_meaning() {
    for kind in ErrorKind::ALL {
        let code = exit_code::of_kind(*kind);
        assert!(MEANINGS.iter().any(|(known, _)| *known == code), "{kind}");
    }
}
