//! `template show`: the text of a template, where it is stored, and its instances.

use anysvc_backend_api::Result;

use super::{find, instances, object};
use crate::{
    output::{Output, Paint, Table, escape, json, json::Object},
    session::Session,
    spec::{Reveal, template_to_toml},
};

/// Runs the command.
pub fn run(session: &Session, name: &str, reveal: bool, out: &mut Output) -> Result<u8> {
    let template = find(session, name)?;
    let headers = instances(session, name)?;
    let text = template_to_toml(&template, if reveal { Reveal::Values } else { Reveal::Nothing });
    let path = session.store()?.template_file(name);
    if out.json() {
        let row = |header: &crate::store::Header| {
            Object::new()
                .maybe("instance", header.instance.as_deref())
                .with("name", header.name.as_str())
                .with("desired", header.desired.as_str())
        };
        let document = object(&template)
            .with("spec", text)
            .with("path", path.to_string_lossy().into_owned())
            .with("instances", json::list(headers.iter().map(row)));
        out.document(Object::new().with("template", document));
        return Ok(0);
    }
    out.painted(&format!("# stored in {}", escape::line(&path.display().to_string())), Paint::Faint);
    out.text("\n\n");
    out.text(&escape::block(&text));
    if !headers.is_empty() {
        let mut table = Table::new(&["INSTANCE", "SERVICE", "WANTED"]);
        for header in &headers {
            let instance = header.instance.as_deref().unwrap_or_default();
            table.row(vec![instance.into(), header.name.as_str().into(), header.desired.as_str().into()]);
        }
        out.text("\n");
        out.table(&table);
    }
    Ok(0)
}
