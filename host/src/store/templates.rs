//! The templates of a store: kept as services are, in a folder of their own.

use std::path::PathBuf;

use anysvc_backend_api::{Result, check_name};

use super::{
    Locked, Problem, ProblemKind, Store, files_in,
    header::{self, Fault},
    name_of, open_in, problem,
    replace::Replacement,
    shelf::Shelf,
    unreadable,
};
use crate::spec::{self, Reveal, Template, template_to_toml};

impl Store {
    /// The file of a template, whether it is there or not.
    pub fn template_file(&self, name: &str) -> PathBuf {
        self.path.join("templates").join(format!("{name}.toml"))
    }

    /// A template.
    ///
    /// # Errors
    /// When its file is corrupt, newer or not to be trusted.
    pub fn template(&self, name: &str) -> Result<Option<Template>> {
        self.read_template(name).map_err(|problem| problem.error)
    }

    /// Every template, by name, and the files that can't be used.
    ///
    /// # Errors
    /// Only when the folder can't be read.
    pub fn templates(&self) -> Result<(Vec<Template>, Vec<Problem>)> {
        let (mut templates, mut problems) = (Vec::new(), Vec::new());
        let folder = || self.path.join("templates");
        for file in files_in(self.template_shelf()?)? {
            match name_of(folder, &file, "a template").and_then(|name| self.read_template(name)) {
                Ok(template) => templates.extend(template),
                Err(problem) => problems.push(problem),
            }
        }
        Ok((templates, problems))
    }

    fn template_shelf(&self) -> Result<Option<&Shelf>> {
        self.folders()?.map_or(Ok(None), |folders| folders.templates())
    }

    fn read_template(&self, name: &str) -> Result<Option<Template>, Problem> {
        let Some(mut file) = open_in(self.template_shelf(), name)? else { return Ok(None) };
        let path = self.template_file(name);
        let bytes = file.all().map_err(|e| unreadable(&path, name, &e))?;
        let parsed = String::from_utf8(bytes)
            .map_err(|_| Fault::Corrupt("it is not UTF-8".to_owned()))
            .and_then(|text| parse(&text, name, &path));
        parsed.map(Some).map_err(|fault| problem(&path, name, fault, "template remove"))
    }
}

impl Locked<'_> {
    /// Stores templates, in place of what had their names; one result each. They are on disk when this
    /// returns.
    ///
    /// # Errors
    /// For what a newer version wrote; for all when the files can't be written, with nothing changed.
    pub fn put_templates(&self, templates: &[&Template]) -> Vec<Result<()>> {
        let mut results: Vec<Result<()>> =
            templates.iter().map(|template| self.changeable(&template.name)).collect();
        let fine = templates.iter().zip(&results).filter(|(_, result)| result.is_ok());
        let files: Vec<Replacement<'_>> =
            fine.map(|(template, _)| Replacement { name: &template.name, text: text_of(template) }).collect();
        let mut written = match self.folders.templates_for_writing() {
            Ok(shelf) => self.folders.replace(shelf, &files),
            Err(error) => files.iter().map(|_| Err(error.clone())).collect(),
        }
        .into_iter();
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            *result = written.next().unwrap_or(Ok(()));
        }
        results
    }

    /// Forgets a template; whether it was there.
    ///
    /// # Errors
    /// For what a newer version wrote, and what can't be removed.
    pub fn remove_template(&self, name: &str) -> Result<bool> {
        if check_name(name).is_err() {
            return Ok(false);
        }
        self.changeable(name)?;
        match self.template_shelf()? {
            Some(shelf) => shelf.remove(&[name]).pop().unwrap_or(Ok(false)),
            None => Ok(false),
        }
    }

    /// Anything may be changed but what a newer version wrote.
    fn changeable(&self, name: &str) -> Result<()> {
        match self.read_template(name) {
            Err(Problem { kind: ProblemKind::Newer, error, .. }) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The text of a template's file.
fn text_of(template: &Template) -> String {
    format!("{}\n{}", header::begin(&template.name), template_to_toml(template, Reveal::Values))
}

/// Reads the text of a file.
fn parse(text: &str, name: &str, path: &std::path::Path) -> Result<Template, Fault> {
    header::read_pairs(text.as_bytes(), name)?;
    let source = spec::Source { path, text, base: header::length(text.as_bytes()) };
    let file = spec::parse_from(source).map_err(|e| Fault::Corrupt(e.message))?;
    match <[Template; 1]>::try_from(file.templates) {
        Ok([template]) if template.name == name && file.services.is_empty() => Ok(template),
        _ => Err(Fault::Corrupt(format!("it does not hold the one template `{name}`"))),
    }
}
