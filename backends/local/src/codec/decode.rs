//! Bytes to values. Nothing is reserved on the word of a length: what is kept is at most what arrived,
//! so that a hostile count costs nothing.

use anysvc_backend_api::abi::{AbiValue, Attr, Bag, Entry};

use super::{Damaged, MAX_DEPTH, MOST_VALUES, keys, kind};

/// The value that these bytes are, all of them.
///
/// # Errors
/// What is wrong with them.
pub fn decode(bytes: &[u8]) -> Result<AbiValue, Damaged> {
    let mut reader = Reader { rest: bytes, left: MOST_VALUES };
    let value = reader.value(0)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(Damaged::Trailing) }
}

struct Reader<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<AbiValue, Damaged> {
        if depth > MAX_DEPTH {
            return Err(Damaged::Depth);
        }
        self.left = self.left.checked_sub(1).ok_or(Damaged::Many)?;
        Ok(match self.byte()? {
            kind::NULL => AbiValue::Null,
            kind::FALSE => AbiValue::Bool(false),
            kind::TRUE => AbiValue::Bool(true),
            kind::INT => AbiValue::Int(i64::from_le_bytes(self.array()?)),
            kind::FLOAT => AbiValue::Float(f64::from_le_bytes(self.array()?)),
            kind::TEXT => AbiValue::Text(self.text()?.into()),
            kind::BYTES => AbiValue::Bytes(self.sized()?.into()),
            kind::LIST => {
                let count = self.length()?;
                AbiValue::List(self.many(count, |r| r.value(depth + 1))?.into())
            }
            kind::MAP => {
                let count = self.length()?;
                let entry =
                    |r: &mut Reader<'a>| Ok(Entry { key: r.text()?.into(), value: r.value(depth + 1)? });
                AbiValue::Map(self.many(count, entry)?.into())
            }
            kind::BAG => {
                let count = self.length()?;
                AbiValue::Bag(Bag { attrs: self.many(count, |r| r.attr(depth))?.into() })
            }
            other => return Err(Damaged::Kind(other)),
        })
    }

    fn attr(&mut self, depth: usize) -> Result<Attr, Damaged> {
        let must = match self.byte()? {
            0 => false,
            1 => true,
            other => return Err(Damaged::Kind(other)),
        };
        let key = keys::known(self.text()?).ok_or(Damaged::Key)?;
        Ok(Attr { key: key.into(), must, value: self.value(depth + 1)? })
    }

    fn many<T>(
        &mut self,
        count: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Vec<T>, Damaged> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(one(self)?);
        }
        Ok(items)
    }

    fn text(&mut self) -> Result<&'a str, Damaged> {
        str::from_utf8(self.sized()?).map_err(|_| Damaged::Text)
    }

    fn sized(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.length()?;
        self.take(length)
    }

    fn length(&mut self) -> Result<usize, Damaged> {
        let mut length = 0;
        // Five groups of seven bits: more than any frame holds.
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(length).map_err(|_| Damaged::Truncated);
            }
        }
        Err(Damaged::Truncated)
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("as many as were asked for"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Damaged::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}
