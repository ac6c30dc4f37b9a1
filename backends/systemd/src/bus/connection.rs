//! One connection: calls go out, messages come in, each with a deadline. Calls may be sent before the
//! answers to earlier ones have come; what comes between answers is kept.

use std::{collections::VecDeque, os::fd::OwnedFd, time::Duration};

use anysvc_backend_api::Deadline;
use anysvc_backend_support::socket;
use rustix::{
    event::PollFlags,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};

use super::{
    Body, Fault, Refusal,
    message::{Message, Type, put_call, whole_length},
};

/// Calls that may wait for their answers at once: a bus refuses those of callers who have too many.
const WINDOW: usize = 100;
/// What may be kept between answers, in bytes: on a bus anybody may send us signals, of any size.
const MOST_KEPT: usize = 32 << 20;
/// No greeting is longer.
const LONGEST_LINE: usize = 4096;

/// A call to be made. What is empty is left out.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) destination: &'a str,
    pub(crate) path: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) member: &'a str,
    pub(crate) body: Body,
}

/// What came of a call.
pub(crate) type Answer = Result<Message, Refusal>;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    /// What came and was not looked at: from `seen` on.
    input: Vec<u8>,
    seen: usize,
    output: Vec<u8>,
    /// The last call's number.
    serial: u32,
    greeted: bool,
    /// What came between answers, and how much that is.
    kept: VecDeque<Message>,
    kept_size: usize,
    /// How long, after something came, more is let come before it is read.
    pause: Option<Duration>,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, greeting: Vec<u8>) -> Connection {
        Connection {
            socket,
            input: Vec::new(),
            seen: 0,
            output: greeting,
            serial: 0,
            greeted: false,
            kept: VecDeque::new(),
            kept_size: 0,
            pause: None,
        }
    }

    /// The process behind the socket.
    pub(crate) fn peer(&self) -> Option<u32> {
        let peer = rustix::net::sockopt::socket_peercred(&self.socket).ok()?;
        peer.pid.as_raw_nonzero().get().try_into().ok()
    }

    /// Writes a call down, to be sent with the next reading, and gives its number.
    pub(crate) fn post(&mut self, call: &Call<'_>) -> u32 {
        // 0 is no number.
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        put_call(&mut self.output, self.serial, call);
        self.serial
    }

    /// Makes some calls and gives the answers in the same order. What else comes meanwhile is kept.
    pub(crate) fn ask<'a>(
        &mut self,
        calls: impl IntoIterator<Item = Call<'a>>,
        deadline: Deadline,
    ) -> Result<Vec<Answer>, Fault> {
        let mut calls = calls.into_iter().fuse();
        let mut answers: Vec<Option<Answer>> = Vec::new();
        let (mut open, mut first) = (0, None);
        loop {
            while open < WINDOW
                && let Some(call) = calls.next()
            {
                let serial = self.post(&call);
                first.get_or_insert(serial);
                answers.push(None);
                open += 1;
            }
            if open == 0 {
                // None is left open, so that each has its answer.
                return Ok(answers.into_iter().flatten().collect());
            }
            let message = self.message(deadline)?;
            // Where there is always something to read, reading it does not end at the deadline.
            if deadline.passed() && message.reply_to.is_none() {
                return Err(Fault::Late);
            }
            let of = message.reply_to.zip(first).map(|(to, first)| to.wrapping_sub(first) as usize);
            match (message.kind, of.and_then(|at| answers.get_mut(at))) {
                (Type::Return | Type::Error, Some(slot @ None)) => {
                    *slot = Some(answer(message));
                    open -= 1;
                }
                // A signal, or the answer to a call that was posted.
                _ => self.keep(message)?,
            }
        }
    }

    /// The next message: one that was kept, or whatever comes.
    ///
    /// # Errors
    /// As the connection's; `Late` at the deadline, after which it can go on.
    pub(crate) fn next(&mut self, deadline: Deadline) -> Result<Message, Fault> {
        match self.kept() {
            Some(message) => Ok(message),
            None => self.message(deadline),
        }
    }

    /// The same; what has come is read after a pause only, with what came in that. Who is told very much by
    /// somebody who has work to do is not to be woken for each word.
    ///
    /// # Errors
    /// As [`Connection::next`].
    pub(crate) fn next_of_many(&mut self, deadline: Deadline, pause: Duration) -> Result<Message, Fault> {
        self.pause = Some(pause);
        let message = self.next(deadline);
        self.pause = None;
        message
    }

    /// The next message that came while answers were waited for.
    pub(crate) fn kept(&mut self) -> Option<Message> {
        let message = self.kept.pop_front()?;
        self.kept_size -= message.size();
        Some(message)
    }

    fn keep(&mut self, message: Message) -> Result<(), Fault> {
        self.kept_size += message.size();
        self.kept.push_back(message);
        match self.kept_size > MOST_KEPT {
            true => Err(Fault::Lost("more came than anybody asked for".to_owned())),
            false => Ok(()),
        }
    }

    /// Sends what is written down, and waits for the answer to the greeting.
    pub(super) fn greet(&mut self, deadline: Deadline) -> Result<(), Fault> {
        while !self.greeted {
            self.exchange(deadline)?;
            self.welcome()?;
        }
        Ok(())
    }

    fn message(&mut self, deadline: Deadline) -> Result<Message, Fault> {
        loop {
            if !self.greeted {
                self.welcome()?;
            }
            if self.greeted
                && let Some(message) = self.take()?
            {
                return Ok(message);
            }
            self.exchange(deadline)?;
        }
    }

    /// Takes a message off what came, if it is there as a whole.
    fn take(&mut self) -> Result<Option<Message>, Fault> {
        let came = &self.input[self.seen..];
        let Some(length) = whole_length(came)? else { return Ok(None) };
        let Some(bytes) = came.get(..length) else { return Ok(None) };
        let message = Message::parse(bytes)?;
        self.seen += length;
        Ok(Some(message))
    }

    /// Looks at the answer to the greeting, if it is there.
    fn welcome(&mut self) -> Result<(), Fault> {
        let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") else {
            return if self.input.len() > LONGEST_LINE { Err(Fault::Garbled) } else { Ok(()) };
        };
        let line = String::from_utf8_lossy(&self.input[..end]).into_owned();
        if !line.starts_with("OK") {
            return Err(Fault::Refused(format!("it answers {:?} to who we are", line)));
        }
        self.seen = end + 2;
        self.greeted = true;
        Ok(())
    }

    /// Sends what is to be sent and reads what is there, waiting until one of them can be done. Reading
    /// while we write, so that both sides never wait for each other.
    fn exchange(&mut self, deadline: Deadline) -> Result<(), Fault> {
        self.input.drain(..self.seen);
        self.seen = 0;
        loop {
            self.send()?;
            if self.receive()? {
                return Ok(());
            }
            let mut what = PollFlags::IN;
            what.set(PollFlags::OUT, !self.output.is_empty());
            socket::ready(&self.socket, what, deadline).map_err(|error| match error.kind() {
                std::io::ErrorKind::TimedOut => Fault::Late,
                _ => Fault::Lost(error.to_string()),
            })?;
            if let Some(pause) = self.pause {
                socket::pause(pause);
            }
        }
    }

    fn send(&mut self) -> Result<(), Fault> {
        while !self.output.is_empty() {
            match send(&self.socket, &self.output, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => break,
                Err(error) => return Err(Fault::Lost(error.to_string())),
            }
        }
        Ok(())
    }

    /// Whether anything came.
    fn receive(&mut self) -> Result<bool, Fault> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err(Fault::Lost("the other side ended the connection".to_owned())),
                Ok((count, _)) => {
                    self.input.extend_from_slice(&buffer[..count]);
                    return Ok(true);
                }
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(error) => return Err(Fault::Lost(error.to_string())),
            }
        }
    }
}

fn answer(message: Message) -> Answer {
    if message.kind == Type::Error { Err(message.refusal()) } else { Ok(message) }
}
