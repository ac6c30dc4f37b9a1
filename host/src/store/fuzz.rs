//! Whatever is in a stored file: the scanner says what the parser says, and a change of what is desired
//! changes nothing else.

use anysvc_backend_api::{Boot, Scope};
use anysvc_fuzz::{Corpus, fuzz};

use super::{
    Desired, Header,
    header::{Fault, length, read, with_desired, write},
};

fn corpus() -> Corpus {
    let header = |template: Option<&str>| Header {
        name: "web".into(),
        desired: Desired::Up,
        backend: "s6".into(),
        scope: Scope::User,
        boot: Boot::Restore,
        transient: template.map(|_| "0f-1".to_owned()),
        template: template.map(str::to_owned),
        instance: template.map(|_| "a".to_owned()),
        spec_hash: "0123abcd".into(),
    };
    let spec = "\n[service.web]\ncommand = [\"/bin/web\"]\n";
    Corpus::of("stored").with(write(&header(None)) + spec).with(write(&header(Some("gate"))) + spec).words(&[
        "desired = \"down\"\n",
        "boot = \"up\"\n",
        "desired=\"up\"",
        "'''\n[",
        "\"\"\"\ndesired = 1",
        "later = 2026-01-01\n",
        "0x",
        "\"\\u0061\"",
        "\r\n",
    ])
}

/// What the scanner does not read, so that the parser reads all of it.
const NOT_CANONICAL: &[u8] = b"\t# for the parser\n";

#[test]
fn headers() {
    fuzz(corpus(), |document| {
        let scanned = read(document, "web");
        let parsed = read(&[NOT_CANONICAL, document].concat(), "web");
        match (&scanned, &parsed) {
            (Err(Fault::Corrupt(_)), Err(Fault::Corrupt(_))) => {}
            _ => assert_eq!(scanned, parsed, "the scanner and the parser differ"),
        }
        let Ok(header) = scanned else { return };
        assert_eq!(header.name, "web");
        assert_eq!(read(write(&header).as_bytes(), "web").as_ref(), Ok(&header));
        let Ok(text) = str::from_utf8(document) else { return };
        for desired in [Desired::Up, Desired::Down] {
            let Some(changed) = with_desired(text, "web", desired) else { continue };
            assert_eq!(read(changed.as_bytes(), "web"), Ok(Header { desired, ..header.clone() }));
            let spec = |text: &str| text[length(text.as_bytes())..].to_owned();
            assert_eq!(spec(&changed), spec(text));
        }
    });
}
