//! The codec of the basic types: numbers, text, bytes, paths, times, lists, options.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use abi_stable::std_types::{RString, RVec};

use super::{Refusal, Wire};
use crate::{
    abi::{AbiValue, Entry},
    model::{Bytes, Signal, Value},
};

const MALFORMED: Refusal = Refusal::Malformed("");

impl Wire for bool {
    fn into_wire(self) -> AbiValue {
        AbiValue::Bool(self)
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        if let AbiValue::Bool(b) = value { Ok(b) } else { Err(MALFORMED) }
    }
    fn absent() -> Option<Self> {
        Some(false)
    }
    fn is_absent(&self) -> bool {
        !self
    }
}

macro_rules! integers {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            fn into_wire(self) -> AbiValue {
                AbiValue::Int(i64::try_from(self).unwrap_or(i64::MAX))
            }
            fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
                match value {
                    AbiValue::Int(n) => n.try_into().map_err(|_| MALFORMED),
                    _ => Err(MALFORMED),
                }
            }
        }
    )*};
}
integers!(i32, i64, u16, u32, u64);

impl Wire for String {
    fn into_wire(self) -> AbiValue {
        AbiValue::Text(self.into())
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        if let AbiValue::Text(text) = value { Ok(text.into()) } else { Err(MALFORMED) }
    }
}

impl Wire for Bytes {
    fn into_wire(self) -> AbiValue {
        AbiValue::Bytes(self.0.into())
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        match value {
            AbiValue::Bytes(bytes) => Ok(Bytes(bytes.into())),
            AbiValue::Text(text) => Ok(Bytes(text.into_string().into_bytes())),
            _ => Err(MALFORMED),
        }
    }
}

impl Wire for PathBuf {
    fn into_wire(self) -> AbiValue {
        AbiValue::Bytes(self.into_os_string().into_encoded_bytes().into())
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        let Bytes(bytes) = Bytes::from_wire(value)?;
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt as _;
            Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
        }
        #[cfg(not(unix))]
        {
            String::from_utf8(bytes).map(PathBuf::from).map_err(|_| MALFORMED)
        }
    }
}

impl Wire for Duration {
    fn into_wire(self) -> AbiValue {
        AbiValue::Int(i64::try_from(self.as_nanos()).unwrap_or(i64::MAX))
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        u64::from_wire(value).map(Duration::from_nanos)
    }
}

impl Wire for SystemTime {
    fn into_wire(self) -> AbiValue {
        match self.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.into_wire(),
            Err(before) => {
                AbiValue::Int(i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos))
            }
        }
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        let nanos = i64::from_wire(value)?;
        let distance = Duration::from_nanos(nanos.unsigned_abs());
        let time = match nanos {
            0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
            _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
        };
        time.ok_or(MALFORMED)
    }
}

impl Wire for Signal {
    fn into_wire(self) -> AbiValue {
        AbiValue::Text(self.name().into())
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        String::from_wire(value)?.parse().map_err(|_| MALFORMED)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn into_wire(self) -> AbiValue {
        self.map_or(AbiValue::Null, T::into_wire)
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        if value == AbiValue::Null { Ok(None) } else { T::from_wire(value).map(Some) }
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn into_wire(self) -> AbiValue {
        AbiValue::List(self.into_iter().map(T::into_wire).collect())
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        match value {
            AbiValue::List(items) => items.into_iter().map(T::from_wire).collect(),
            _ => Err(MALFORMED),
        }
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Wire> Wire for Box<T> {
    fn into_wire(self) -> AbiValue {
        (*self).into_wire()
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        T::from_wire(value).map(Box::new)
    }
}

impl Wire for Value {
    fn into_wire(self) -> AbiValue {
        match self {
            Value::Null => AbiValue::Null,
            Value::Bool(b) => AbiValue::Bool(b),
            Value::Int(n) => AbiValue::Int(n),
            Value::Float(f) => AbiValue::Float(f),
            Value::Text(text) => AbiValue::Text(text.into()),
            Value::List(items) => AbiValue::List(items.into_iter().map(Value::into_wire).collect()),
            Value::Map(pairs) => {
                let entry = |(key, value): (String, Value)| Entry {
                    key: RString::from(key),
                    value: value.into_wire(),
                };
                AbiValue::Map(pairs.into_iter().map(entry).collect::<RVec<_>>())
            }
        }
    }
    fn from_wire(value: AbiValue) -> Result<Self, Refusal> {
        Ok(match value {
            AbiValue::Null => Value::Null,
            AbiValue::Bool(b) => Value::Bool(b),
            AbiValue::Int(n) => Value::Int(n),
            AbiValue::Float(f) => Value::Float(f),
            AbiValue::Text(text) => Value::Text(text.into()),
            AbiValue::Bytes(bytes) => Value::Text(String::from_utf8_lossy(&bytes).into_owned()),
            AbiValue::List(items) => Value::List(Vec::from_wire(AbiValue::List(items))?),
            AbiValue::Map(entries) => {
                let pair = |e: Entry| Ok((e.key.into_string(), Value::from_wire(e.value)?));
                Value::Map(entries.into_iter().map(pair).collect::<Result<_, Refusal>>()?)
            }
            AbiValue::Bag(_) => return Err(MALFORMED),
        })
    }
    fn absent() -> Option<Self> {
        Some(Value::Null)
    }
    fn is_absent(&self) -> bool {
        *self == Value::Null
    }
}
