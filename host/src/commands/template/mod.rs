//! Templates: stored by `register --file`, looked at and forgotten by `template`.

mod keep;
mod show;

use std::time::Duration;

use anysvc_backend_api::{Error, ErrorKind, Result};

pub use keep::Kept;

use crate::{
    cli,
    output::{
        Output, Table, escape,
        json::{self, Object},
    },
    session::Session,
    spec::Template,
    store::Header,
};

/// Runs the command.
pub fn run(session: &Session, what: &cli::Template, out: &mut Output) -> Result<u8> {
    match what {
        cli::Template::List => list(session, out),
        cli::Template::Show { name, reveal } => show::run(session, name, *reveal, out),
        cli::Template::Remove(name) => remove(session, name, out),
    }
}

/// A template by its name.
///
/// # Errors
/// `not-registered` when there is none; as [`Store::template`](crate::store::Store::template).
pub fn find(session: &Session, name: &str) -> Result<Template> {
    session.store()?.template(name)?.ok_or_else(|| {
        let message = format!("there is no template `{}`", name.escape_debug());
        Error::new(ErrorKind::NotRegistered, message)
            .with_hint("`anysvc register --file FILE` stores the templates of a spec file")
    })
}

/// The stored services that were made from a template.
fn registered(session: &Session, template: &str) -> Result<Vec<Header>> {
    let mut headers = session.store()?.headers()?.headers;
    headers.retain(|header| header.template.as_deref() == Some(template));
    Ok(headers)
}

/// What every report says of a template.
fn object(template: &Template) -> Object {
    let directory = template.discover.as_ref().map(|discover| discover.directory.to_string_lossy());
    Object::new()
        .with("name", template.name.as_str())
        .with("service", template.rule.as_str())
        .maybe("directory", directory.map(|directory| directory.into_owned()))
}

fn list(session: &Session, out: &mut Output) -> Result<u8> {
    let (templates, problems) = session.store()?.templates()?;
    for problem in problems {
        session.warn(format!("set aside: {}", problem.error.message));
    }
    if out.json() {
        let mut rows = Vec::new();
        for template in &templates {
            let names = registered(session, &template.name)?.into_iter().filter_map(|header| header.instance);
            rows.push(object(template).with("instances", json::list(names)));
        }
        out.document(Object::new().with("templates", json::list(rows)));
        return Ok(0);
    }
    if templates.is_empty() {
        out.say("no template is stored here");
        out.hint("`anysvc register --file FILE` stores the templates of a spec file");
        return Ok(0);
    }
    let mut table = Table::new(&["TEMPLATE", "SERVICES", "INSTANCES", "FOUND IN"]);
    for template in &templates {
        let count = registered(session, &template.name)?.len().to_string();
        let directory = template.discover.as_ref().map(|d| d.directory.display().to_string());
        table.row(vec![
            template.name.as_str().into(),
            template.rule.as_str().into(),
            count.into(),
            directory.unwrap_or_default().into(),
        ]);
    }
    out.table(&table);
    Ok(0)
}

fn remove(session: &Session, name: &str, out: &mut Output) -> Result<u8> {
    let store = session.store()?.lock(session.working_deadline(Duration::ZERO))?;
    let was_there = store.remove_template(name)?;
    let shown = escape::line(name);
    if out.json() {
        out.document(Object::new().with("template", name).with("removed", was_there));
    }
    out.say(&if was_there { format!("removed {shown}") } else { format!("{shown} was not stored") });
    Ok(0)
}
