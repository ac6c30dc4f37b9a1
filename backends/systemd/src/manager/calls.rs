//! The calls that are made of a manager, and what comes from it by itself.

use std::{path::PathBuf, time::Duration};

use anysvc_backend_api::{Deadline, Scope};

use super::{
    failure::{Failure, unanswered},
    name::{path_of, unit_at},
};
use crate::bus::{self, Answer, Body, Call, Connection, Fault, Garbled, Kind, Peer, Refusal, Type};

const DESTINATION: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// A manager that is connected to.
#[derive(Debug)]
pub(crate) struct Manager {
    connection: Connection,
    peer: Peer,
    scope: Scope,
    /// Who answers for the manager on the bus: nobody else's signals count.
    sender: Option<String>,
}

/// What a manager says by itself, or in answer to [`Manager::post_job`].
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// The answer to the call of this number: the job's own number.
    Queued(u32, Result<u32, Refusal>),
    /// A job is over, with its result.
    JobRemoved(u32, String),
    /// Something of a unit may have changed.
    Changed(String),
    /// All may have changed.
    Reloaded,
    /// Nothing that matters.
    Other,
}

impl Manager {
    pub(super) fn new(connection: Connection, peer: Peer, scope: Scope) -> Manager {
        Manager { connection, peer, scope, sender: None }
    }

    /// How it is reached.
    pub(crate) fn socket(&self) -> String {
        self.peer.socket.display().to_string()
    }

    /// Whether each word goes through a bus.
    pub(crate) fn on_bus(&self) -> bool {
        self.peer.kind == Kind::Bus
    }

    /// Whose manager.
    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// Its process, where that can be told.
    ///
    /// # Errors
    /// When nobody answers.
    pub(crate) fn pid(&mut self, deadline: Deadline) -> Result<Option<u32>, Failure> {
        if !self.on_bus() {
            return Ok(self.connection.peer());
        }
        let body = Body::new().text(DESTINATION);
        let (bus, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
        let ask = Call { destination: bus, path, interface: bus, member: "GetConnectionUnixProcessID", body };
        let answer = self.ask([ask], deadline)?.pop().ok_or(Fault::Garbled)?;
        Ok(answer.ok().and_then(|message| message.body("u").ok()?.u32().ok()))
    }

    /// The folders that it reads units from, the first first.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn folders(&mut self, deadline: Deadline) -> Result<Vec<PathBuf>, Failure> {
        let answer = self.ask([get(PATH, MANAGER, "UnitPath")], deadline)?.pop().ok_or(Fault::Garbled)??;
        Ok(answer.body("v")?.texts()?.into_iter().map(PathBuf::from).collect())
    }

    /// Some properties of the manager itself, as texts; an unknown one is empty.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn properties<const N: usize>(
        &mut self,
        names: [&str; N],
        deadline: Deadline,
    ) -> Result<[String; N], Failure> {
        let calls = names.map(|name| get(PATH, MANAGER, name));
        let answers = self.ask(calls, deadline)?;
        let mut texts = [const { String::new() }; N];
        for (text, answer) in texts.iter_mut().zip(answers) {
            let answer = match answer {
                Ok(answer) => answer,
                Err(refusal) if unanswered(&refusal) => return Err(refusal.into()),
                Err(_) => continue,
            };
            *text = match answer.body("v").and_then(|mut body| body.scalar()) {
                Ok(bus::Scalar::Text(text)) => text.to_owned(),
                Ok(bus::Scalar::Number(number)) => number.to_string(),
                _ => String::new(),
            };
        }
        Ok(texts)
    }

    /// Has the manager read all units again.
    ///
    /// # Errors
    /// As the manager says.
    pub(crate) fn reload(&mut self, deadline: Deadline) -> Result<(), Failure> {
        self.ask([call("Reload", Body::new())], deadline)?.pop().ok_or(Fault::Garbled)??;
        Ok(())
    }

    /// Has failures of units be forgotten; those that are not loaded have none.
    ///
    /// # Errors
    /// When the manager does not answer. What it says of single units does not matter: who may not do this
    /// may not do what follows either.
    pub(crate) fn reset_failed(&mut self, units: &[&str], deadline: Deadline) -> Result<(), Fault> {
        let calls = units.iter().map(|unit| call("ResetFailedUnit", Body::new().text(unit)));
        self.ask(calls, deadline).map(drop)
    }

    /// Sends a signal to the main process of a unit.
    ///
    /// # Errors
    /// As the manager says.
    pub(crate) fn kill(&mut self, unit: &str, signal: i32, deadline: Deadline) -> Result<(), Failure> {
        let body = Body::new().text(unit).text("main").number(signal);
        self.ask([call("KillUnit", body)], deadline)?.pop().ok_or(Fault::Garbled)??;
        Ok(())
    }

    /// Has the manager tell of what happens: of jobs, and with `units` of these units. The manager tells
    /// callers of their own jobs in any case.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn watch(&mut self, units: &[&str], all_jobs: bool, deadline: Deadline) -> Result<(), Fault> {
        let paths: Vec<String> = units.iter().map(|unit| path_of(unit)).collect();
        let mut calls = Vec::new();
        if self.on_bus() {
            calls.push(add_match(&format!("path='{PATH}',interface='{MANAGER}'")));
            match paths.len() {
                // A caller may have 512 rules.
                100.. => calls.push(add_match(&format!("path_namespace='{PATH}/unit'"))),
                _ => calls.extend(paths.iter().map(|path| add_match(&format!("path='{path}'")))),
            }
        }
        if all_jobs || !units.is_empty() {
            calls.push(call("Subscribe", Body::new()));
        }
        // Refused only to who is subscribed already.
        self.ask(calls, deadline).map(drop)
    }

    /// Writes down the call for a job (`StartUnit`, ...), to be sent with the next reading, and gives its
    /// number.
    pub(crate) fn post_job(&mut self, verb: &str, unit: &str) -> u32 {
        self.connection.post(&call(verb, Body::new().text(unit).text("replace")))
    }

    /// The next thing that the manager says.
    ///
    /// # Errors
    /// `Late` at the deadline; the connection's.
    pub(crate) fn next(&mut self, deadline: Deadline) -> Result<Message, Fault> {
        let message = self.connection.next(deadline)?;
        self.understand(&message)
    }

    /// The same where it says much, and nothing of it is urgent: read so long after it was said.
    ///
    /// # Errors
    /// As [`Manager::next`].
    pub(crate) fn next_of_many(&mut self, deadline: Deadline, pause: Duration) -> Result<Message, Fault> {
        let message = self.connection.next_of_many(deadline, pause)?;
        self.understand(&message)
    }

    /// What the manager said while answers were waited for, without waiting for more.
    ///
    /// # Errors
    /// When it makes no sense.
    pub(crate) fn heard(&mut self) -> Result<Option<Message>, Fault> {
        self.connection.kept().map(|message| self.understand(&message)).transpose()
    }

    fn understand(&mut self, message: &bus::Message) -> Result<Message, Fault> {
        self.know(message);
        match (message.kind, message.reply_to) {
            (Type::Error, Some(to)) => Ok(Message::Queued(to, Err(message.refusal()))),
            // Else the answer to another call, given up before.
            (Type::Return, Some(to)) => {
                Ok(read_job(message).map_or(Message::Other, |job| Message::Queued(to, Ok(job))))
            }
            (Type::Signal, _) if self.is_from_manager(message) => read_signal(message),
            _ => Ok(Message::Other),
        }
    }

    pub(super) fn ask<'a>(
        &mut self,
        calls: impl IntoIterator<Item = Call<'a>>,
        deadline: Deadline,
    ) -> Result<Vec<Answer>, Fault> {
        let answers = self.connection.ask(calls, deadline)?;
        answers.iter().flatten().for_each(|message| self.know(message));
        Ok(answers)
    }

    /// On a bus anybody may send us a signal; who answers our calls is the manager.
    fn know(&mut self, message: &bus::Message) {
        if self.on_bus() && message.kind == Type::Return && message.sender != self.sender {
            let is_bus = message.sender.as_deref() == Some("org.freedesktop.DBus");
            self.sender = if is_bus { self.sender.take() } else { message.sender.clone() };
        }
    }

    fn is_from_manager(&self, message: &bus::Message) -> bool {
        !self.on_bus() || (self.sender.is_some() && self.sender == message.sender)
    }
}

pub(super) fn call(member: &str, body: Body) -> Call<'_> {
    Call { destination: DESTINATION, path: PATH, interface: MANAGER, member, body }
}

pub(super) fn get<'a>(path: &'a str, interface: &str, name: &str) -> Call<'a> {
    let body = Body::new().text(interface).text(name);
    Call { destination: DESTINATION, path, interface: PROPERTIES, member: "Get", body }
}

fn add_match(rule: &str) -> Call<'static> {
    let bus = "org.freedesktop.DBus";
    let body = Body::new().text(&format!("type='signal',sender='{DESTINATION}',{rule}"));
    Call { destination: bus, path: "/org/freedesktop/DBus", interface: bus, member: "AddMatch", body }
}

/// A job's number, out of its path.
fn read_job(message: &bus::Message) -> Result<u32, Garbled> {
    let mut body = message.body("o")?;
    let number = body.text()?.strip_prefix("/org/freedesktop/systemd1/job/").ok_or(Garbled)?;
    number.parse().map_err(|_| Garbled)
}

fn read_signal(message: &bus::Message) -> Result<Message, Fault> {
    Ok(match message.member.as_deref() {
        Some("JobRemoved") => {
            let mut body = message.body_from("uoss")?;
            let job = body.u32()?;
            let (_path, _unit) = (body.text()?, body.text()?);
            Message::JobRemoved(job, body.text()?.to_owned())
        }
        // It begins with true and ends with false.
        Some("Reloading") if !message.body_from("b")?.bool()? => Message::Reloaded,
        Some("UnitRemoved" | "UnitNew") => Message::Changed(message.body_from("s")?.text()?.to_owned()),
        Some("PropertiesChanged") => match message.path.as_deref().and_then(unit_at) {
            Some(unit) => Message::Changed(unit),
            None => Message::Other,
        },
        _ => Message::Other,
    })
}
