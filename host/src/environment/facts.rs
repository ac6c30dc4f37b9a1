//! What can be asked about the machine, and what can be answered. This module reads nothing, and must
//! not know what a fact means.

use std::{fmt, path::PathBuf};

/// Something that can be asked about the machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The operating system: `linux`, `macos`, `windows`.
    Os,
    /// The name of process 1's program.
    Pid1Comm,
    /// The arguments of process 1.
    Pid1Args,
    /// The identity of this boot of the kernel.
    BootId,
    /// Is there a regular file?
    File(PathBuf),
    /// Is there a folder?
    Directory(PathBuf),
    /// Is there a socket?
    Socket(PathBuf),
    /// Can this command be run?
    Command(String),
    /// The value of an environment variable.
    Variable(String),
    /// Is there such a key in the settings of the backend that asks?
    Setting(String),
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A text.
    Text(String),
    /// It is so; for a command, where.
    Yes(Option<PathBuf>),
    /// It is not so, and what is there instead.
    No(String),
    /// It could not be read, which is neither yes nor no.
    Unreadable(String),
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What was asked.
    pub question: Question,
    /// What was read.
    pub answer: Answer,
}

/// Who answers questions.
pub trait FactSource {
    /// The answer; the same one each time.
    fn ask(&self, question: &Question) -> Answer;
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Question::Os => f.write_str("operating system"),
            Question::Pid1Comm => f.write_str("name of process 1"),
            Question::Pid1Args => f.write_str("arguments of process 1"),
            Question::BootId => f.write_str("boot id"),
            Question::File(path) => write!(f, "file {}", path.display()),
            Question::Directory(path) => write!(f, "directory {}", path.display()),
            Question::Socket(path) => write!(f, "socket {}", path.display()),
            Question::Command(name) => write!(f, "command {name}"),
            Question::Variable(name) => write!(f, "environment variable {name}"),
            Question::Setting(key) => write!(f, "setting {key}"),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.question, &self.answer) {
            // A variable's value may be a secret, and this is what bug reports are made of.
            (Question::Variable(_), Answer::Text(_)) => f.write_str("set"),
            (_, Answer::Text(text)) => write!(f, "`{}`", text.escape_debug()),
            (_, Answer::Yes(Some(path))) => write!(f, "yes: {}", path.display()),
            (_, Answer::Yes(None)) => f.write_str("yes"),
            (_, Answer::No(instead)) => write!(f, "no: {instead}"),
            (_, Answer::Unreadable(cause)) => write!(f, "unreadable: {cause}"),
        }
    }
}
