//! Storing the templates of a spec file, by the rules that services are registered by.

use std::time::Duration;

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::object;
use crate::{
    output::{
        Output, error, exit_code,
        json::{self, Object},
    },
    session::Session,
    spec::Template,
    store::Store,
};

/// What became of the templates of a file.
pub struct Kept(Vec<(Template, Result<&'static str>)>);

impl Kept {
    /// Stores them. One that is there already and is another is left untouched, and that is an error unless
    /// it is to be replaced or left. The same one again is none: the services of its file may have failed,
    /// and be tried once more.
    ///
    /// # Errors
    /// When the store can't be locked.
    pub fn keep(session: &Session, templates: Vec<Template>, replace: bool, if_absent: bool) -> Result<Kept> {
        if templates.is_empty() {
            return Ok(Kept(Vec::new()));
        }
        let store = session.store()?.lock(session.working_deadline(Duration::ZERO))?;
        let mut words: Vec<Result<&'static str>> =
            templates.iter().map(|template| judge(&store, template, replace, if_absent)).collect();
        let changing = |word: &Result<&str>| matches!(word, Ok("stored" | "updated"));
        let changed: Vec<&Template> =
            templates.iter().zip(&words).filter(|(_, word)| changing(word)).map(|(t, _)| t).collect();
        let mut answers = store.put_templates(&changed).into_iter();
        for word in words.iter_mut().filter(|word| changing(word)) {
            if let Some(Err(error)) = answers.next() {
                *word = Err(error);
            }
        }
        Ok(Kept(templates.into_iter().zip(words).collect()))
    }

    /// Adds them to a document, if there were any.
    pub fn add_to(&self, document: Object) -> Object {
        let report = |(template, word): &(Template, Result<&str>)| {
            object(template).known("error", word.as_ref().err().map(error::object))
        };
        let all = (!self.0.is_empty()).then(|| json::list(self.0.iter().map(report)));
        document.known("templates", all)
    }

    /// Says what became of each; the code of the first that failed.
    pub fn tell(&self, out: &mut Output) -> u8 {
        for (template, word) in &self.0 {
            match word {
                Ok(word) => out.say(&format!("{word} the template {}", template.name)),
                Err(error) => out.error(error),
            }
        }
        let failed = self.0.iter().find_map(|(_, word)| word.as_ref().err());
        failed.map_or(0, exit_code::of)
    }
}

/// A word for what is to be done with a template.
fn judge(store: &Store, template: &Template, replace: bool, if_absent: bool) -> Result<&'static str> {
    // What can't be read can be replaced, but for what a newer version wrote: that is refused later.
    let known = match store.template(&template.name) {
        Err(_) if replace => None,
        known => known?,
    };
    match known {
        None => Ok("stored"),
        Some(_) if if_absent => Ok("kept"),
        Some(known) if known == *template => Ok("unchanged"),
        Some(_) if replace => Ok("updated"),
        Some(_) => {
            let message = format!("another template `{}` is already stored", template.name);
            Err(Error::new(ErrorKind::AlreadyRegistered, message)
                .with_hint("update it with --replace; services that were made from it stay as they are"))
        }
    }
}
