//! Asking about units: lists of them, and properties of each.

use std::iter::once;

use anysvc_backend_api::Deadline;

use super::{
    calls::{Manager, call, get},
    facts::{Facts, Property, Question},
    failure::{Failure, unanswered},
    name::path_of,
};
use crate::bus::{self, Answer, Body, Fault, Garbled, Reader};

/// From so many units on, it pays to ask first which of them need more questions.
const MANY: usize = 8;

/// A unit, and what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) listed: Listed,
    pub(crate) facts: Facts,
}

/// A unit as lists have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its own name, where another was asked for by an alias.
    pub(crate) id: String,
    pub(crate) load: String,
    pub(crate) active: String,
    pub(crate) sub: String,
    /// The job that is queued for it, and its kind.
    pub(crate) job: Option<(u32, String)>,
}

impl Manager {
    /// Some units with some properties of each. A unit that is not there is one whose `load` is
    /// `not-found`.
    ///
    /// # Errors
    /// The connection's, or what the manager says of the whole question.
    pub(crate) fn units(
        &mut self,
        units: &[&str],
        question: Question,
        deadline: Deadline,
    ) -> Result<Vec<Unit>, Failure> {
        let paths: Vec<String> = units.iter().map(|unit| path_of(unit)).collect();
        let list = call("ListUnitsByNames", Body::new().texts(units.iter().copied()));
        if units.len() < MANY || question.is_the_same_for_all() {
            let gets = paths.iter().flat_map(|path| gets(path, question.of_each));
            let mut answers = self.ask(once(list).chain(gets), deadline)?.into_iter();
            let listed = read_list(&answers.next().ok_or(Fault::Garbled)??)?;
            let listed = in_order(units, listed).into_iter();
            return listed.map(|l| unit(l, question.of_each, &mut answers)).collect();
        }
        let listed = self.ask([list], deadline)?.pop().ok_or(Fault::Garbled)??;
        let listed = in_order(units, read_list(&listed)?);
        let gets = listed.iter().zip(&paths).flat_map(|(listed, path)| gets(path, question.of(listed)));
        let mut answers = self.ask(gets, deadline)?.into_iter();
        let units = listed.into_iter().map(|l| {
            let asked = question.of(&l);
            unit(l, asked, &mut answers)
        });
        units.collect()
    }

    /// All units that are loaded.
    ///
    /// # Errors
    /// As [`Manager::units`].
    pub(crate) fn all_units(&mut self, deadline: Deadline) -> Result<Vec<Listed>, Failure> {
        let answer = self.ask([call("ListUnits", Body::new())], deadline)?.pop().ok_or(Fault::Garbled)??;
        Ok(read_list(&answer)?)
    }
}

fn gets<'a>(path: &'a str, properties: &'static [Property]) -> impl Iterator<Item = bus::Call<'a>> {
    properties.iter().map(move |property| get(path, property.interface(), property.name()))
}

fn unit(
    listed: Listed,
    asked: &[Property],
    answers: &mut impl Iterator<Item = Answer>,
) -> Result<Unit, Failure> {
    let mut facts = Facts::default();
    for (property, answer) in asked.iter().zip(answers) {
        match answer {
            Ok(message) => facts.take(*property, &message)?,
            // It was re-executed before it came to this question: there is an answer.
            Err(refusal) if unanswered(&refusal) => return Err(refusal.into()),
            // What a unit of this kind or version does not have.
            Err(_) => {}
        }
    }
    Ok(Unit { listed, facts })
}

/// The answers are in the order of the questions, with a unit's own name where an alias was asked for.
fn in_order(units: &[&str], listed: Vec<Listed>) -> Vec<Listed> {
    if listed.len() == units.len() {
        return listed;
    }
    let one =
        |unit: &&str| listed.iter().find(|l| l.id == **unit).cloned().unwrap_or_else(|| Listed::absent(unit));
    units.iter().map(one).collect()
}

impl Listed {
    fn absent(unit: &str) -> Listed {
        let [load, active, sub] = ["not-found", "inactive", "dead"].map(str::to_owned);
        Listed { id: unit.to_owned(), load, active, sub, job: None }
    }

    /// Whether there is no such unit, and nothing of it runs.
    pub(crate) fn is_absent(&self) -> bool {
        self.load == "not-found" && self.active == "inactive"
    }
}

fn read_list(message: &bus::Message) -> Result<Vec<Listed>, Garbled> {
    let mut body = message.body("a(ssssssouso)")?;
    let mut array = body.array(8)?;
    let mut listed = Vec::new();
    while !array.at_end() {
        listed.push(read_listed(&mut array)?);
    }
    Ok(listed)
}

fn read_listed(array: &mut Reader<'_>) -> Result<Listed, Garbled> {
    array.structure()?;
    let id = array.text()?.to_owned();
    let _description = array.text()?;
    let (load, active, sub) = (array.text()?.to_owned(), array.text()?.to_owned(), array.text()?.to_owned());
    let (_following, _path) = (array.text()?, array.text()?);
    let (job, kind, _job_path) = (array.u32()?, array.text()?, array.text()?);
    Ok(Listed { id, load, active, sub, job: (job != 0).then(|| (job, kind.to_owned())) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::STEPS;

    #[test]
    fn an_answer_that_was_lost_is_no_property_that_is_lacking() {
        let answered = |name: &str| {
            let answer = Err(bus::Refusal { name: name.into(), text: String::new() });
            unit(Listed::absent("web.service"), STEPS.of_each, &mut once(answer))
        };
        assert_eq!(answered("org.freedesktop.DBus.Error.UnknownProperty").unwrap().facts, Facts::default());
        assert!(answered("org.freedesktop.DBus.Error.NoReply").unwrap_err().is_loss());
    }
}
