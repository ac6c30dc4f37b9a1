//! What is said over the socket, apart from how it is sent: the greeting, which never changes, and the
//! messages of the version that both sides agreed on. It knows no sockets and no services.
//!
//! A connection: the client greets with the versions it speaks, the supervisor answers with the one
//! that is spoken from then on (or with none, and its own). Then requests and answers take turns, each a
//! frame: four bytes of length, low end first, and one value.

mod greeting;
mod message;

pub use greeting::{GREETING, Greeting, Verdict, WELCOME, Welcome};
pub use message::{Ask, Reply, Request};

/// The longest frame. A batch that does not fit goes in several.
pub const MAX_FRAME: usize = 16 << 20;

/// A frame with this content.
pub fn frame(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("no frame is as long as 4 GiB");
    [&length.to_le_bytes(), content].concat()
}
