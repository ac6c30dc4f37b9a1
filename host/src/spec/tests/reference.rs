//! The reference (`docs/spec-files.md`) is the table of keys and nothing else.

use super::{service, web};
use crate::spec::key::{self, Key};

const BEGIN: &str = "<!-- keys: made from the table; UPDATE_DOCS=1 cargo test -p anysvc reference -->\n";
const END: &str = "<!-- end of keys -->\n";

fn row(row: &Key) -> String {
    let option = match (row.option, row.value) {
        (None, _) => "what comes after `--`".to_owned(),
        (Some(option), None) => format!("`--{option}`"),
        (Some(option), Some(value)) => format!("`--{option} {value}`"),
    };
    let again = if row.repeatable { ", as often as needed" } else { "" };
    let Key { key, help, takes, default, example, .. } = row;
    format!(
        "### `{key}`\n{help}.\n\n- takes: {takes}\n- default: {default}\n- example: `{key} = {example}`\n- option: {option}{again}\n\n"
    )
}

#[test]
fn the_reference_has_every_key_as_the_table_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec-files.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the mark before the keys");
    let (_, after) = rest.split_once(END).expect("the mark after the keys");
    let expected = format!("{before}{BEGIN}\n{}{END}{after}", key::keys().map(row).collect::<String>());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let now = std::fs::read_to_string(&path).unwrap();
    assert!(
        now == expected,
        "docs/spec-files.md lags behind; run UPDATE_DOCS=1 cargo test -p anysvc reference"
    );
}

#[test]
fn the_words_for_true_are_those_of_the_model() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec-files.md");
    let text = std::fs::read_to_string(path).unwrap();
    let words = anysvc_backend_api::TRUE_WORDS.join(", ");
    assert!(text.contains(&format!("| {words} | runs | runs | held back |")), "{words}");
    let truthy = key::keys().find(|key| key.key == "when.truthy").unwrap();
    assert!(truthy.help.contains(&words), "{}", truthy.help);
}

#[test]
fn every_example_of_the_table_is_taken() {
    for row in key::keys() {
        let needed = match row.key {
            "command" => continue,
            "ready.timeout" => "ready.port = 1\n",
            "when.truthy" => "when.env = \"A\"\n",
            _ => "",
        };
        let spec = service(&web(&format!("{needed}{} = {}", row.key, row.example)));
        assert!((row.get)(&spec.service).is_some(), "{}", row.key);
    }
}

#[test]
fn every_spec_file_in_the_reference_is_taken() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec-files.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut found = 0;
    for block in text.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        super::file(block).unwrap_or_else(|e| panic!("{}\n{block}", e.message));
        found += 1;
    }
    assert!(found >= 2);
}
