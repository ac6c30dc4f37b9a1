//! `template show`: the text of a template, where it is stored, and its instances.

use std::{collections::BTreeMap, time::Duration};

use anysvc_backend_api::Result;

use super::{find, object, registered};
use crate::{
    output::{Cell, Output, Paint, Table, escape, json, json::Object},
    session::Session,
    spec::{Reveal, Template, template_to_toml},
    store::Desired,
    templates::{self, Found},
};

/// Runs the command.
pub fn run(session: &Session, name: &str, reveal: bool, out: &mut Output) -> Result<u8> {
    let template = find(session, name)?;
    let instances = instances(session, &template)?;
    let text = template_to_toml(&template, if reveal { Reveal::Values } else { Reveal::Nothing });
    let path = session.store()?.template_file(name);
    if out.json() {
        let document = object(&template)
            .with("spec", text)
            .with("path", path.to_string_lossy().into_owned())
            .with("instances", json::list(instances.iter().map(Instance::object)));
        out.document(Object::new().with("template", document));
        return Ok(0);
    }
    out.painted(&format!("# stored in {}", escape::line(&path.display().to_string())), Paint::Faint);
    out.text("\n\n");
    out.text(&escape::block(&text));
    if !instances.is_empty() {
        let mut table = Table::new(&["INSTANCE", "SERVICE", "REGISTERED", "WANTED", "ON DISK", "SAYS"]);
        instances.iter().for_each(|instance| table.row(instance.row()));
        out.text("\n");
        out.table(&table);
    }
    Ok(0)
}

/// An instance: registered, on disk, or both.
#[derive(Default)]
struct Instance {
    name: String,
    service: String,
    desired: Option<Desired>,
    found: Option<Found>,
}

/// The instances that are registered and those that are on disk, by name.
fn instances(session: &Session, template: &Template) -> Result<Vec<Instance>> {
    let mut instances: BTreeMap<String, Instance> = BTreeMap::new();
    for header in registered(session, &template.name)? {
        let Some(name) = header.instance else { continue };
        let (service, desired) = (header.name, Some(header.desired));
        instances.insert(name.clone(), Instance { name, service, desired, found: None });
    }
    let deadline = session.working_deadline(Duration::ZERO);
    match templates::discover(template, session.env.caller(), deadline) {
        Ok(discovered) => {
            discovered.problems.iter().for_each(|problem| session.warn(problem.message.clone()));
            for found in discovered.found {
                let instance = instances.entry(found.instance.clone()).or_default();
                (instance.name, instance.service) = (found.instance.clone(), found.service.clone());
                instance.found = Some(found);
            }
        }
        Err(error) => session.warn(error.message),
    }
    Ok(instances.into_values().collect())
}

impl Instance {
    fn object(&self) -> Object {
        let found = self.found.as_ref();
        Object::new()
            .with("instance", self.name.as_str())
            .with("name", self.service.as_str())
            .with("registered", self.desired.is_some())
            .maybe("desired", self.desired.map(Desired::as_str))
            .with("found", found.is_some())
            .maybe("word", found.and_then(|found| found.word.as_deref()))
    }

    fn row(&self) -> Vec<Cell> {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" };
        let word = self.found.as_ref().and_then(|found| found.word.as_deref());
        vec![
            self.name.as_str().into(),
            self.service.as_str().into(),
            yes_no(self.desired.is_some()).into(),
            self.desired.map_or("", Desired::as_str).into(),
            yes_no(self.found.is_some()).into(),
            word.unwrap_or_default().into(),
        ]
    }
}
