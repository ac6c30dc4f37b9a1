//! Whatever comes over a connection: it is the messages that are in it, up to the first that is none; what
//! is skipped ends where it ends when it is read; and what is written is read.

use std::{io::Write as _, os::unix::net::UnixStream, time::Duration};

use anysvc_backend_api::Deadline;
use anysvc_fuzz::{Corpus, Result as Chosen, Unstructured, check, fuzz};

use super::{
    body::{align, put_signature, put_text, put_u32},
    message::{put_call, whole_length},
    tests::{message, samples},
    *,
};

fn corpus() -> Corpus {
    let all = samples().concat();
    let words = ["a{sv}", "(", ")", "v", "a", "l\x02\x00\x01", "B\x04\x00\x01", "\u{ff}"];
    samples().into_iter().fold(Corpus::of("dbus").with(all).words(&words), Corpus::with)
}

/// Who cuts the bytes into messages by hand gets the same.
#[test]
fn messages_of_a_connection() {
    fuzz(corpus(), |document| {
        let (ours, mut theirs) = UnixStream::pair().expect("two sockets");
        // More than a socket takes is for the tests of connections.
        let document = &document[..document.len().min(64 << 10)];
        theirs.write_all(&[b"OK\r\n", document].concat()).expect("there is room");
        drop(theirs);
        let mut connection = Connection::new(ours.into(), Vec::new());
        let mut rest = document;
        loop {
            let by_hand = match whole_length(rest) {
                Ok(Some(length)) if length <= rest.len() => Message::parse(&rest[..length]).map(Some),
                Ok(_) => Ok(None),
                Err(garbled) => Err(garbled),
            };
            let came = connection.next(Deadline::after(Duration::from_secs(10)));
            match by_hand {
                Ok(Some(expected)) => {
                    let length = whole_length(rest).ok().flatten().expect("it has one");
                    rest = &rest[length..];
                    assert_eq!(format!("{:?}", came.expect("a message")), format!("{expected:?}"));
                }
                Ok(None) => return assert!(matches!(came, Err(Fault::Lost(_))), "{came:?}"),
                Err(Garbled) => return assert_eq!(came.expect_err("no message"), Fault::Garbled),
            }
        }
    });
}

/// Puts some value of a simple type, and gives its type.
fn put_some(bytes: &mut Vec<u8>, choices: &mut Unstructured<'_>) -> Chosen<&'static str> {
    let kind = *choices.choose(&["s", "o", "g", "b", "y", "u", "i", "t", "x", "ay"])?;
    // The type goes before the value, and has no alignment.
    put_signature(bytes, kind);
    match kind {
        "s" | "o" => put_text(bytes, choices.arbitrary::<&str>()?),
        "g" => put_signature(bytes, "a{sv}"),
        "b" => put_u32(bytes, choices.int_in_range(0..=1)?),
        "y" => bytes.push(choices.arbitrary()?),
        "u" | "i" => put_u32(bytes, choices.arbitrary()?),
        "ay" => {
            let content: Vec<u8> = choices.arbitrary()?;
            put_u32(bytes, content.len() as u32);
            bytes.extend_from_slice(&content);
        }
        _ => {
            align(bytes, 8);
            bytes.extend_from_slice(&choices.arbitrary::<u64>()?.to_le_bytes());
        }
    }
    Ok(kind)
}

#[test]
fn reading_and_skipping_end_at_the_same_byte() {
    check(|choices| {
        let (mut read, mut kinds) = (Vec::new(), Vec::new());
        for _ in 0..choices.int_in_range(1..=6)? {
            kinds.push(put_some(&mut read, choices)?);
        }
        let whole = message(2, 1, "", &"v".repeat(kinds.len()), &read);
        let parsed = Message::parse(&whole).expect("a message");
        let mut body = parsed.body(&"v".repeat(kinds.len())).expect("its types");
        for kind in &kinds {
            let value = body.scalar().unwrap_or_else(|_| panic!("a value of type {kind}"));
            assert_ne!(value, Scalar::Other, "{kind}");
        }
        assert!(body.at_end(), "{kinds:?}");
        // As the fields of one structure in a variant, which is skipped.
        let mut inner = Vec::new();
        put_signature(&mut inner, &format!("({})", "v".repeat(kinds.len())));
        align(&mut inner, 8);
        inner.extend_from_slice(&read);
        let whole = message(2, 1, "", "v", &inner);
        let parsed = Message::parse(&whole).expect("a message");
        let mut body = parsed.body("v").expect("its type");
        assert_eq!((body.scalar(), body.at_end()), (Ok(Scalar::Other), true), "{kinds:?}");
        Ok(())
    });
}

#[test]
fn what_is_written_is_read() {
    check(|choices| {
        let texts: Vec<String> = choices.arbitrary()?;
        let (text, number): (String, i32) = (choices.arbitrary()?, choices.arbitrary()?);
        let body = Body::new().text(&text).texts(texts.iter().map(String::as_str)).number(number);
        let mut bytes = Vec::new();
        let call = Call { destination: "a.b", path: "/", interface: "c.d", member: "E", body };
        put_call(&mut bytes, 1, &call);
        let message = Message::parse(&bytes).expect("a message");
        let mut body = message.body("sasi").expect("its types");
        // D-Bus has no NUL in texts.
        let up_to_nul = |text: &str| text.split('\0').next().unwrap_or_default().to_owned();
        assert_eq!(body.text().map(str::to_owned), Ok(up_to_nul(&text)));
        let mut array = body.array(4).expect("an array");
        for text in &texts {
            assert_eq!(array.text().map(str::to_owned), Ok(up_to_nul(text)));
        }
        assert!(array.at_end());
        assert_eq!((body.i32(), body.at_end()), (Ok(number), true));
        Ok(())
    });
}
