//! Whatever lies in a record: it is what was written, or it is told apart as damaged or newer.

use std::fs;

use anysvc_fuzz::{Corpus, fuzz};

use super::tests::{Lab, registration};
use super::*;

#[test]
fn record_files() {
    let lab = Lab::new("fuzz");
    let records = Records::create(&lab.place).expect("records of our own");
    let corpus = Corpus::of("record").with(content(&registration("a"))).words(&["anysvc local record 2\n"]);
    fuzz(corpus, |document| {
        fs::write(lab.path("services/a"), document).expect("a record can be written");
        let found = records.all().expect("the folder can be read");
        assert_eq!(found.services.len() + found.damaged.len(), 1, "it is one or the other");
        match records.one("a") {
            Ok(read) => {
                let (read, _) = read.expect("there is one");
                assert_eq!(read.spec.name, "a");
                let again = content(&read);
                assert!(again.len() <= document.len(), "nothing is made up");
                fs::write(lab.path("services/a"), again).expect("a record can be written");
                let text = |it: &Registration| format!("{it:?}");
                let once_more = records.one("a").expect("our own").expect("there is one").0;
                assert_eq!(text(&once_more), text(&read));
            }
            Err(error) => {
                let (_, said) = &found.damaged[0];
                assert_eq!((&error.kind, &error.message), (&said.kind, &said.message));
            }
        }
    });
}
