//! Every check of a backend, stage by stage, for its author: `anysvc backends verify PATH`.

use std::path::Path;

use anysvc_backend_api::{Description, Error};

use super::{Examined, load};
use crate::{
    discovery::{self, Found},
    environment::Environment,
    look, trust,
};

/// One stage and how it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// What was found out.
    pub outcome: Result<String, Error>,
}

/// All stages up to the first that failed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Verification {
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// What the backend says of itself, if it got so far.
    pub description: Option<Description>,
}

impl Verification {
    /// What is wrong; nothing when all is well.
    pub fn error(&self) -> Option<&Error> {
        self.stages.iter().find_map(|stage| stage.outcome.as_ref().err())
    }

    fn stage<T>(
        &mut self,
        name: &'static str,
        result: Result<T, Error>,
        say: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let outcome = result.as_ref().map(say).map_err(Clone::clone);
        self.stages.push(Stage { name, outcome });
        result.ok()
    }
}

/// Verifies a backend by its manifest, or by its library alone.
pub fn verify(path: &Path, env: &Environment) -> Verification {
    let mut report = Verification::default();
    let _ = stages(&mut report, path, env);
    report
}

fn stages(report: &mut Verification, path: &Path, env: &Environment) -> Option<()> {
    let found = if path.extension().is_some_and(|extension| extension == "toml") {
        let found = discovery::found_at(path, env);
        report.stage("manifest", found.manifest.clone(), |manifest| {
            format!("`{}`: {}", manifest.id, manifest.summary)
        })?;
        Some(found)
    } else {
        None
    };
    let library = found.as_ref().map_or_else(|| Ok(path.to_owned()), Found::library).ok()?;
    let file =
        report.stage("trust", trust::open(&library, env.owners()), |file| file.path.display().to_string())?;
    let note = report.stage("look", look::look(&file.file, &file.path), |note| {
        format!("API {}.{}, layout {:016x}", note.major, note.minor, note.fingerprint)
    })?;
    let id = found.as_ref().map_or_else(String::new, |found| found.id.clone());
    let loaded = load(Examined { id: id.clone(), note, file });
    let mut loaded = report.stage("load", loaded, |_| "its functions fit".to_owned())?;
    if found.is_none() {
        loaded.id =
            anysvc_backend_api::remote::describe(loaded.module, super::host_fns()).map_or(id, |d| d.id);
    }
    report.description =
        report.stage("describe", loaded.describe(), |d| format!("`{}` {}: {}", d.id, d.version, d.summary));
    Some(())
}
