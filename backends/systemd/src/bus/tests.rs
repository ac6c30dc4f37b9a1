//! What is written reads back; whatever is read ends in a value or a fault; a connection keeps its head
//! whatever the other side does.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use anysvc_backend_api::Deadline;

use super::{
    body::{align, put_signature, put_text, put_u32},
    message::{FIXED, put_call, whole_length},
    *,
};

fn call(body: Body) -> Call<'static> {
    Call {
        destination: "org.freedesktop.systemd1",
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
        member: "StartUnit",
        body,
    }
}

fn bytes_of(call: &Call<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_call(&mut bytes, 7, call);
    bytes
}

/// A message as another side would write it.
pub(super) fn message(kind: u8, reply_to: u32, member: &str, signature: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![b'l', kind, 0, 1];
    put_u32(&mut bytes, body.len() as u32);
    put_u32(&mut bytes, 99);
    put_u32(&mut bytes, 0);
    if reply_to != 0 {
        bytes.push(5);
        put_signature(&mut bytes, "u");
        put_u32(&mut bytes, reply_to);
    }
    for (code, text) in [(3, member), (4, member)].iter().filter(|_| !member.is_empty()) {
        align(&mut bytes, 8);
        bytes.push(*code);
        put_signature(&mut bytes, "s");
        put_text(&mut bytes, text);
    }
    align(&mut bytes, 8);
    bytes.push(8);
    put_signature(&mut bytes, "g");
    put_signature(&mut bytes, signature);
    let fields = (bytes.len() - FIXED) as u32;
    bytes[12..16].copy_from_slice(&fields.to_le_bytes());
    align(&mut bytes, 8);
    bytes.extend_from_slice(body);
    bytes
}

/// A reply, a signal with a nest of everything, an error.
pub(super) fn samples() -> Vec<Vec<u8>> {
    let mut nest = Vec::new();
    put_u32(&mut nest, 5);
    put_text(&mut nest, "text");
    put_signature(&mut nest, "a(sa{sv}(tx)ay)");
    put_u32(&mut nest, 0);
    align(&mut nest, 8);
    put_signature(&mut nest, "v");
    put_signature(&mut nest, "t");
    align(&mut nest, 8);
    nest.extend_from_slice(&7u64.to_le_bytes());
    let text = Body::new().text("no such unit");
    vec![
        message(2, 1, "", "s", &text.bytes),
        message(4, 0, "JobRemoved", "usvv", &nest),
        message(3, 1, "a.b.NoSuchUnit", "s", &text.bytes),
        bytes_of(&call(Body::new().text("web.service").texts(["a", "", "ä"]).number(-1))),
    ]
}

#[test]
fn a_call_is_the_bytes_that_busctl_writes() {
    // As systemd 252's `busctl call -- org.freedesktop.systemd1 / a.b C sasi x 2 a "" -1` sent it, but for
    // the flags (it lets an agent ask for a password) and the serial (2).
    let expected = b"l\x01\x02\x01\x20\0\0\0\x07\0\0\0\x62\0\0\0\
        \x01\x01o\0\x01\0\0\0/\0\0\0\0\0\0\0\
        \x03\x01s\0\x01\0\0\0C\0\0\0\0\0\0\0\
        \x02\x01s\0\x03\0\0\0a.b\0\0\0\0\0\
        \x06\x01s\0\x18\0\0\0org.freedesktop.systemd1\0\0\0\0\0\0\0\0\
        \x08\x01g\0\x04sasi\0\0\0\0\0\0\0\
        \x01\0\0\0x\0\0\0\
        \x0d\0\0\0\x01\0\0\0a\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff";
    let call = Call {
        destination: "org.freedesktop.systemd1",
        path: "/",
        interface: "a.b",
        member: "C",
        body: Body::new().text("x").texts(["a", ""]).number(-1),
    };
    assert_eq!(bytes_of(&call), expected);
}

#[test]
fn what_is_written_reads_back() {
    let bytes = bytes_of(&call(Body::new().text("web.service").texts(["a", "", "ä"]).number(-1)));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.kind, message.member.as_deref()), (Type::Call, Some("StartUnit")));
    assert_eq!(message.path.as_deref(), Some("/org/freedesktop/systemd1"));
    let mut body = message.body("sasi").unwrap();
    assert_eq!(body.text(), Ok("web.service"));
    let mut texts = body.array(4).unwrap();
    assert_eq!([texts.text(), texts.text(), texts.text()], [Ok("a"), Ok(""), Ok("ä")]);
    assert!(texts.at_end());
    assert_eq!((body.i32(), body.at_end()), (Ok(-1), true));
    assert_eq!(message.body("s").unwrap_err(), Garbled, "the arguments are not what was asked for");
}

#[test]
fn what_is_not_wanted_is_skipped_to_the_byte() {
    let message = Message::parse(&samples()[1]).unwrap();
    let mut body = message.body("usvv").unwrap();
    assert_eq!((body.u32(), body.text()), (Ok(5), Ok("text")));
    assert_eq!(body.scalar(), Ok(Scalar::Other));
    assert_eq!(body.scalar(), Ok(Scalar::Other));
    assert!(body.at_end());
}

#[test]
fn both_orders_of_bytes_are_understood() {
    let mut bytes = vec![b'B', 2, 0, 1, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 15];
    bytes.extend_from_slice(b"\x05\x01u\0\0\0\0\x07\x08\x01g\0\x01t\0\0\x01\x02\x03\x04\x05\x06\x07\x08");
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.reply_to, Some(7));
    assert_eq!(message.body("t").unwrap().u64(), Ok(0x0102_0304_0506_0708));
}

/// Reads all that can be read of it, in every way that there is.
fn read_everything(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    message.refusal();
    for signature in [message.signature.clone(), "usvv".to_owned(), String::new()] {
        let Ok(mut body) = message.body_from(&signature) else { continue };
        for kind in signature.bytes() {
            let fine = match kind {
                b'u' => body.u32().is_ok(),
                b'i' => body.i32().is_ok(),
                b's' => body.text().is_ok(),
                b'v' => body.scalar().is_ok(),
                b'b' => body.bool().is_ok(),
                b'a' => body.array(8).is_ok_and(|mut all| all.scalar().is_ok() || all.structure().is_ok()),
                _ => body.u8().is_ok(),
            };
            if !fine {
                break;
            }
        }
    }
}

#[test]
fn whatever_the_bytes_are_reading_them_ends() {
    for sample in samples() {
        assert!(Message::parse(&sample).is_ok());
        for length in 0..sample.len() {
            assert!(Message::parse(&sample[..length]).is_err(), "{length} of {} bytes", sample.len());
        }
        for at in 0..sample.len() {
            for value in [0, 1, 4, 8, 0x7f, 0x80, 0xff, b'a', b'(', b'v', b's', sample[at] ^ 1] {
                let mut changed = sample.clone();
                changed[at] = value;
                read_everything(&changed);
            }
        }
    }
}

#[test]
fn a_nest_without_end_does_not_end_us() {
    for (signature, count) in [("v", 300_000), ("a", 200), ("(", 200)] {
        let mut body = Vec::new();
        match signature {
            "v" => (0..count).for_each(|_| put_signature(&mut body, "v")),
            _ => put_signature(&mut body, &signature.repeat(count)),
        }
        let bytes = message(2, 1, "", "v", &body);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.body("v").unwrap().scalar(), Err(Garbled), "{signature}");
    }
}

#[test]
fn lengths_that_are_too_long_are_refused_before_anything_is_kept_for_them() {
    let mut bytes = samples().remove(0);
    bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(whole_length(&bytes), Err(Garbled));
    assert_eq!(whole_length(&bytes[..15]), Ok(None));
}

fn pair() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::new(ours.into(), b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n".to_vec()), theirs)
}

/// Long enough for what is there already.
fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// For what never comes.
fn in_vain() -> Deadline {
    Deadline::after(Duration::from_millis(50))
}

fn some_call() -> Call<'static> {
    call(Body::new().text("web.service"))
}

#[test]
fn signals_before_an_answer_are_kept_and_answers_find_their_calls() {
    let (mut connection, mut other) = pair();
    other.write_all(b"OK 0123\r\n").unwrap();
    for sample in [
        message(4, 0, "JobRemoved", "", &[]),
        message(2, 2, "", "s", &Body::new().text("second").bytes),
        message(2, 77, "", "", &[]),
        message(3, 1, "a.b.No", "s", &Body::new().text("first").bytes),
    ] {
        other.write_all(&sample).unwrap();
    }
    let answers = connection.ask([some_call(), some_call()], soon()).unwrap();
    assert_eq!(answers[0].clone().unwrap_err(), Refusal { name: "a.b.No".into(), text: "first".into() });
    assert_eq!(answers[1].as_ref().unwrap().body("s").unwrap().text(), Ok("second"));
    assert_eq!(connection.next(soon()).unwrap().member.as_deref(), Some("JobRemoved"));
    assert_eq!(connection.next(soon()).unwrap().reply_to, Some(77), "of a call that was posted");
    assert_eq!(connection.next(in_vain()).unwrap_err(), Fault::Late);
}

#[test]
fn what_comes_in_pieces_is_put_together() {
    let (mut connection, mut other) = pair();
    let sample = message(2, 1, "", "", &[]);
    let writer = std::thread::spawn(move || {
        for byte in b"OK 0123\r\n".iter().chain(&sample) {
            other.write_all(&[*byte]).unwrap();
        }
        other
    });
    assert!(connection.ask([some_call()], soon()).unwrap()[0].is_ok());
    writer.join().unwrap();
}

#[test]
fn an_end_a_refusal_noise_and_silence_are_told_apart() {
    let (mut connection, other) = pair();
    drop(other);
    assert!(matches!(connection.ask([some_call()], soon()), Err(Fault::Lost(_))));
    let (mut connection, mut other) = pair();
    other.write_all(b"REJECTED EXTERNAL\r\n").unwrap();
    assert!(matches!(connection.ask([some_call()], soon()), Err(Fault::Refused(_))));
    let (mut connection, mut other) = pair();
    other.write_all(b"OK 0123\r\nthis is no message of D-Bus").unwrap();
    assert_eq!(connection.ask([some_call()], soon()).unwrap_err(), Fault::Garbled);
    let (mut connection, mut other) = pair();
    other.write_all(&vec![b'x'; 8192]).unwrap();
    assert_eq!(connection.ask([some_call()], soon()).unwrap_err(), Fault::Garbled);
    let (mut connection, _other) = pair();
    assert_eq!(connection.ask([some_call()], in_vain()).unwrap_err(), Fault::Late);
}

#[test]
fn one_that_does_not_read_can_not_hold_us_up_past_the_deadline() {
    let (mut connection, mut other) = pair();
    let long = "x".repeat(1 << 20);
    let calls = (0..50).map(|_| call(Body::new().text(&long)));
    assert_eq!(connection.ask(calls, in_vain()).unwrap_err(), Fault::Late);
    // And what was sent is what we wrote.
    let mut greeting = [0; 26];
    other.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n");
}

/// As anybody on a bus can be.
#[test]
fn one_that_talks_without_end_takes_neither_all_the_memory_nor_all_the_time() {
    let flood = |size: usize, deadline: Deadline| {
        let (mut connection, mut other) = pair();
        let noise = message(4, 0, "Noise", "s", &Body::new().text(&"x".repeat(size)).bytes);
        let talker = std::thread::spawn(move || {
            let mut sent = other.write_all(b"OK 0123\r\n");
            while sent.is_ok() {
                sent = other.write_all(&noise);
            }
        });
        let fault = connection.ask([some_call()], deadline).unwrap_err();
        drop(connection);
        talker.join().unwrap();
        fault
    };
    let fault = flood(1 << 20, Deadline::after(Duration::from_secs(60)));
    assert!(matches!(&fault, Fault::Lost(why) if why.contains("more came")), "{fault:?}");
    assert_eq!(flood(1, Deadline::after(Duration::ZERO)), Fault::Late);
}
