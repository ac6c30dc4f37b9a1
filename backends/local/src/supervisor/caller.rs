//! One connection, as the supervisor sees it: bytes come in until a request is whole, bytes go out when
//! there is room. Nothing here ever waits. It must not know what requests mean.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};

use crate::protocol::{GREETING, Greeting, MAX_FRAME, Verdict, Welcome, frame};

/// How long a caller may keep silent when it is his turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client.
#[derive(Debug)]
pub struct Caller {
    socket: OwnedFd,
    /// The number by which requests name it.
    pub id: u64,
    greeted: bool,
    /// A request is being worked on; nothing is read meanwhile.
    busy: bool,
    /// It is to be closed once all is written.
    closing: bool,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    heard: Instant,
}

/// What came of a caller.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// Nothing that matters.
    Nothing,
    /// The content of a request.
    Request(Vec<u8>),
    /// It is gone, or talks nonsense.
    Gone,
}

impl Caller {
    /// One that just connected. One of another user is told so, and nothing else.
    pub fn new(socket: OwnedFd, id: u64, is_ours: bool) -> Caller {
        let mut caller = Caller {
            socket,
            id,
            greeted: false,
            busy: false,
            closing: !is_ours,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            heard: Instant::now(),
        };
        if !is_ours {
            caller.output.extend(Welcome::ours(Verdict::NotYours).to_bytes());
        }
        caller
    }

    /// What poll(2) is to look for.
    pub fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        if !self.busy && !self.closing {
            flags |= PollFlags::IN;
        }
        if self.busy {
            // It may hang up: then nobody needs the answer.
            flags |= PollFlags::RDHUP;
        }
        if self.written < self.output.len() {
            flags |= PollFlags::OUT;
        }
        flags
    }

    /// Until when it has to say or take something.
    pub fn patience(&self) -> Option<Instant> {
        let waits_for_us = self.busy && self.output.is_empty();
        (!waits_for_us).then(|| self.heard + PATIENCE)
    }

    /// Moves bytes, as far as there are any.
    pub fn advance(&mut self, seen: PollFlags) -> Event {
        if self.busy && seen.intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR) {
            return Event::Gone;
        }
        if !self.flush() {
            return Event::Gone;
        }
        if self.busy || self.closing || !seen.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            return Event::Nothing;
        }
        if !self.fill() {
            return Event::Gone;
        }
        self.next()
    }

    /// Sends an answer, and is ready for the next request.
    pub fn answer(&mut self, content: &[u8]) -> Event {
        self.busy = false;
        self.heard = Instant::now();
        self.output.extend(frame(content));
        if self.flush() { self.next() } else { Event::Gone }
    }

    /// What the bytes that came so far amount to.
    fn next(&mut self) -> Event {
        if !self.greeted {
            let Some(bytes) = self.input.first_chunk::<GREETING>() else { return Event::Nothing };
            let Some(greeting) = Greeting::from_bytes(*bytes) else { return Event::Gone };
            self.input.drain(..GREETING);
            self.greeted = true;
            let verdict = greeting.in_common();
            self.closing = !matches!(verdict, Verdict::Speak(_));
            self.output.extend(Welcome::ours(verdict).to_bytes());
            if !self.flush() || (self.closing && self.output.is_empty()) {
                return Event::Gone;
            }
        }
        let Some(length) = self.input.first_chunk::<4>() else { return Event::Nothing };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Event::Gone;
        }
        if self.input.len() < 4 + length {
            return Event::Nothing;
        }
        self.busy = true;
        let rest = self.input.split_off(4 + length);
        let mut request = std::mem::replace(&mut self.input, rest);
        request.drain(..4);
        Event::Request(request)
    }

    /// Reads what is there; false when the other side is gone.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16384];
        // One frame at most is kept unread, with a little of the next: a client waits for its answer.
        while self.input.len() <= MAX_FRAME + buffer.len() {
            match recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return false,
                Ok((count, _)) => {
                    self.heard = Instant::now();
                    self.input.extend_from_slice(&buffer[..count]);
                }
                Err(Errno::WOULDBLOCK) => return true,
                Err(Errno::INTR) => (),
                Err(_) => return false,
            }
        }
        true
    }

    /// Writes what there is room for; false when the other side is gone, or all was said.
    fn flush(&mut self) -> bool {
        while self.written < self.output.len() {
            let rest = &self.output[self.written..];
            match send(&self.socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => {
                    self.heard = Instant::now();
                    self.written += count;
                }
                Err(Errno::WOULDBLOCK) => return true,
                Err(Errno::INTR) => (),
                Err(_) => return false,
            }
        }
        self.output = Vec::new();
        self.written = 0;
        true
    }

    /// Whether all was said that will be.
    pub fn is_done(&self) -> bool {
        self.closing && self.output.is_empty()
    }
}

impl AsFd for Caller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
