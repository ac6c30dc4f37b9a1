//! Whatever is in a manifest: what is read keeps its promises, what is refused says where, and what comes
//! of a condition is the same however it is asked for.

use std::path::Path;

use anysvc_backend_api::ErrorKind;
use anysvc_fuzz::{Corpus, fuzz};
use toml::de::DeTable;

use super::*;
use crate::environment::{Answer, FactSource, Question};

fn corpus() -> Corpus {
    Corpus::of("manifest")
        .with(include_str!("../../../backends/s6/s6.toml"))
        .with(include_str!("../../../backends/local/local.toml").replace("local", "s6"))
        .words(&[
            "[[fits.any]]\n",
            "not = { file = '/x' }\n",
            "any = [{ os = 'linux' }, { env = 'A=b' }]\n",
            "all = []\n",
            "api = \"1.99\"\n",
            "setting = 'scandir'\n",
            "file = 'x'\n",
            "directory = '../x'\n",
            "command = '..'\n",
            "later = 1\n",
        ])
}

/// A machine where what is so depends on the question's length alone.
struct Some3;

impl FactSource for Some3 {
    fn ask(&self, question: &Question) -> Answer {
        let text = question.to_string();
        match text.len() % 4 {
            0 => Answer::Yes(None),
            1 => Answer::No("nothing".into()),
            2 => Answer::Text("linux".into()),
            _ => Answer::Unreadable("denied".into()),
        }
    }
}

/// The same by the definition of three values, asking everything.
fn truth(condition: &Condition) -> Truth {
    let all = |parts: &[Condition], decisive, otherwise| {
        let truths: Vec<Truth> = parts.iter().map(truth).collect();
        match () {
            () if truths.contains(&decisive) => decisive,
            () if truths.contains(&Truth::Unknown) => Truth::Unknown,
            () => otherwise,
        }
    };
    match condition {
        Condition::All(parts) => all(parts, Truth::False, Truth::True),
        Condition::Any(parts) => all(parts, Truth::True, Truth::False),
        Condition::Not(part) => match truth(part) {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        },
        Condition::Unknown(_) => Truth::Unknown,
        Condition::Is(question) => match Some3.ask(question) {
            Answer::No(_) => Truth::False,
            Answer::Unreadable(_) => Truth::Unknown,
            _ => Truth::True,
        },
        Condition::Equals(question, wanted) => match Some3.ask(question) {
            Answer::Text(text) if text == *wanted => Truth::True,
            Answer::Unreadable(_) => Truth::Unknown,
            _ => Truth::False,
        },
    }
}

/// What a question about a path or a command is about.
fn about(condition: &Condition) -> Vec<&Question> {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().flat_map(about).collect(),
        Condition::Not(part) => about(part),
        Condition::Is(question) | Condition::Equals(question, _) => vec![question],
        Condition::Unknown(_) => Vec::new(),
    }
}

#[test]
fn manifests() {
    let path = Path::new("/lib/s6.toml");
    // What is refused whole has nothing to spoil.
    for document in corpus().documents() {
        let text = str::from_utf8(document).expect("text");
        Manifest::parse(path, text).unwrap_or_else(|error| panic!("{error}"));
    }
    fuzz(corpus(), |document| {
        let Ok(text) = str::from_utf8(document) else { return };
        match Manifest::parse(path, text) {
            Ok(read) => {
                assert!(DeTable::parse(text).is_ok(), "what is no TOML is no manifest");
                assert_eq!(read.id, "s6");
                assert!(Path::new(&read.library).components().count() == 1 && !read.library.starts_with('.'));
                for question in about(&read.fits) {
                    match question {
                        Question::File(path) | Question::Directory(path) | Question::Socket(path) => {
                            assert!(path.is_absolute());
                        }
                        Question::Command(name) => assert!(!name.is_empty() && !name.contains('/')),
                        _ => {}
                    }
                }
                let result = read.fits.evaluate(&Some3);
                assert_eq!(result, truth(&read.fits));
                assert_eq!(read.fits.explain(&Some3)[0].truth, result);
            }
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Plugin);
                assert!(error.message.starts_with("/lib/s6.toml:"), "{error}");
                assert!(!error.message.contains(char::is_control), "{:?}", error.message);
            }
        }
    });
}
