//! D-Bus: messages as bytes, and one connection. It knows no systemd.
//!
//! Written for what this backend needs: calls whose arguments are text and numbers, and reading whatever
//! comes. What is read is trusted in nothing: every length and every text is checked, and what makes no
//! sense is a [`Fault`], never a panic.

mod body;
mod connect;
mod connection;
mod message;
mod reader;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub(crate) use body::Body;
pub(crate) use connect::{Kind, Peer};
pub(crate) use connection::{Answer, Call, Connection};
pub(crate) use message::{Message, Type};
pub(crate) use reader::{Garbled, Reader, Scalar};

/// Why a connection is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody is there.
    Absent(String),
    /// The other side was there, and ended it.
    Lost(String),
    /// The deadline passed.
    Late,
    /// What came is no D-Bus.
    Garbled,
    /// The other side does not let us in.
    Refused(String),
}

impl From<Garbled> for Fault {
    fn from(_: Garbled) -> Fault {
        Fault::Garbled
    }
}

/// The answer to a call that was not done: the name of the error, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Refusal {
    /// Whether the last word of its name is this.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.name.rsplit('.').next() == Some(word)
    }
}
