//! Reading values out of a message. Total: whatever the bytes are, the answer is a value or [`Garbled`].

/// What the bytes should be they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// The result of reading.
pub(crate) type Read<T> = Result<T, Garbled>;

/// Containers in containers; the specification has 32 arrays in 32 structures.
const DEEPEST: u32 = 64;

/// A value that is not made of others, out of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// A text, path or signature.
    Text(&'a str),
    /// Any whole number that is not negative.
    Number(u64),
    /// One that is.
    Negative(i64),
    /// A truth value.
    Bool(bool),
    /// An array of bytes.
    Bytes(&'a [u8]),
    /// Something else.
    Other,
}

/// A place in the bytes of a message.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    big_endian: bool,
}

macro_rules! number {
    ($($name:ident $ty:ty),*) => {$(
        pub(crate) fn $name(&mut self) -> Read<$ty> {
            const SIZE: usize = size_of::<$ty>();
            self.align(SIZE)?;
            let bytes = self.take(SIZE)?.try_into().map_err(|_| Garbled)?;
            Ok(if self.big_endian { <$ty>::from_be_bytes(bytes) } else { <$ty>::from_le_bytes(bytes) })
        }
    )*};
}

impl<'a> Reader<'a> {
    /// At the beginning of bytes that are aligned to eight in their message.
    pub(crate) fn new(bytes: &'a [u8], big_endian: bool) -> Reader<'a> {
        Reader { bytes, at: 0, big_endian }
    }

    number! { u16 u16, i16 i16, u32 u32, i32 i32, u64 u64, i64 i64 }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn bool(&mut self) -> Read<bool> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Garbled),
        }
    }

    /// A text or a path.
    pub(crate) fn text(&mut self) -> Read<&'a str> {
        let length = self.u32()?;
        self.ended(length as usize)
    }

    pub(crate) fn signature(&mut self) -> Read<&'a str> {
        let length = self.u8()?;
        self.ended(length.into())
    }

    /// The elements of an array, whose type has this alignment.
    pub(crate) fn array(&mut self, alignment: usize) -> Read<Reader<'a>> {
        let length = self.u32()? as usize;
        self.align(alignment)?;
        let from = self.at;
        self.take(length)?;
        Ok(Reader { bytes: &self.bytes[..self.at], at: from, big_endian: self.big_endian })
    }

    /// Goes to where a structure begins.
    pub(crate) fn structure(&mut self) -> Read<()> {
        self.align(8)
    }

    /// Whether nothing is left.
    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// A variant, if what is in it is simple.
    pub(crate) fn scalar(&mut self) -> Read<Scalar<'a>> {
        let signature = self.signature()?;
        let number = |n: i64| u64::try_from(n).map_or(Scalar::Negative(n), Scalar::Number);
        Ok(match signature {
            "s" | "o" => Scalar::Text(self.text()?),
            "g" => Scalar::Text(self.signature()?),
            "b" => Scalar::Bool(self.bool()?),
            "y" => Scalar::Number(self.u8()?.into()),
            "q" => Scalar::Number(self.u16()?.into()),
            "u" => Scalar::Number(self.u32()?.into()),
            "t" => Scalar::Number(self.u64()?),
            "n" => number(self.i16()?.into()),
            "i" => number(self.i32()?.into()),
            "x" => number(self.i64()?),
            "ay" => {
                let bytes = self.array(1)?;
                Scalar::Bytes(&bytes.bytes[bytes.at..])
            }
            other => {
                self.skip_one(&mut other.as_bytes(), 0)?;
                Scalar::Other
            }
        })
    }

    /// A variant that holds texts.
    pub(crate) fn texts(&mut self) -> Read<Vec<&'a str>> {
        if self.signature()? != "as" {
            return Err(Garbled);
        }
        let mut array = self.array(4)?;
        let mut texts = Vec::new();
        while !array.at_end() {
            texts.push(array.text()?);
        }
        Ok(texts)
    }

    /// Goes past one complete value, and past its type.
    fn skip_one(&mut self, signature: &mut &[u8], depth: u32) -> Read<()> {
        if depth > DEEPEST {
            return Err(Garbled);
        }
        let (&kind, rest) = signature.split_first().ok_or(Garbled)?;
        *signature = rest;
        match kind {
            b'y' => drop(self.u8()?),
            b'n' | b'q' => drop(self.u16()?),
            b'b' | b'i' | b'u' | b'h' => drop(self.u32()?),
            b'x' | b't' | b'd' => drop(self.u64()?),
            b's' | b'o' => drop(self.text()?),
            b'g' => drop(self.signature()?),
            b'v' => {
                let inner = self.signature()?;
                self.skip_one(&mut inner.as_bytes(), depth + 1)?;
            }
            b'a' => {
                let length = one_type(rest, depth + 1)?;
                *signature = &rest[length..];
                self.array(alignment(rest[0]))?;
            }
            b'(' | b'{' => {
                self.structure()?;
                while !matches!(signature.first(), Some(b')' | b'}')) {
                    self.skip_one(signature, depth + 1)?;
                }
                *signature = &signature[1..];
            }
            _ => return Err(Garbled),
        }
        Ok(())
    }

    fn ended(&mut self, length: usize) -> Read<&'a str> {
        let text = self.take(length)?;
        if self.u8()? != 0 || text.contains(&0) {
            return Err(Garbled);
        }
        str::from_utf8(text).map_err(|_| Garbled)
    }

    fn align(&mut self, to: usize) -> Read<()> {
        self.at = self.at.next_multiple_of(to);
        if self.at > self.bytes.len() { Err(Garbled) } else { Ok(()) }
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(Garbled)?;
        let taken = self.bytes.get(self.at..end).ok_or(Garbled)?;
        self.at = end;
        Ok(taken)
    }
}

/// The length of the first complete type of a signature.
fn one_type(signature: &[u8], depth: u32) -> Read<usize> {
    if depth > DEEPEST {
        return Err(Garbled);
    }
    match signature.first().ok_or(Garbled)? {
        b'a' => Ok(1 + one_type(&signature[1..], depth + 1)?),
        b'(' | b'{' => {
            let mut at = 1;
            while !matches!(signature.get(at), Some(b')' | b'}')) {
                at += one_type(signature.get(at..).ok_or(Garbled)?, depth + 1)?;
            }
            Ok(at + 1)
        }
        b'y' | b'n' | b'q' | b'b' | b'i' | b'u' | b'h' | b'x' | b't' | b'd' | b's' | b'o' | b'g' | b'v' => {
            Ok(1)
        }
        _ => Err(Garbled),
    }
}

fn alignment(kind: u8) -> usize {
    match kind {
        b'y' | b'g' | b'v' => 1,
        b'n' | b'q' => 2,
        b'x' | b't' | b'd' | b'(' | b'{' => 8,
        _ => 4,
    }
}
