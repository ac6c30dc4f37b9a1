//! `backends --matrix`: which field of a spec each backend honours, and how.

use anysvc_backend_api::{Description, Field, Result, Support, Value};

use super::backends;
use crate::{
    output::{
        Cell, Output, Paint, Table,
        json::{self, Object},
    },
    session::Session,
};

/// Runs the command.
pub fn run(session: &Session, out: &mut Output) -> Result<u8> {
    let mut descriptions = Vec::new();
    for found in &session.catalog().found {
        match backends::load(session, found).and_then(|loaded| loaded.describe()) {
            Ok(description) => descriptions.push(description),
            Err(error) => session.warn(error.message),
        }
    }
    if out.json() {
        let one = |description: &Description| {
            Object::new().with("id", description.id.as_str()).with("fields", fields(description))
        };
        out.document(
            Object::new()
                .maybe("backend", session.selected_id().ok())
                .with("scope", session.scope.as_str())
                .with("backends", json::list(descriptions.iter().map(one))),
        );
        return Ok(0);
    }
    out.table(&table(&descriptions));
    Ok(0)
}

fn known_fields() -> impl Iterator<Item = Field> {
    Field::ALL.iter().copied().filter(|field| *field != Field::Unknown)
}

fn table(descriptions: &[Description]) -> Table {
    let mut table = Table::new(&["FIELD", "BACKEND", "HOW", "NOTE"]);
    if let [one] = descriptions {
        return of_one(one);
    }
    for field in known_fields() {
        for description in descriptions {
            let support = description.support(field);
            let id = description.id.as_str();
            table.row(vec![
                field.as_str().into(),
                id.into(),
                Cell::painted(support.as_str(), paint(support)),
                note(description, field).unwrap_or_default().into(),
            ]);
        }
    }
    table
}

/// The fields of one backend, with its notes.
pub fn of_one(description: &Description) -> Table {
    let mut table = Table::new(&["FIELD", "HOW", "NOTE"]);
    for field in known_fields() {
        let support = description.support(field);
        let note = note(description, field).unwrap_or_default();
        table.row(vec![field.as_str().into(), Cell::painted(support.as_str(), paint(support)), note.into()]);
    }
    table
}

fn paint(support: Support) -> Paint {
    match support {
        Support::Native => Paint::Good,
        Support::Carried => Paint::Plain,
        Support::Refused => Paint::Faint,
    }
}

fn note(description: &Description, field: Field) -> Option<&str> {
    description.fields.iter().rfind(|f| f.field == field)?.note.as_deref()
}

/// The fields of a backend for programs.
pub fn fields(description: &Description) -> Value {
    json::list(known_fields().map(|field| {
        Object::new()
            .with("field", field.as_str())
            .with("support", description.support(field).as_str())
            .maybe("note", note(description, field))
    }))
}
