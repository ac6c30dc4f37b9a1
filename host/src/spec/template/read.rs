//! The tables of a template that a service has not: its `name`, `instance` and `discover`.

use anysvc_backend_api::Result;
use toml::de::DeTable;

use super::{
    Discover, MARK, StateFile, Template,
    discover::{fault_of_file, fault_of_pointer},
    expand::with_instance,
};
use crate::spec::{
    Spec,
    file::{Reader, Section},
    input::Input,
    node::{Node, list, pairs, unknown_key},
    source::Fault,
};

/// The keys that only a template has.
const OWN: [&str; 3] = ["name", "instance", "discover"];
/// Whatever a template says has to make sense with an instance; this one is tried.
const TRIED: &str = "instance";

impl Section<'_> {
    /// The keys that it has beside those of a service.
    pub(in crate::spec) fn own(&self) -> &'static [&'static str] {
        if self.kind == "template" && self.part.is_empty() { &OWN } else { &[] }
    }

    /// Whether it has such a key.
    pub(in crate::spec) fn has_own(&self, key: &str) -> bool {
        self.own().contains(&key)
    }
}

impl Reader<'_> {
    /// `[template.NAME]`.
    pub(in crate::spec) fn template(
        &mut self,
        section: Section<'_>,
        at: usize,
        table: &DeTable<'_>,
    ) -> Result<()> {
        let mut spec = Spec::default();
        section.name.clone_into(&mut spec.service.name);
        let places = self.fill(section, &mut spec, table)?;
        let mut template = Template::new(section.name, spec);
        if let Some((key, _, node)) = own(table, "name") {
            template.rule = Input::File(node).text().map_err(|fault| self.of(section, key, node, fault))?;
            self.check_rule(section, &template, node)?;
        }
        self.check(section, &tried(&template, &template.spec, TRIED)?, &places, at)?;
        if let Some((key, _, node)) = own(table, "instance") {
            let hint = || format!("write [template.{}.instance.INSTANCE]", section.name);
            for (instance, at, node) in pairs(self.table(section, key, node.span().start, node, hint)?) {
                self.special(section, &mut template, instance, at, node)?;
            }
        }
        if let Some((key, at, node)) = own(table, "discover") {
            let hint = || format!("write [template.{}.discover]", section.name);
            let table = self.table(section, key, node.span().start, node, hint)?;
            let discover = self.discover(Section { part: "discover.", ..section }, at, table)?;
            self.check_looker(section, &template, &discover, key, at)?;
            template.discover = Some(discover);
        }
        self.file.templates.push(template);
        Ok(())
    }

    /// Who can make folders there must not be able to choose whom services run as: root, say.
    fn check_looker(
        &self,
        section: Section<'_>,
        template: &Template,
        discover: &Discover,
        key: &str,
        at: usize,
    ) -> Result<()> {
        let service = &template.spec.service;
        let chosen = [("user", &service.user), ("group", &service.group)];
        let chosen = chosen.iter().find(|(_, name)| name.as_ref().is_some_and(|name| name.contains(MARK)));
        match chosen {
            Some((field, _)) if discover.user.as_deref() != Some("root") => {
                let message = format!(
                    "with `{MARK}` in `{field}`, who makes a folder there would choose whom it runs as"
                );
                let hint = "write `user = \"root\"` into it, where the folders are root's alone".to_owned();
                Err(self.error(Fault { hint: Some(hint), ..Fault::from(message) }, at, Some((section, key))))
            }
            _ => Ok(()),
        }
    }

    /// A value of a key that is not as it has to be.
    fn of(
        &self,
        section: Section<'_>,
        key: &str,
        node: &Node<'_>,
        fault: Fault,
    ) -> anysvc_backend_api::Error {
        self.error(fault, node.span().start, Some((section, key)))
    }

    /// The rule has to give each instance a name of its own.
    fn check_rule(&self, section: Section<'_>, template: &Template, node: &Node<'_>) -> Result<()> {
        let rule = &template.rule;
        if rule.matches(MARK).count() != 1 {
            let fault = Fault::from(format!("`{}` does not have `{MARK}` once", rule.escape_debug()));
            let hint = Some(format!("write `{}-{MARK}`, for example", section.name));
            return Err(self.of(section, "name", node, Fault { hint, ..fault }));
        }
        template.service_name(TRIED).map(drop).map_err(|error| {
            self.of(section, "name", node, Fault { at: None, message: error.message, hint: error.hint })
        })
    }

    /// `[template.NAME.instance.INSTANCE]`: what it says holds in place of what the template says.
    fn special(
        &self,
        section: Section<'_>,
        template: &mut Template,
        instance: &str,
        at: usize,
        node: &Node<'_>,
    ) -> Result<()> {
        self.check_name(instance, at)?;
        let part = format!("instance.{instance}.");
        let section = Section { part: &part, ..section };
        let hint = || format!("write [template.{}.instance.{instance}] with keys of a service", section.name);
        let table = self.table(section, "", node.span().start, node, hint)?;
        let mut spec = template.spec.clone();
        let places = self.fill(section, &mut spec, table)?;
        self.check(section, &tried(template, &spec, instance)?, &places, at)?;
        template.special.insert(instance.to_owned(), spec);
        Ok(())
    }

    /// `[template.NAME.discover]`.
    fn discover(&self, section: Section<'_>, at: usize, table: &DeTable<'_>) -> Result<Discover> {
        const KEYS: [&str; 5] = ["directory", "marker", "user", "state", "stale"];
        let (mut directory, mut marker, mut user, mut state, mut stale) =
            (None, None, None, None, Vec::new());
        for (key, at, node) in pairs(table) {
            let fault = |fault: Fault| self.of(section, key, node, fault);
            match key {
                "directory" => {
                    let path = Input::File(node).path().map_err(fault)?;
                    if !path.is_absolute() {
                        return Err(fault(Fault::from("it is not an absolute path".to_owned())));
                    }
                    directory = Some(path);
                }
                "marker" => marker = Some(file_name(node).map_err(fault)?),
                "user" => user = Some(Input::File(node).text().map_err(fault)?),
                "stale" => stale = list(node, file_name).map_err(fault)?,
                "state" => {
                    let hint = || "write `{ file = ..., pointer = ... }`".to_owned();
                    let table = self.table(section, key, node.span().start, node, hint)?;
                    let part = format!("{}state.", section.part);
                    state = Some(self.state(Section { part: &part, ..section }, at, table)?);
                }
                _ => return Err(self.error(unknown_key(key, at, &KEYS), at, Some((section, "")))),
            }
        }
        let missing = |key: &str| self.missing(section, at, key);
        Ok(Discover {
            directory: directory.ok_or_else(|| missing("directory"))?,
            marker: marker.ok_or_else(|| missing("marker"))?,
            user,
            state,
            stale,
        })
    }

    /// `[template.NAME.discover.state]`.
    fn state(&self, section: Section<'_>, at: usize, table: &DeTable<'_>) -> Result<StateFile> {
        let (mut file, mut pointer, mut up) = (None, None, StateFile::usual_words());
        for (key, at, node) in pairs(table) {
            let fault = |fault: Fault| self.of(section, key, node, fault);
            match key {
                "file" => file = Some(file_name(node).map_err(fault)?),
                "pointer" => {
                    let text = Input::File(node).text().map_err(fault)?;
                    if let Some(message) = fault_of_pointer(&text) {
                        return Err(fault(Fault {
                            hint: Some("write it as RFC 6901 has it: `/gateway/state`".to_owned()),
                            ..Fault::from(message)
                        }));
                    }
                    pointer = Some(text);
                }
                "up" => up = list(node, |item| Input::File(item).text()).map_err(fault)?,
                _ => {
                    let fault = unknown_key(key, at, &["file", "pointer", "up"]);
                    return Err(self.error(fault, at, Some((section, ""))));
                }
            }
        }
        Ok(StateFile {
            file: file.ok_or_else(|| self.missing(section, at, "file"))?,
            pointer: pointer.ok_or_else(|| self.missing(section, at, "pointer"))?,
            up,
        })
    }

    fn missing(&self, section: Section<'_>, at: usize, key: &str) -> anysvc_backend_api::Error {
        self.error(Fault::from(format!("it has no `{key}`")), at, Some((section, "")))
    }
}

/// The key of a template, where it has it.
fn own<'n>(table: &'n DeTable<'n>, key: &str) -> Option<(&'n str, usize, &'n Node<'n>)> {
    pairs(table).into_iter().find(|(found, ..)| *found == key)
}

fn tried(template: &Template, spec: &Spec, instance: &str) -> Result<Spec> {
    Ok(with_instance(spec, &template.service_name(instance)?, instance))
}

fn file_name(node: &Node<'_>) -> std::result::Result<String, Fault> {
    let text = Input::File(node).text()?;
    fault_of_file(&text).map_or(Ok(text), |message| Err(Fault::from(message).at(node.span().start)))
}
