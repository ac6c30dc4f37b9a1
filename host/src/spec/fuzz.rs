//! Whatever is in a spec file: what is read can be written and read again, values that are hidden stay
//! hidden, and what is refused says where.

use std::path::Path;

use anysvc_backend_api::{ErrorKind, Result, Value};
use anysvc_fuzz::{Corpus, fuzz};
use toml::de::DeTable;

use super::*;

fn corpus() -> Corpus {
    Corpus::of("spec").words(&[
        "[service.b]\ncommand = [\"x\"]\n",
        "[template.b]\ncommand = [\"{instance}\"]\n",
        "{instance}",
        "after = [\"web\"]\n",
        "{ hex = \"ff00\" }",
        "ready.port = 80\n",
        "limits = { nofile = \"8MiB\" }\n",
        "[service.web.native.s6]\n",
        "1979-05-27T07:32:00Z",
        "nan",
        "0x7fffffffffffffff",
        "9223372036854775808",
        "\"99999999999h\"",
        "\"16EiB\"",
        "${",
        "\\u0000",
    ])
}

fn read(text: &str) -> Result<SpecFile> {
    parse(text, Path::new("web.toml"))
}

/// For comparing: a number that is none is unlike itself.
fn shown(specs: &[Spec], templates: &[Template]) -> String {
    format!("{specs:?} {templates:?}")
}

#[test]
fn spec_files() {
    // What is refused whole has nothing to spoil.
    for document in corpus().documents() {
        read(str::from_utf8(document).expect("text")).unwrap_or_else(|error| panic!("{error}"));
    }
    fuzz(corpus(), |document| {
        let Ok(text) = str::from_utf8(document) else { return };
        match read(text) {
            Ok(file) => {
                assert!(DeTable::parse(text).is_ok(), "what is no TOML is no spec file");
                let services = file.services.iter().map(|spec| to_toml(spec, Reveal::Values) + "\n");
                let templates = file.templates.iter().map(|one| template_to_toml(one, Reveal::Values) + "\n");
                let written: String = services.chain(templates).collect();
                let again = read(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
                assert_eq!(
                    shown(&again.services, &again.templates),
                    shown(&file.services, &file.templates),
                    "{written}"
                );
                file.services.iter().for_each(keeps_secrets);
            }
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::InvalidSpec | ErrorKind::InvalidName), "{error}");
                assert!(error.message.starts_with("web.toml:"), "{error}");
                assert!(!error.message.contains(char::is_control), "{:?}", error.message);
            }
        }
    });
}

/// Hidden values are in no text, and what hides them can't be taken for a spec.
fn keeps_secrets(spec: &Spec) {
    let mut spec = spec.clone();
    let secret = "c0f1de27-secret";
    spec.service.env.iter_mut().for_each(|var| var.value = secret.into());
    assert!(check(&spec).is_ok(), "what was read is right, and so it is with another value");
    assert_eq!(spec.for_backend("x").native, spec.natives.get("x").cloned().unwrap_or(Value::Null));
    let hidden = to_toml(&spec, Reveal::Nothing);
    assert!(!hidden.contains(secret));
    assert_eq!(read(&hidden).is_err(), !spec.service.env.is_empty(), "{hidden}");
}
