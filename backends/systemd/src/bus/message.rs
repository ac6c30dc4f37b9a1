//! A whole message: its header, and where its arguments are.

use super::{
    Refusal,
    body::{Body, align, length, put_signature, put_text, put_u32},
    reader::{Garbled, Read, Reader},
};

/// The specification's limit, in bytes.
const LONGEST: u64 = 1 << 27;
/// The part of a header whose length is known.
pub(super) const FIXED: usize = 16;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Call,
    Return,
    Error,
    Signal,
    /// One of a newer version, which is to be ignored.
    Unknown,
}

/// A message that came.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) kind: Type,
    /// The call that it answers.
    pub(crate) reply_to: Option<u32>,
    pub(crate) path: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) member: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) sender: Option<String>,
    pub(crate) signature: String,
    body: Vec<u8>,
    big_endian: bool,
}

/// The length of the message that begins so; `None` while that can't be seen yet.
///
/// # Errors
/// When no message begins so.
pub(super) fn whole_length(bytes: &[u8]) -> Read<Option<usize>> {
    if bytes.len() < FIXED {
        return Ok(None);
    }
    let big_endian = endianness(bytes[0])?;
    let mut reader = Reader::new(&bytes[..FIXED], big_endian);
    reader.u32()?;
    let (body, _serial, fields) = (reader.u32()?, reader.u32()?, reader.u32()?);
    let total = FIXED as u64 + u64::from(fields).next_multiple_of(8) + u64::from(body);
    if bytes[3] != 1 || total > LONGEST {
        return Err(Garbled);
    }
    Ok(Some(total as usize))
}

fn endianness(byte: u8) -> Read<bool> {
    match byte {
        b'l' => Ok(false),
        b'B' => Ok(true),
        _ => Err(Garbled),
    }
}

impl Message {
    /// Reads one from bytes of exactly its length.
    ///
    /// # Errors
    /// When they are no message.
    pub(crate) fn parse(bytes: &[u8]) -> Read<Message> {
        if whole_length(bytes)? != Some(bytes.len()) {
            return Err(Garbled);
        }
        let big_endian = endianness(bytes[0])?;
        let kind = match bytes[1] {
            0 => return Err(Garbled),
            1 => Type::Call,
            2 => Type::Return,
            3 => Type::Error,
            4 => Type::Signal,
            _ => Type::Unknown,
        };
        let mut header = Reader::new(bytes, big_endian);
        header.u32()?;
        let body = header.u32()? as usize;
        if header.u32()? == 0 {
            return Err(Garbled);
        }
        let mut message = Message {
            kind,
            reply_to: None,
            path: None,
            interface: None,
            member: None,
            error: None,
            sender: None,
            signature: String::new(),
            body: bytes[bytes.len() - body..].to_vec(),
            big_endian,
        };
        let mut fields = header.array(8)?;
        while !fields.at_end() {
            message.field(&mut fields)?;
        }
        match kind {
            Type::Return | Type::Error if message.reply_to.is_none() => Err(Garbled),
            Type::Signal if message.member.is_none() => Err(Garbled),
            _ => Ok(message),
        }
    }

    fn field(&mut self, fields: &mut Reader<'_>) -> Read<()> {
        use super::Scalar::{Number, Text};
        fields.structure()?;
        let code = fields.u8()?;
        match (code, fields.scalar()?) {
            (1, Text(text)) => self.path = Some(text.to_owned()),
            (2, Text(text)) => self.interface = Some(text.to_owned()),
            (3, Text(text)) => self.member = Some(text.to_owned()),
            (4, Text(text)) => self.error = Some(text.to_owned()),
            (5, Number(serial)) => self.reply_to = Some(serial.try_into().map_err(|_| Garbled)?),
            (7, Text(text)) => self.sender = Some(text.to_owned()),
            (8, Text(text)) => self.signature = text.to_owned(),
            (1..=5 | 7 | 8, _) => return Err(Garbled),
            _ => {}
        }
        Ok(())
    }

    /// About what it takes to keep it, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Message>() + self.body.len()
    }

    /// The arguments, if their types are these.
    ///
    /// # Errors
    /// When they are not: the replies of errors and of other versions differ.
    pub(crate) fn body(&self, signature: &str) -> Read<Reader<'_>> {
        if self.signature == signature { Ok(Reader::new(&self.body, self.big_endian)) } else { Err(Garbled) }
    }

    /// The arguments, if their types begin so: a newer version may have added some.
    ///
    /// # Errors
    /// As [`Message::body`].
    pub(crate) fn body_from(&self, signature: &str) -> Read<Reader<'_>> {
        if self.signature.starts_with(signature) {
            Ok(Reader::new(&self.body, self.big_endian))
        } else {
            Err(Garbled)
        }
    }

    /// What an error says: its first argument is a text, if it has one.
    pub(crate) fn refusal(&self) -> Refusal {
        let text = self.body_from("s").and_then(|mut body| body.text()).unwrap_or_default();
        Refusal { name: self.error.clone().unwrap_or_default(), text: text.to_owned() }
    }
}

/// Puts a call as bytes.
pub(super) fn put_call(bytes: &mut Vec<u8>, serial: u32, call: &super::Call<'_>) {
    // The alignments count from the beginning of the message.
    let mut message = Vec::with_capacity(256);
    // Little-endian, a call, "start nobody for it", version 1.
    message.extend_from_slice(&[b'l', 1, 2, 1]);
    let Body { signature, bytes: body } = &call.body;
    put_u32(&mut message, length(body.len()));
    put_u32(&mut message, serial);
    put_u32(&mut message, 0);
    let fields =
        [(1, "o", call.path), (3, "s", call.member), (2, "s", call.interface), (6, "s", call.destination)];
    for (code, kind, text) in fields.into_iter().filter(|(.., text)| !text.is_empty()) {
        align(&mut message, 8);
        message.push(code);
        put_signature(&mut message, kind);
        put_text(&mut message, text);
    }
    if !signature.is_empty() {
        align(&mut message, 8);
        message.push(8);
        put_signature(&mut message, "g");
        put_signature(&mut message, signature);
    }
    let fields = length(message.len() - FIXED);
    message[FIXED - 4..FIXED].copy_from_slice(&fields.to_le_bytes());
    align(&mut message, 8);
    message.extend_from_slice(body);
    bytes.extend_from_slice(&message);
}
