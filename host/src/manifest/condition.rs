//! When a backend fits: conditions over facts. Three-valued: what can't be read, or is not known to this
//! version, is neither true nor false, under `not` as well, and does not make a backend fit. This module
//! must not read anything itself.

use crate::environment::{Answer, Fact, FactSource, Question};

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Each of these holds; true when there are none.
    All(Vec<Condition>),
    /// One of these holds; false when there are none.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// The answer is yes, or any text.
    Is(Question),
    /// The answer is this text.
    Equals(Question, String),
    /// Something of a newer version, by its key.
    Unknown(String),
}

/// What came of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

/// One condition, what it wanted, what was read: a line of `detect --explain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// How deep it is nested.
    pub depth: usize,
    /// What came of it.
    pub truth: Truth,
    /// What was wanted.
    pub wanted: String,
    /// The fact as read; nothing for `all`, `any` and `not`.
    pub read: Option<String>,
}

impl Condition {
    /// What comes of it; asks no more than it needs to.
    pub fn evaluate(&self, facts: &dyn FactSource) -> Truth {
        match self {
            Condition::All(parts) => decide(parts, facts, Truth::False, Truth::True),
            Condition::Any(parts) => decide(parts, facts, Truth::True, Truth::False),
            Condition::Not(part) => part.evaluate(facts).not(),
            Condition::Is(question) => match facts.ask(question) {
                Answer::Yes(_) | Answer::Text(_) => Truth::True,
                Answer::No(_) => Truth::False,
                Answer::Unreadable(_) => Truth::Unknown,
            },
            Condition::Equals(question, wanted) => match facts.ask(question) {
                Answer::Text(text) if text == *wanted => Truth::True,
                Answer::Text(_) | Answer::Yes(_) | Answer::No(_) => Truth::False,
                Answer::Unreadable(_) => Truth::Unknown,
            },
            Condition::Unknown(_) => Truth::Unknown,
        }
    }

    /// Every part of it with the fact as read, in the manifest's order; asks everything.
    pub fn explain(&self, facts: &dyn FactSource) -> Vec<Reason> {
        let mut reasons = Vec::new();
        self.explain_into(facts, 0, &mut reasons);
        reasons
    }

    fn explain_into(&self, facts: &dyn FactSource, depth: usize, reasons: &mut Vec<Reason>) {
        let truth = self.evaluate(facts);
        let mut push = |wanted: String, read| reasons.push(Reason { depth, truth, wanted, read });
        let read = |question: &Question| {
            Some(Fact { question: question.clone(), answer: facts.ask(question) }.to_string())
        };
        let parts = match self {
            Condition::All(parts) => {
                push("all of".to_owned(), None);
                parts.as_slice()
            }
            Condition::Any(parts) => {
                push("any of".to_owned(), None);
                parts.as_slice()
            }
            Condition::Not(part) => {
                push("not".to_owned(), None);
                std::slice::from_ref(&**part)
            }
            Condition::Is(question) => {
                push(question.to_string(), read(question));
                &[]
            }
            Condition::Equals(question, wanted) => {
                push(format!("{question} is `{}`", wanted.escape_debug()), read(question));
                &[]
            }
            Condition::Unknown(key) => {
                let key = key.escape_debug();
                push(format!("`{key}`"), Some("not known to this version of anysvc".to_owned()));
                &[]
            }
        };
        for part in parts {
            part.explain_into(facts, depth + 1, reasons);
        }
    }
}

impl Truth {
    fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

/// `all` is decided by the first false, `any` by the first true; else an unknown outweighs the rest.
fn decide(parts: &[Condition], facts: &dyn FactSource, decisive: Truth, otherwise: Truth) -> Truth {
    let mut result = otherwise;
    for part in parts {
        match part.evaluate(facts) {
            truth if truth == decisive => return decisive,
            Truth::Unknown => result = Truth::Unknown,
            _ => {}
        }
    }
    result
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
