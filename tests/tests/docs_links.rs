//! What the Markdown files point at exists: files they link to, and verbs of `./x` they name.

use anysvc_tests::repository;
use std::path::{Path, PathBuf};

/// The Markdown files at the root, in docs/ and in each example.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let examples = std::fs::read_dir(repository().join("examples")).into_iter().flatten().flatten();
    let examples = examples.map(|entry| entry.path());
    for folder in [repository().to_path_buf(), repository().join("docs")].into_iter().chain(examples) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found
            .extend(entries.map(|e| e.path()).filter(|path| path.extension().is_some_and(|ext| ext == "md")));
    }
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut broken = Vec::new();
    for document in documents() {
        for (at, line) in read(&document).lines().enumerate() {
            // The target of `[text](target "title")`, without what is after a `#`.
            for rest in line.split("](").skip(1) {
                let target = rest.split([')', ' ', '#']).next().unwrap_or_default();
                let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
                let folder = document.parent().unwrap_or(Path::new("/"));
                if !elsewhere && !folder.join(target).exists() {
                    broken.push(format!("{}:{}: {target}", document.display(), at + 1));
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "these links lead nowhere; correct or remove them:\n  {}",
        broken.join("\n  ")
    );
}

#[test]
fn every_verb_of_x_that_is_named_exists() {
    let help = read(&repository().join("xtask/src/main.rs"));
    let mut unknown = Vec::new();
    for document in documents() {
        for (at, line) in read(&document).lines().enumerate() {
            for rest in line.split("./x ").skip(1) {
                let verb: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                let known = verb.is_empty() || verb == "help" || help.contains(&format!("\"{verb}\" =>"));
                if !known {
                    unknown.push(format!("{}:{}: ./x {verb}", document.display(), at + 1));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "xtask has no such verbs:\n  {}", unknown.join("\n  "));
}

#[test]
fn the_licences_are_there_as_cargo_toml_says() {
    let manifest = read(&repository().join("Cargo.toml"));
    assert!(
        manifest.contains("license = \"MIT OR Apache-2.0\""),
        "Cargo.toml names other licences than our files"
    );
    assert!(
        read(&repository().join("LICENSE-MIT")).starts_with("MIT License"),
        "LICENSE-MIT is not the MIT licence"
    );
    assert!(
        read(&repository().join("LICENSE-APACHE")).contains("Apache License"),
        "LICENSE-APACHE is not Apache's"
    );
}
